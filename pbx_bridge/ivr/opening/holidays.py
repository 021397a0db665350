"""Holidays: which days, or parts of days, are closed, and why. Pure; the readers of files are beside it.

Everything is on the wall clock of the company's zone, in minutes since midnight.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from pbx_bridge.values.dates import to_jalali

DAY = 24 * 60  # minutes
MOST_DAYS = 50_000  # of one file, so that none can take the memory
MOST_A_DAY = 50  # likewise; and a caller's way is found by going through those of today
LONGEST_NAME = 100

When = TypeVar("When")


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A part of a day that is a holiday: minutes `[start, end)` since midnight; by default all of it."""

    name: str
    start: int = 0
    end: int = DAY


MonthDay = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class HolidayBook:
    """The holidays of one file.

    Attributes:
        source: the file as the flow names it.
        dated: by day. jalali, gregorian: by (month, day) of every year in that calendar.
        first_known, last_known: the dated ones are complete from and up to these days; None: no promise is made.
    """

    source: str
    dated: Mapping[date, tuple[Closed, ...]] = field(default_factory=dict)
    jalali: Mapping[MonthDay, tuple[Closed, ...]] = field(default_factory=dict)
    gregorian: Mapping[MonthDay, tuple[Closed, ...]] = field(default_factory=dict)
    first_known: date | None = None
    last_known: date | None = None

    def on(self, day: date) -> tuple[Closed, ...]:
        """What is closed on a day; dated ones first, for they have the better name."""
        found = self.dated.get(day, ()) + self.gregorian.get((day.month, day.day), ())
        if self.jalali:
            _, month, day_of_month = to_jalali(day)
            found += self.jalali.get((month, day_of_month), ())
        return found

    def knows(self, day: date) -> bool:
        """Whether the holidays of that day are known; always so for a file that promises nothing."""
        before = self.first_known is not None and day < self.first_known
        after = self.last_known is not None and day > self.last_known
        return not (before or after)


def add(found: MutableMapping[When, tuple[Closed, ...]], when: When, closed: Closed) -> None:
    """One more holiday on a day. Raises ValueError if there are too many."""
    others = found.get(when, ())
    if len(others) >= MOST_A_DAY:
        raise ValueError(f"with it there are more than {MOST_A_DAY} holidays on one day")
    found[when] = (*others, closed)


def is_shown(letter: str) -> bool:
    """Whether a letter may stand in a name: printable, or the half space that Persian writes with."""
    return letter.isprintable() or letter == "\u200c"
