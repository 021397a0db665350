"""Who is told next of a complaint that nobody answers: levels that are reached by time, or by hand. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One step up.

    Attributes:
        to: who is told, in the company's words: `the head of support`.
        after: reached by itself so long after the complaint was received; None: by hand only.
    """

    to: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A level as one complaint meets it; `number` counts from 1. `at`: when time reaches it; None: never."""

    number: int
    to: str
    at: datetime | None


def reached(levels: Sequence[Level], received_at: datetime, by_hand: int, until: datetime) -> int:
    """The level a complaint is at, 0 being none: the highest that people or time have brought it to by then."""
    by_time = [rung.number for rung in rungs(levels, received_at) if rung.at is not None and rung.at <= until]
    return min(max([by_hand, *by_time]), len(levels))


def rungs(levels: Sequence[Level], received_at: datetime) -> list[Rung]:
    """Every level of a complaint, in order."""
    return [
        Rung(number=number, to=level.to, at=None if level.after is None else received_at + level.after)
        for number, level in enumerate(levels, 1)
    ]
