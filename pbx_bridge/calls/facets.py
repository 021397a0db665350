"""What a call is found by, beside its time, its numbers and its customer: pairs of a kind and a value. Pure.

The order of `told` is that of the call: it is what a list shows of it, the way through the menus in words.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator

from pbx_bridge.calls.call import Call, CallStep, SegmentKind
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.calls.people import OUTSIDE_DIGITS

Facet = tuple[str, str]
"""Kind and value."""

VERSION = 2
"""Raised when calls on record have other facets than before: they are worked out anew."""

WAITS = (30, 60, 120, 300, 600)
"""Seconds; a wait has each that it exceeds, so TALKS of a talk."""
TALKS = (60, 300, 600, 1800)

_SECOND_US = 1_000_000
_LONGEST = 80  # of a value; a flow's names are shorter
_MOST = 60  # nodes of one call: a caller may walk in circles, but each node counts once
_OPENED = ("request", "complaint")
_TELLING = frozenset(  # steps that may tell what a caller came for: a few of a call's
    {
        StepKind.LOOKUP,
        StepKind.TICKET_OPENED,
        StepKind.CALLBACK_ASKED,
        StepKind.RECORDED,
        StepKind.QUEUE,
        StepKind.HANDED_OVER,
    }
)


class Kind(enum.StrEnum):
    """What a facet tells."""

    AGENT = "agent"  # an extension that talked
    RANG = "rang"  # one that was rung in vain, or rings
    QUEUE = "queue"
    DIRECTION = "direction"
    OUTCOME = "outcome"
    NODE = "node"  # a node of the flow that was passed
    WANT = "want"  # what the caller asked for, as far as the menus know: one of WANTS, or `queue:` and its name
    TICKET = "ticket"  # a tracking number
    SURVEY = "survey"  # the mean of what was answered, of a scale: `4.5/5`; `-` if only asked
    WAIT = "wait"  # seconds of WAITS
    TALK = "talk"


WANTS = ("status", "contract", "request", "complaint", "callback", "message", "operator")
TOLD = frozenset({Kind.AGENT, Kind.RANG, Kind.QUEUE, Kind.NODE, Kind.WANT, Kind.SURVEY})
"""What a list shows. These have few values; of the others there may be one for each call."""


def facets_of(call: Call) -> tuple[Facet, ...]:
    """Every facet of a call, each once."""
    return (*told_of(call), *untold_of(call))


def told_of(call: Call) -> tuple[Facet, ...]:
    """Those that a list shows, each once and in order."""
    return tuple(dict.fromkeys(_told(call)))


def untold_of(call: Call) -> tuple[Facet, ...]:
    """The others, each once."""
    return tuple(dict.fromkeys(_untold(call)))


def exceeded(us: int, limits: Iterable[int]) -> list[int]:
    """The limits, in seconds, that a span in microseconds exceeds."""
    return [limit for limit in limits if us > limit * _SECOND_US]


def nearest(seconds: int, limits: Iterable[int]) -> int:
    """The longest of the limits that is not above so many seconds; 0 if none is."""
    return max((limit for limit in limits if limit <= seconds), default=0)


def rung_in_vain(call: Call) -> Iterator[str]:
    """The extensions of ours that were rung and did not answer, or still ring."""
    for segment in call.segments:
        if segment.kind is SegmentKind.RING and segment.result != "answered" and _is_ours(segment.party):
            yield segment.party


def _told(call: Call) -> Iterator[Facet]:
    for agent in call.agents:
        yield Kind.AGENT.value, agent
    for party in rung_in_vain(call):
        yield Kind.RANG.value, party
    for segment in call.segments:
        if segment.kind is SegmentKind.WAIT and segment.party:
            yield Kind.QUEUE.value, segment.party
    for node in list(dict.fromkeys([step.flow_node for step in call.steps if step.flow_node]))[:_MOST]:
        yield Kind.NODE.value, node[:_LONGEST]
    for step in call.steps:
        if step.kind in _TELLING and (want := _want(step)):
            yield Kind.WANT.value, want[:_LONGEST]
    if call.survey:
        yield Kind.SURVEY.value, _survey(call)


def _untold(call: Call) -> Iterator[Facet]:
    yield Kind.DIRECTION.value, call.direction.value
    if call.outcome is not None:
        yield Kind.OUTCOME.value, call.outcome.value
    for number in call.tracking_numbers:
        yield Kind.TICKET.value, number
    for limit in exceeded(call.wait_us, WAITS):
        yield Kind.WAIT.value, str(limit)
    for limit in exceeded(call.talk_us, TALKS):
        yield Kind.TALK.value, str(limit)


def _want(step: CallStep) -> str:
    """What a step tells of what the caller came for; empty if nothing."""
    match step.kind, step.data:
        case StepKind.LOOKUP, {"result": "found", "tracking_number": str()}:
            return "status"
        case StepKind.LOOKUP, {"what": "contract"}:
            return "contract"
        case StepKind.TICKET_OPENED, {"sort": str(sort)} if sort in _OPENED:
            return sort
        case StepKind.CALLBACK_ASKED, _:
            return "callback"
        case StepKind.RECORDED, {"result": "kept"}:
            return "message"
        case StepKind.QUEUE, {"queue": str(queue)} if queue:
            return f"queue:{queue}"
        case StepKind.HANDED_OVER, {"what": "dial" | "transfer"}:
            return "operator"
        case StepKind.HANDED_OVER, {"what": "voicemail"}:
            return "message"
        case _:
            return ""


def _survey(call: Call) -> str:
    given: list[tuple[int, int]] = [(one.answer, one.scale) for one in call.survey if one.answer is not None]
    if not given:
        return "-"
    scale = max(scale for _, scale in given)
    mean = sum(answer * scale / of for answer, of in given) / len(given)
    return f"{mean:.1f}/{scale}"


def _is_ours(party: str) -> bool:
    return bool(party) and sum(char.isdigit() for char in party) < OUTSIDE_DIGITS


def values(facets: Iterable[Facet], kind: Kind) -> tuple[str, ...]:
    """Those of one kind, in order."""
    return tuple(value for found, value in facets if found == kind)
