"""Time that counts only while somebody works: by when so much of it has passed, and how much lies between. Pure.

A calendar tells its open spans day by day; without one, all time counts. Moments are aware, and come back in UTC, so
a day on which the clocks are changed has the hours it really has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

Span = tuple[datetime, datetime]

_LOOKS_AHEAD = 800  # days without any open hour, after which nobody will ever work again
_DAY = timedelta(days=1)
_NONE = timedelta()


class Calendar(Protocol):
    """When somebody works."""

    def day_of(self, moment: datetime) -> date:
        """The day on the office's wall of an aware moment."""

    def spans(self, day: date) -> Sequence[Span]:
        """The open spans of a day, `[start, end)` in UTC, in order; days follow each other without a gap."""


def add(calendar: Calendar | None, start: datetime, span: timedelta) -> datetime | None:
    """The moment at which so much working time has passed since `start`; None: it never comes."""
    if calendar is None:
        return start.astimezone(UTC) + span
    left, day, idle = span, calendar.day_of(start), 0
    while idle < _LOOKS_AHEAD:
        idle += 1
        for begins, ends in _from(calendar, day, start):
            if left <= ends - begins:
                return begins + left
            left, idle = left - (ends - begins), 0
        day += _DAY
    return None


def between(calendar: Calendar | None, start: datetime, end: datetime) -> timedelta:
    """The working time from one moment to another; none if the second is not later."""
    if end <= start:
        return _NONE
    if calendar is None:
        return end - start
    worked, day, last = _NONE, calendar.day_of(start), calendar.day_of(end)
    while day <= last:
        spans = _from(calendar, day, start)
        worked += sum((min(ends, end) - begins for begins, ends in spans if begins < end), _NONE)
        day += _DAY
    return worked


def _from(calendar: Calendar, day: date, start: datetime) -> Iterator[Span]:
    """What is left of a day's spans from a moment on."""
    for begins, ends in calendar.spans(day):
        if ends > start:
            yield max(begins, start).astimezone(UTC), ends
