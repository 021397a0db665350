"""The fold: from all facts of one group to its call. Pure, total, deterministic.

Any order and any repetition of the same facts give the same call, so that a record can be made anew at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from pbx_bridge.calls.call import Call, CallStep, Direction, Segment, SegmentKind, call_id
from pbx_bridge.calls.facts import Boot, CdrRow, CelRow, Fact, Live, QueueEvent, Step, StepKind
from pbx_bridge.calls.outcome import Ending, ended_by, outcome_of
from pbx_bridge.calls.queue_causes import in_order
from pbx_bridge.calls.segments import segments_of
from pbx_bridge.calls.spans import length_us
from pbx_bridge.calls.timeline import Timeline, read_timeline

INBOUND_CONTEXTS = frozenset({"from-trunk"})  # where calls from outside enter; asterisk-conf/extensions.conf.j2
FALLBACK_CONTEXTS = frozenset({"pbxb-fallback", "pbxb-nobody"})  # where the dialplan serves the caller without us
_OUTSIDE_DIGITS = 7  # a number this long is no extension


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sorted:
    """One group's facts, each once, by kind and in order."""

    timeline: Timeline
    events: tuple[QueueEvent, ...]
    steps: tuple[Step, ...]
    live: tuple[Live, ...]
    boots: tuple[datetime, ...]


def fold(facts: Iterable[Fact], boots: Sequence[datetime] = ()) -> Call | None:
    """The call told by one group's facts, as far as it has come.

    Args:
        facts: all facts of one group (see keys.keys_of), of one node, in any order, repeated or not.
        boots: when the node's Asterisk came up; those before the call do not matter.

    Returns:
        None until a root channel is known: steps may be journaled before their channel's first CEL row is read.
    """
    known = _sort(facts, boots)
    return None if known is None else _call(known)


def _sort(facts: Iterable[Fact], boots: Sequence[datetime]) -> _Sorted | None:
    rows: list[CelRow] = []
    events: list[QueueEvent] = []
    steps: list[Step] = []
    live: list[Live] = []
    all_boots = list(boots)
    for fact in facts:
        match fact:
            case CelRow():
                rows.append(fact)
            case QueueEvent():
                events.append(fact)
            case Step():
                steps.append(fact)
            case Boot():
                all_boots.append(fact.at)
            case Live():
                live.append(fact)
            case CdrRow():
                pass  # a call that CEL tells needs none
            case _:
                assert_never(fact)
    timeline = read_timeline(rows)
    if timeline is None:
        return None
    boots_in_order = tuple(sorted(set(all_boots)))
    heard = tuple(sorted({(one.file, one.offset): one for one in live}.values(), key=lambda one: (one.at, one.file)))
    return _Sorted(timeline=timeline, events=in_order(events), steps=_steps(steps), live=heard, boots=boots_in_order)


def _steps(steps: Iterable[Step]) -> tuple[Step, ...]:
    # A channel's steps are in the order of their numbers; the wall clock may step back between two of them.
    once = {(step.file, step.offset): step for step in steps}
    begun: dict[str, datetime] = {}
    for step in once.values():
        begun[step.file] = min(step.at, begun.get(step.file, step.at))
    return tuple(sorted(once.values(), key=lambda s: (begun[s.file], s.file, s.offset)))


