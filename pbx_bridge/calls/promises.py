"""What customers are promised of a ticket, and how such a promise stands: kept, on time, near, stopped, broken. Pure.

    respond   until somebody of ours first did something that the customer can see or hear
    resolve   until it is resolved; the clock stops while it waits for the customer, and while it counted as resolved
    day       until the end of the day that callers are told; stopped likewise, but what was left is not given again

Both run in the office's hours where a calendar is told. Nothing is written when time passes: how a promise stands is
worked out from its deadline, from when it was met or stopped, and from the clock of whoever asks.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from pbx_bridge.values import working_time
from pbx_bridge.values.working_time import Calendar

RESPOND, RESOLVE, DAY = "respond", "resolve", "day"
_UTC = ZoneInfo("UTC")


class Stands(enum.StrEnum):
    """How a promise stands."""

    KEPT = "kept"
    RUNNING = "running"
    NEAR = "near"  # little working time is left
    STOPPED = "stopped"  # it waits for the customer, and was not broken before
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One promise of a ticket; times are aware.

    Attributes:
        what: `respond`, `resolve` or `day`.
        due: met at this moment, it is kept.
        stopped_at: since when its clock stands still; None: it runs.
        met: it was not only stopped, but done.
    """

    what: str
    due: datetime
    stopped_at: datetime | None = None
    met: bool = False

    def stands(self, now: datetime, near_until: datetime) -> Stands:
        """How it stands. `near_until`: see Promises."""
        if (self.stopped_at or now) > self.due:
            return Stands.BROKEN
        if self.stopped_at is not None:
            return Stands.KEPT if self.met else Stands.STOPPED
        return Stands.NEAR if self.due <= near_until else Stands.RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """By when a ticket is promised to be responded to and resolved; None: nothing was promised."""

    respond_by: datetime | None = None
    resolve_by: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """What is promised.

    Attributes:
        respond, resolve: the working time for each, by the kind of a ticket (`request`) and, where a customer's tier
            or the level of their contract has another, by both (`request:gold`).
        near: a promise with no more working time left than this is near.
        calendar: when somebody works; None: round the clock.
        zone: whose day it is that a contract must be valid on.
    """

    respond: Mapping[str, timedelta] = field(default_factory=dict)
    resolve: Mapping[str, timedelta] = field(default_factory=dict)
    near: timedelta = timedelta(hours=1)
    calendar: Calendar | None = None
    zone: ZoneInfo = _UTC

    def terms(self, kind: str, grades: Sequence[str], opened_at: datetime) -> Terms:
        """What is promised of a ticket. `grades`: contract level, then tier; the first that has an own one wins."""
        return Terms(
            respond_by=self._due(_wanted(self.respond, kind, grades), opened_at),
            resolve_by=self._due(_wanted(self.resolve, kind, grades), opened_at),
        )

    def near_until(self, now: datetime) -> datetime:
        """Promises due up to this moment are near."""
        return working_time.add(self.calendar, now, self.near) or now

    def moved(self, due: datetime, stopped_at: datetime, now: datetime) -> datetime:
        """A deadline whose clock stood still from one moment to another: what was left then is left now."""
        if stopped_at > due:
            return due
        left = working_time.between(self.calendar, stopped_at, due)
        return working_time.add(self.calendar, now, left) or due

    def left(self, due: datetime, now: datetime) -> timedelta:
        """The working time until a deadline; that since it, negative."""
        if due >= now:
            return working_time.between(self.calendar, now, due)
        return -working_time.between(self.calendar, due, now)

    def today(self, now: datetime) -> date:
        """The day it is."""
        return now.astimezone(self.zone).date()

    def _due(self, within: timedelta | None, opened_at: datetime) -> datetime | None:
        return None if within is None else working_time.add(self.calendar, opened_at, within)


def _wanted(targets: Mapping[str, timedelta], kind: str, grades: Sequence[str]) -> timedelta | None:
    named = {name.casefold(): within for name, within in targets.items()}
    keys = [*(f"{kind}:{grade}".casefold() for grade in grades if grade), kind]
    return next((named[key] for key in keys if key in named), None)
