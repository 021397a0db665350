"""When the office is open: weekly hours on the wall clock of the company's zone, less holidays. Pure.

A moment is looked at as the clock on the office's wall shows it. So an hour that a change of the clocks repeats is
open twice, and one that it leaves out never comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from pbx_bridge.ivr.opening.holidays import DAY, HolidayBook
from pbx_bridge.values import digits

WEEKDAYS = ("sat", "sun", "mon", "tue", "wed", "thu", "fri")
MOST_SPANS = 200  # of a week, so that no file makes checking it slow

_WEEK = 7 * DAY
_LOOKS_AHEAD = 400  # days
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class Week:
    """The hours of every week: spans of minutes since Saturday 00:00, `[start, end)`, in order, none touching."""

    spans: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, weekly: Mapping[str, str | Sequence[str]]) -> Week:
        """From days and hours as an admin writes them: `{"sat-wed": ["08:00-13:00", "14:00-17:00"]}`.

        Days may wrap (`thu-sat`) and be several (`sat, mon`); hours that end before they begin go over midnight.
        Raises ValueError saying what cannot be, naming the days and hours as written.
        """
        told = [span for days, hours in weekly.items() for span in _told(days, hours)]
        if not told:
            raise ValueError("there are no hours: it would never be open")
        if len(told) > MOST_SPANS:
            raise ValueError(f"more than {MOST_SPANS} hours in one week")
        told.sort()
        for (_, end, first), (start, _, second) in pairwise(told):
            if start < end:
                raise ValueError(f"{first} and {second} overlap")
        return cls(_joined([(start, end) for start, end, _ in told]))

    def is_open(self, local: datetime) -> bool:
        """Whether these hours hold at this time on the wall clock."""
        minute = _day_of_week(local.date()) * DAY + local.hour * 60 + local.minute
        return any(start <= minute < end for start, end in self.spans)

    def starts(self, day: date) -> Iterator[int]:
        """The minutes of a day at which hours begin."""
        first = _day_of_week(day) * DAY
        yield from (start - first for start, _ in self.spans if first <= start < first + DAY)

    def edges(self, day: date) -> Iterator[int]:
        """The minutes of a day at which hours begin or end."""
        first = _day_of_week(day) * DAY
        yield from (edge - first for span in self.spans for edge in span if first <= edge < first + DAY)


Result = Literal["open", "closed", "holiday"]


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether it is open, and the holiday if it is one."""

    result: Result
    holiday: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeHours:
    """Weekly hours and holidays in a zone. On a holiday it is closed whatever the week says."""

    week: Week
    holidays: tuple[HolidayBook, ...] = ()
    zone: ZoneInfo

    def standing(self, now: datetime) -> Standing:
        """How it stands at an aware moment."""
        local = now.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        for book in self.holidays:
            for closed in book.on(local.date()):
                if closed.start <= minute < closed.end:
                    return Standing("holiday", closed.name)
        return Standing("open" if self.week.is_open(local) else "closed")

    def opens(self, now: datetime) -> datetime | None:
        """The first moment from now on at which it is open, in its zone; None if there is none for 400 days."""
        if self.standing(now).result == "open":
            return now.astimezone(self.zone)
        today = now.astimezone(self.zone).date()
        for ahead in range(_LOOKS_AHEAD):
            for moment in self._turns(today + timedelta(days=ahead)):
                if moment > now and self.standing(moment).result == "open":
                    return moment.astimezone(self.zone)
        return None

    def _turns(self, day: date) -> list[datetime]:
        """Every moment of a day at which it can become open, in order, in UTC: no two times of one zone compare."""
        minutes = {0, *self.week.starts(day)}
        minutes |= {closed.end for book in self.holidays for closed in book.on(day) if closed.end < DAY}
        folds = [self._moment(day, minute, fold) for minute in minutes for fold in (0, 1)]
        return sorted({*folds, *self.clock_change(day)})

    def _moment(self, day: date, minute: int, fold: int = 0) -> datetime:
        return datetime.combine(day, time(minute // 60, minute % 60, fold=fold), self.zone).astimezone(UTC)

    def clock_change(self, day: date) -> Iterator[datetime]:
        """The moment at which the clocks are changed on a day, if they are."""
        before, after = self._moment(day, 0), self._moment(day + timedelta(days=1), 0, 1)
        if self._offset(before) == self._offset(after):
            return
        while after - before > timedelta(seconds=1):
            middle = before + (after - before) // 2
            if self._offset(middle) == self._offset(before):
                before = middle
            else:
                after = middle
        yield after.replace(microsecond=0)

    def _offset(self, moment: datetime) -> timedelta | None:
        return moment.astimezone(self.zone).utcoffset()


def weekday(day: date) -> str:
    """The short English name of a day of the week, as in `WEEKDAYS`."""
    return WEEKDAYS[_day_of_week(day)]


def _day_of_week(day: date) -> int:
    return (day.weekday() + 2) % 7  # the Iranian week begins on Saturday


def _told(days: str, hours: str | Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Start, end and words of each span; one that leaves the week goes on at its beginning."""
    for text in (hours,) if isinstance(hours, str) else hours:
        start, end = _minutes(days, text)
        for day in _days(days):
            words = f"{WEEKDAYS[day]} {text}"
            first, last = day * DAY + start, day * DAY + end
            yield first, min(last, _WEEK), words
            if last > _WEEK:
                yield 0, last - _WEEK, words


def _days(text: str) -> list[int]:
    """The days that `sat-wed` or `sat, mon` names."""
    named: list[int] = []
    for part in text.split(","):
        ends = [_day(text, name) for name in part.split("-")]
        if len(ends) > 2:
            raise ValueError(f"{text!r}: write a day (sat), several (sat, mon) or from and to (sat-wed)")
        named += [(ends[0] + step) % 7 for step in range((ends[-1] - ends[0]) % 7 + 1)]
    if len(set(named)) < len(named):
        raise ValueError(f"{text!r} names a day twice")
    return named


def _day(text: str, name: str) -> int:
    try:
        return WEEKDAYS.index(name.strip().lower())
    except ValueError:
        raise ValueError(f"{text!r}: no day is called {name.strip()!r}; days are {', '.join(WEEKDAYS)}") from None


def _minutes(days: str, text: str) -> tuple[int, int]:
    """Start and end in minutes since the day's midnight; the end may be on the next day."""
    start, end = clock_span(text, f"{days}: {text!r}")
    if start == end:
        raise ValueError(f"{days}: {text!r} has no length; the whole day is 00:00-24:00")
    return start, end if end > start else end + DAY


def clock_span(text: str, what: str) -> tuple[int, int]:
    """The two times of `08:00-13:00` in minutes; the second may be 24:00. Raises ValueError beginning with `what`."""
    match = _SPAN.fullmatch(digits.to_ascii(text.strip()))
    if match is None:
        raise ValueError(f"{what} is no span of time: write 08:00-13:00")
    first_hour, first_minute, last_hour, last_minute = (int(part) for part in match.groups())
    start, end = first_hour * 60 + first_minute, last_hour * 60 + last_minute
    if first_hour > 23 or max(first_minute, last_minute) > 59 or end > DAY:
        raise ValueError(f"{what}: there is no such time of day")
    return start, end


def _joined(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The same minutes with spans that touch made one."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)
