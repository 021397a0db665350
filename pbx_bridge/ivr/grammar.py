"""What a language must be able to say, and the values that have a form of their own. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from typing import Literal, Protocol

ValueKind = Literal["digits", "tracking", "count", "money", "date", "time", "duration"]
FreeKind = Literal["name", "text"]  # what people wrote: no voice has it in stock, it is made ahead
Kind = Literal[ValueKind, FreeKind]

LARGEST = 10**12  # the largest count that can be said, of either sign


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount of money in whole units; 1 toman is 10 rials and neither is ever turned into the other."""

    amount: int
    currency: Literal["toman", "rial"]


class Grammar(Protocol):
    """How a language says values: each method gives clip texts, in order."""

    def count(self, number: int) -> tuple[str, ...]:
        """A whole number, from -LARGEST to LARGEST."""

    def money(self, money: Money) -> tuple[str, ...]:
        """An amount and its currency."""

    def day(self, day: date) -> tuple[str, ...]:
        """A day, in the calendar of the language."""

    def clock(self, clock: time) -> tuple[str, ...]:
        """A time of day, to the minute."""

    def duration(self, seconds: int) -> tuple[str, ...]:
        """A length of time, not negative."""

    def inventory(self, kind: ValueKind) -> frozenset[str]:
        """Every clip text that a value of this kind can need."""

    def shown(self, text: str) -> str:
        """The text as people write it, without the signs that guide the voice."""

    def shown_digits(self, text: str) -> str:
        """ASCII digits as the language writes them."""

    def shown_date(self, day: date) -> str:
        """A day as people write it in a sentence."""


def thousands(number: int) -> Iterator[tuple[int, int]]:
    """The non-zero groups of three digits of a positive number, largest first: (group, power of a thousand)."""
    for power in range(4, -1, -1):
        group = number // 1000**power % 1000
        if group:
            yield group, power


def hours_minutes_seconds(seconds: int) -> tuple[int, int, int]:
    """A length of time in its units."""
    minutes, seconds = divmod(seconds, 60)
    return minutes // 60, minutes % 60, seconds
