"""The rules of callbacks: which is called first and why, when one is tried again, what a call for it means. Pure.

asked for ──► open ──► tried in vain ──► open, due later ──► … ──► tried for the last time: done, not reached
                │                                                            │
                └──► answered, or closed by a person: done ◄── opened again ─┘
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pbx_bridge.calls.call import Call, Direction, Outcome, SegmentKind

ANSWERED, UNREACHED = "answered", "unreached"
CLOSED_AS = ("answered", "solved", "unreached", "wrong_number", "not_needed", "withdrawn")
"""How one ends: the first by the record of a call, the third when every try was in vain; people may say any."""

EARLY = timedelta(minutes=15)
"""A call so long before a follow-up is due was made for it; one before that was about something else."""

_IN_VAIN = {Outcome.BUSY, Outcome.NO_ANSWER, Outcome.FAILED}
MOST_LATE_HOURS = 24
"""So many count; whoever waits longer waits more than a day."""


class Kind(enum.StrEnum):
    """Who asked for it."""

    ASKED = "asked"  # the caller, in the menu
    FOLLOW_UP = "follow_up"  # one of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """When a callback is tried again.

    Attributes:
        tries: so many in vain, and it is given up.
        wait: from the end of one to the next.
        opens: the first moment from one on at which people may be called; None: none is known.
    """

    tries: int = 3
    wait: timedelta = timedelta(hours=1)
    opens: Callable[[datetime], datetime | None] = lambda moment: moment


def next_try(ended_at: datetime, tried: int, wanted_at: datetime, retry: Retry) -> datetime | None:
    """When to try again after so many tries in vain; never before it was wanted. None: it is given up."""
    if tried >= retry.tries:
        return None
    earliest = max(ended_at + retry.wait, wanted_at)
    return retry.opens(earliest) or earliest


def tried(call: Call) -> str:
    """What a call outwards says of whoever was called: an outcome's word; empty: nothing yet, or nothing at all."""
    if call.direction is not Direction.OUTBOUND:
        return ""
    if call.answered_at is not None:
        return ANSWERED
    if call.outcome is None or call.ended_at is None or (call.outcome is Outcome.FAILED and not _was_rung(call)):
        return ""
    return call.outcome.value


def _was_rung(call: Call) -> bool:
    """Whether the number was dialled at all: by a click our own phone rings first, and may not be picked up."""
    return any(one.kind is SegmentKind.RING and one.party == call.called for one in call.segments)


def is_in_vain(outcome: str) -> bool:
    """Whether a try counts. One that our agent gave up, or that the PBX lost, says nothing of the customer."""
    return outcome in _IN_VAIN


def was_made_for(
    kind: Kind, *, began: datetime, asked_at: datetime, wanted_at: datetime, taken: tuple[datetime, datetime] | None
) -> bool:
    """Whether a call to the number of a callback was made for it.

    Who asked to be called back wants any call of ours. What one of us set for a day is not done by a call about
    something else before that day, unless somebody had taken it then.
    """
    if began < asked_at:
        return False
    if kind is Kind.ASKED or (taken is not None and taken[0] <= began < taken[1]):
        return True
    return began >= wanted_at - EARLY


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How much each reason counts: `tiers` by the word of the customer's record; of the others see PriorityOf."""

    tiers: Mapping[str, int] = field(default_factory=lambda: {"gold": 30, "silver": 15})
    third: int = 25
    unhappy: int = 25
    abandoned: int = 15
    tried: int = 5
    late_hour: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why one is called before another. `word`: a field of Weights, or `tier`, whose name is `name`."""

    word: str
    count: int
    points: int
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityOf:
    """What the priority of a callback is made of.

    Attributes:
        third: calls lately that were the third of a week. unhappy: surveys. abandoned: long waits given up.
        tried: tries in vain. late: how long ago it was wanted; negative if it is not yet.
    """

    tier: str = ""
    third: int = 0
    unhappy: int = 0
    abandoned: int = 0
    tried: int = 0
    late: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Priority:
    """The more points, the sooner; every point has its reason."""

    points: int
    reasons: tuple[Reason, ...] = ()


def priority(of: PriorityOf, weights: Weights) -> Priority:
    """How soon somebody is to be called, the weightiest reason first."""
    hours = max(0, min(int(of.late / timedelta(hours=1)), MOST_LATE_HOURS))
    told = [Reason(word="tier", count=1, points=weights.tiers.get(of.tier, 0), name=of.tier)]
    told += [
        Reason(word=word, count=count, points=count * weight)
        for word, count, weight in (
            ("third", of.third, weights.third),
            ("unhappy", of.unhappy, weights.unhappy),
            ("abandoned", of.abandoned, weights.abandoned),
            ("tried", of.tried, weights.tried),
            ("late_hour", hours, weights.late_hour),
        )
    ]
    reasons = sorted((one for one in told if one.points), key=lambda one: -one.points)
    return Priority(points=sum(one.points for one in reasons), reasons=tuple(reasons))