def _call(known: _Sorted) -> Call:
    timeline, steps, root = known.timeline, known.steps, known.timeline.root
    lost = timeline.closed_at is None and _died(known)
    over_at = _last_seen(known) if lost else timeline.closed_at
    seen_until = over_at or _last_seen(known)
    called = _called(known)
    direction = _direction(timeline, called)
    segments = _closed(segments_of(timeline, direction, known.events, steps), over_at)
    who = ended_by(timeline, direction, steps) if over_at is not None and not lost else ""
    fallback = any(_is_fallback(row) for row in timeline.rows)
    ending = Ending(
        timeline=timeline,
        segments=segments,
        steps=steps,
        direction=direction,
        lost=lost,
        ended_by=who,
        fallback=fallback,
    )
    return Call(
        call_id=call_id(root.first.node, root.first.uniqueid),
        node=root.first.node,
        root=root.first.uniqueid,
        direction=direction,
        outcome=None if over_at is None else outcome_of(ending),
        started_at=root.started_at,
        answered_at=min((s.started_at for s in segments if s.kind is SegmentKind.TALK), default=None),
        ended_at=over_at,
        end_estimated=lost,
        caller=root.first.num,
        caller_name=root.first.name,
        called=called,
        customer_code=_told(steps, StepKind.CUSTOMER, "code"),
        tracking_numbers=_tracking_numbers(steps),
        language=_told(steps, StepKind.LANGUAGE, "language"),
        talk_us=_length(segments, SegmentKind.TALK, seen_until),
        wait_us=_length(segments, SegmentKind.WAIT, seen_until),
        ivr_us=_length(segments, SegmentKind.IVR, seen_until),
        ended_by=who,
        fallback=fallback,
        segments=segments,
        steps=tuple(CallStep(at=s.at, flow_node=s.flow_node, kind=s.kind.value, data=s.data) for s in steps),
    )


def _died(known: _Sorted) -> bool:
    # No call outlives its Asterisk. Compared with the start: queue_log tells a boot in whole seconds, so it may seem
    # to lie before the last rows of the calls that it ended.
    return bool(known.boots) and known.boots[-1] > known.timeline.root.started_at


def _last_seen(known: _Sorted) -> datetime:
    """The last sign of the call from Asterisk, or from the daemon while that Asterisk lived."""
    began = known.timeline.root.started_at
    boot = next((boot for boot in known.boots if boot > began), None)
    told = [step.at for step in known.steps if boot is None or step.at < boot]
    return max([known.timeline.last_at, *(event.at for event in known.events), *told])


def _closed(segments: tuple[Segment, ...], over_at: datetime | None) -> tuple[Segment, ...]:
    if over_at is None:
        return segments
    return tuple(s if s.ended_at is not None else replace(s, ended_at=max(over_at, s.started_at)) for s in segments)


def _length(segments: Iterable[Segment], kind: SegmentKind, until: datetime) -> int:
    return length_us(((s.started_at, s.ended_at) for s in segments if s.kind is kind), until)


def _called(known: _Sorted) -> str:
    # An originated channel has no extension of its own: what it dialled is known to the daemon only.
    first = known.timeline.root.first
    if first.exten not in ("", "s"):
        return first.exten
    return _told(known.steps, StepKind.STARTED, "called") or first.dnid or first.exten


def _direction(timeline: Timeline, called: str) -> Direction:
    if timeline.root.first.context in INBOUND_CONTEXTS:
        return Direction.INBOUND
    digits = sum(char.isdigit() for char in called)
    # A channel of the trunk's that we rang starts in the trunk's context.
    outside = any(leg.first.context in INBOUND_CONTEXTS for leg in timeline.others())
    return Direction.OUTBOUND if outside or digits >= _OUTSIDE_DIGITS else Direction.INTERNAL


def _is_fallback(row: CelRow) -> bool:
    if row.context in FALLBACK_CONTEXTS:
        return True
    # Asterisk 16 writes a user event under its own name, 22 as USER_DEFINED with the name in user_type.
    ours = row.event == "PBXB" or (row.event == "USER_DEFINED" and row.user_type == "PBXB")
    return ours and str(row.extra.get("extra", "")).startswith("fallback")


def _told(steps: Iterable[Step], kind: StepKind, name: str) -> str:
    """The newest non-empty text of that name in steps of that kind."""
    texts = [text for step in steps if step.kind is kind and isinstance(text := step.data.get(name), str) and text]
    return texts[-1] if texts else ""


def _tracking_numbers(steps: Iterable[Step]) -> tuple[str, ...]:
    found = (s.data.get("tracking_number") for s in steps if s.kind is StepKind.LOOKUP and _was_found(s))
    return tuple(dict.fromkeys(number for number in found if isinstance(number, str) and number))


def _was_found(step: Step) -> bool:
    return step.data.get("result") == "found"
