"""The office's hours as a calendar of working time (values/working_time.py): its open spans, day by day. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise

from pbx_bridge.ivr.opening.holidays import DAY
from pbx_bridge.ivr.opening.hours import OfficeHours
from pbx_bridge.values.working_time import Span

_DAY = timedelta(days=1)
_REMEMBERED = 4000  # days


@dataclass(frozen=True, slots=True, eq=False)
class OfficeCalendar:
    """The spans in which `hours` says `open`."""

    hours: OfficeHours

    def day_of(self, moment: datetime) -> date:
        """See Calendar."""
        return moment.astimezone(self.hours.zone).date()

    def spans(self, day: date) -> tuple[Span, ...]:
        """See Calendar."""
        return _spans(self, day)

    def edges(self, day: date) -> Iterator[datetime]:
        """Every moment at which a day can become open or closed, in UTC."""
        minutes = {0, *self.hours.week.edges(day)}
        for book in self.hours.holidays:
            minutes |= {edge for closed in book.on(day) for edge in (closed.start, closed.end) if edge < DAY}
        for minute in minutes:
            for fold in (0, 1):
                yield self.moment(day, minute, fold)
        yield from self.hours.clock_change(day)

    def moment(self, day: date, minute: int, fold: int = 0) -> datetime:
        """A time of a day on the wall, in UTC."""
        at = time(minute // 60, minute % 60, fold=fold)
        return datetime.combine(day, at, self.hours.zone).astimezone(UTC)


@lru_cache(_REMEMBERED)
def _spans(calendar: OfficeCalendar, day: date) -> tuple[Span, ...]:
    start, end = calendar.moment(day, 0), calendar.moment(day + _DAY, 0)
    # The days around it: where the clocks are changed at midnight a day may have hours of its neighbour.
    edges = {edge for near in (day - _DAY, day, day + _DAY) for edge in calendar.edges(near) if start < edge < end}
    open_ones: list[Span] = []
    for begins, ends in pairwise([start, *sorted(edges), end]):
        if calendar.hours.standing(begins).result != "open":
            continue
        if open_ones and open_ones[-1][1] == begins:
            open_ones[-1] = (open_ones[-1][0], ends)
        else:
            open_ones.append((begins, ends))
    return tuple(open_ones)
