"""What an ended call adds to the counts that reports are made of. Pure.

A count has a name, a day (of the store's zone, the one on which the call began) and a part; it holds how many and a
total. What each name counts:

    hour       direction, hour of the day                           calls
    outcome    direction, outcome                                   calls; talk, us
    wait       queue, how the wait ended, least seconds of its step waits; waited, us
    edge       flow, node, next node ("" at either end), how it     calls that went that way; how often
               ended: by the caller, served by then, or to where
               they were given
    agent      extension, answered | out | missed                   calls; talk, us (missed: rings; rung, us)
    survey     agent, queue, question, scale                        asked; sum of the answers
    silent     agent, queue, question, scale                        asked, and nothing answered
    flag       fallback | estimated | voicemail                     calls
    contact    nothing: see contacts.py                             first calls; of these, called again within a week

Each count of a call is a row to be written, so there are few: an ordinary call touches about ten.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from functools import lru_cache

from pbx_bridge.calls.call import Call, CallStep, Direction, Outcome, Segment, SegmentKind
from pbx_bridge.calls.contacts import Standing
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.calls.people import OUTSIDE_DIGITS

Key = tuple[str, int, str]  # name, day, part
Count = tuple[int, int]  # how many, total

VERSION = 1  # raised whenever a call is counted differently: then all are counted anew
WAIT_STEPS = (0, 5, 10, 15, 20, 25, 30, 45, 60, 90, 120, 180, 240, 300, 450, 600, 900, 1800)  # seconds
_EPOCH = 719_163  # 1970-01-01 as date.toordinal() counts
_MOST_EDGES = 100  # of one call: a caller cannot fill the store
_LONGEST = 60  # letters of a name
_MISSED = frozenset({"no_answer", "rejected"})
_STARTED, _ENDED = StepKind.STARTED.value, StepKind.ENDED.value  # asking an enum costs more than all else of a step


def contributions(call: Call, zone: tzinfo) -> Mapping[Key, Count]:
    """What an ended call adds; nothing of one that goes on."""
    if call.ended_at is None or call.outcome is None:
        return {}
    counts: dict[Key, list[int]] = {}
    day = day_of(call.started_at, zone)
    for name, part, n, total in _counted(call, zone):
        count = counts.setdefault((name, day, part), [0, 0])
        count[0] += n
        count[1] += total
    return {key: (n, total) for key, (n, total) in counts.items()}


def day_of(moment: datetime, zone: tzinfo) -> int:
    """Days since 1970 of the local day."""
    return moment.astimezone(zone).toordinal() - _EPOCH


def contact_count(standing: Standing | None) -> Count:
    """What a call adds to `contact`."""
    return (1, int(standing.again)) if standing is not None and standing.first else (0, 0)


@lru_cache(8192)  # most calls go the same ways
def part_of(*words: str) -> str:
    """Words as one part: `inbound.13`."""
    return ".".join(word[:_LONGEST].replace("%", "%25").replace(".", "%2E") for word in words)


@lru_cache(8192)
def words_of(part: str) -> tuple[str, ...]:
    """The words of a part."""
    return tuple(word.replace("%2E", ".").replace("%25", "%") for word in part.split("."))


_Counted = Iterator[tuple[str, str, int, int]]


def _counted(call: Call, zone: tzinfo) -> _Counted:
    hour = call.started_at.astimezone(zone).hour
    yield "hour", part_of(call.direction, str(hour)), 1, 0
    yield "outcome", part_of(call.direction, call.outcome or ""), 1, call.talk_us
    if call.direction is Direction.INBOUND:  # what our own people try in the menus is not what callers meet
        yield from _waits(call.segments)
        yield from _edges(call)
    if call.direction is not Direction.OUTBOUND:
        yield from _missed(call.segments)
    yield from _talks(call)
    yield from _survey(call)
    flags = (("fallback", call.fallback), ("estimated", call.end_estimated), ("voicemail", call.left_voicemail))
    for flag, is_so in flags:
        if is_so:
            yield "flag", flag, 1, 0


def _waits(segments: Iterable[Segment]) -> _Counted:
    for one in segments:
        if one.kind is SegmentKind.WAIT and one.ended_at is not None:
            seconds = (one.ended_at - one.started_at).total_seconds()
            step = WAIT_STEPS[max(bisect_right(WAIT_STEPS, seconds) - 1, 0)]
            yield "wait", part_of(one.party, one.result, str(step)), 1, _us(one)


def _missed(segments: Iterable[Segment]) -> _Counted:
    for one in segments:
        if one.kind is SegmentKind.RING and one.result in _MISSED and _is_ours(one.party):
            yield "agent", part_of(one.party, "missed"), 1, _us(one)


def _talks(call: Call) -> _Counted:
    what = "out" if call.direction is Direction.OUTBOUND else "answered"
    for agent in dict.fromkeys(call.agents):
        talk = sum(_us(one) for one in call.segments if one.kind is SegmentKind.TALK and one.party == agent)
        yield "agent", part_of(agent, what), 1, talk


def _survey(call: Call) -> _Counted:
    for one in call.survey:
        part = part_of(one.agent, one.queue, one.question, str(one.scale))
        yield "survey", part, 1, one.answer or 0
        if one.answer is None:
            yield "silent", part, 1, 0


def _edges(call: Call) -> _Counted:
    passed: dict[str, int] = {}
    for part in _ways(call.steps, served=call.outcome is Outcome.SELF_SERVED):
        if part in passed or len(passed) < _MOST_EDGES:
            passed[part] = passed.get(part, 0) + 1
    for part, times in passed.items():
        yield "edge", part, 1, times


def _ways(steps: Iterable[CallStep], *, served: bool) -> Iterator[str]:
    """The ways from node to node of each run, in order. `served`: who hung up had heard what they called for."""
    flow = node = ""
    for step in steps:
        kind = step.kind
        if kind == _STARTED:
            flow, node = str(step.data.get("flow") or ""), ""
        if step.flow_node != node:
            yield part_of(flow, node, step.flow_node, "")
            node = step.flow_node
        if kind == _ENDED:
            by = str(step.data.get("by") or "")
            yield part_of(flow, node, "", "served" if served and by == "caller" else by)
            node = ""


def _is_ours(party: str) -> bool:
    return bool(party) and sum(char.isdigit() for char in party) < OUTSIDE_DIGITS


def _us(segment: Segment) -> int:
    if segment.ended_at is None:
        return 0
    span = segment.ended_at - segment.started_at
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds
