"""What a check is and what it says: a finding with a lasting id, or why it was not looked at."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pbx_bridge.doctor.gathered import Gathered

T = TypeVar("T")


class Severity(enum.StrEnum):
    """How much it matters, the worst first."""

    DANGER = "danger"  # somebody may break in, or calls are lost
    FAULT = "fault"  # something does not work
    ADVICE = "advice"  # it works, and could work better


class Trouble(enum.StrEnum):
    """Why a link told nothing."""

    DOWN = "down"
    REFUSED = "refused"
    NOT_ASKED = "not_asked"


@dataclass(frozen=True, slots=True)
class Unseen:
    """Something that could not be looked at. `trouble` matters where it is a link."""

    why: str
    trouble: Trouble = Trouble.NOT_ASKED


class NotLookedAt(Exception):
    """A check lacks what it needs; the message says why."""


def seen(part: T | Unseen) -> T:
    """The part itself. Raises NotLookedAt."""
    if isinstance(part, Unseen):
        raise NotLookedAt(part.why)
    return part


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing to look at.

    Attributes:
        id: its lasting name, as documents and other programs know it.
        why: why it matters. mend: what to do. Both are sentences.
        look: what is wrong, in a sentence; empty: nothing. Raises NotLookedAt.
    """

    id: str
    severity: Severity
    why: str
    mend: str
    look: Callable[[Gathered], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is wrong."""

    id: str
    severity: Severity
    what: str
    why: str
    mend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotLooked:
    """A check that could not be made."""

    id: str
    why: str


def check(id: str, severity: Severity, *, why: str, mend: str) -> Callable[[Callable[[Gathered], str]], Check]:
    """Make a check of a function that says what is wrong."""

    def made(look: Callable[[Gathered], str]) -> Check:
        return Check(id=id, severity=severity, why=why, mend=mend, look=look)

    return made


def listed(names: list[str], most: int = 8) -> str:
    """Names for a sentence; of many only the first."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
