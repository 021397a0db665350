"""`hours`: is the office open."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import msgspec

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.known import OpeningFacts
from pbx_bridge.ivr.nodes.base import Kind, NodeName
from pbx_bridge.ivr.opening.hours import OfficeHours, Standing, Week, weekday

if TYPE_CHECKING:
    from datetime import datetime

    from pbx_bridge.ivr.turn import Turn

HolidaySource = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(iran|[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}\.(yaml|yml|ics))$",
        description="iran, or the name of a .yaml or .ics file beside the flow",
    ),
]


class HoursNode(Kind, frozen=True, kw_only=True, tag="hours", dict=True):
    """A way by the company's clock. On a holiday that is `holiday` or, without it, `closed`, whatever the week says.

    Attributes:
        weekly: hours by days, as `Week.parse` reads them.
        holidays: where they stand; the names that `Flow.holidays` has them by.
    """

    weekly: dict[str, str | tuple[str, ...]]
    open: NodeName
    closed: NodeName
    holiday: NodeName | None = None
    holidays: tuple[HolidaySource, ...] = ()

    def __post_init__(self) -> None:
        """Refuse hours that cannot be."""
        _ = self.week

    def makes_known(self) -> Mapping[str, tuple[str, ...]]:
        """See Kind."""
        return dict.fromkeys(("closed", "holiday"), ("opening",))

    @cached_property
    def week(self) -> Week:
        """The weekly hours, ready to be asked."""
        return Week.parse(self.weekly)

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        flow = turn.flow
        books = tuple(flow.holidays[name] for name in self.holidays)
        hours = OfficeHours(week=self.week, holidays=books, zone=flow.zone)
        standing = hours.standing(turn.now)
        opens = None if standing.result == "open" else hours.opens(turn.now)
        turn.set(opening=_opening(standing, opens, turn.now))
        _note(turn, standing, opens)
        turn.enter(self._way(standing))

    def _way(self, standing: Standing) -> str:
        if standing.result == "open":
            return self.open
        return self.holiday if standing.result == "holiday" and self.holiday else self.closed


def _opening(standing: Standing, opens: datetime | None, now: datetime) -> OpeningFacts | None:
    if opens is None:
        return None
    days = (opens.date() - now.astimezone(opens.tzinfo).date()).days
    day = {0: "today", 1: "tomorrow"}.get(days) or weekday(opens.date())
    because = "holiday" if standing.result == "holiday" else "hours"
    return OpeningFacts(because=because, day=day, on=opens.date(), at=opens.time().replace(second=0, microsecond=0))


def _note(turn: Turn, standing: Standing, opens: datetime | None) -> None:
    told = {"holiday": standing.holiday} if standing.holiday else {}
    if opens is not None:
        told["opens_at"] = opens.isoformat(timespec="minutes")
    turn.step(StepKind.HOURS, result=standing.result, **told)
