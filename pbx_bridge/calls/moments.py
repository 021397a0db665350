"""Moments that went wrong: what an ended call had that somebody should look after. Pure.

long_wait   the caller waited at least so long
cut         the PBX died with the call
fallback    the menus were not there, and the PBX served the caller without them
trouble     something failed in the menus, and the caller was helped otherwise
unhappy     an answer in the lower half of a survey's scale
voicemail   a message was left: somebody has to listen
third       the third call of the same person within a week (see contacts.py)
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pbx_bridge.calls.call import Call, Direction, Outcome
from pbx_bridge.calls.facts import StepKind

_TROUBLE = StepKind.TROUBLE.value


class MomentKind(enum.StrEnum):
    """What went wrong."""

    LONG_WAIT = "long_wait"
    CUT = "cut"
    FALLBACK = "fallback"
    TROUBLE = "trouble"
    UNHAPPY = "unhappy"
    VOICEMAIL = "voicemail"
    THIRD = "third"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One thing that went wrong in a call.

    Attributes:
        at: when the call began, aware UTC.
        detail: `long_wait`: the seconds waited; `unhappy`: answer/scale and the question; else empty.
    """

    kind: MomentKind
    at: datetime
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is too much. `long_wait_s`: seconds that a caller waits, all waits of the call together."""

    long_wait_s: int = 180


def moments_of(call: Call, limits: Limits) -> tuple[Moment, ...]:
    """What went wrong in a call; nothing of one that goes on, or that we made."""
    if call.ended_at is None or call.direction is Direction.OUTBOUND:
        return ()
    return tuple(Moment(kind=kind, at=call.started_at, detail=detail) for kind, detail in _found(call, limits))


def _found(call: Call, limits: Limits) -> Iterator[tuple[MomentKind, str]]:
    if call.wait_us >= limits.long_wait_s * 1_000_000:
        yield MomentKind.LONG_WAIT, str(call.wait_us // 1_000_000)
    if call.outcome is Outcome.LOST or call.end_estimated:
        yield MomentKind.CUT, ""
    if call.fallback:
        yield MomentKind.FALLBACK, ""
    if _TROUBLE in [step.kind for step in call.steps]:
        yield MomentKind.TROUBLE, ""
    if worst := _worst(call):
        yield MomentKind.UNHAPPY, worst
    if call.left_voicemail:
        yield MomentKind.VOICEMAIL, ""


def _worst(call: Call) -> str:
    """The lowest answer of those in the lower half of their scale; empty if there is none."""
    low = [
        (told.answer / told.scale, f"{told.answer}/{told.scale} {told.question}")
        for told in call.survey
        if told.answer is not None and told.answer * 2 <= told.scale
    ]
    return min(low)[1] if low else ""
