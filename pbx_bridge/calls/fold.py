"""The fold: from all facts of one group to its call. Pure, total, deterministic.

Any order and any repetition of the same facts give the same call, so that a record can be made anew at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import assert_never

from pbx_bridge.calls.call import Call, CallStep, Direction, Segment, SegmentKind, call_id
from pbx_bridge.calls.cdr import fold_cdr
from pbx_bridge.calls.facts import Boot, CdrRow, CelRow, Fact, Live, LiveKind, QueueEvent, Step, StepKind
from pbx_bridge.calls.outcome import Ending, cause_of, outcome_of
from pbx_bridge.calls.people import Names, customer_of, direction_of, is_outside
from pbx_bridge.calls.queue_causes import in_order
from pbx_bridge.calls.segments import segments_of
from pbx_bridge.calls.spans import Span, length_us
from pbx_bridge.calls.story import Story
from pbx_bridge.calls.survey import survey_of
from pbx_bridge.calls.timeline import Timeline, dialplan_word, read_timeline
from pbx_bridge.calls.transfers import transfers_of

FALLBACK_CONTEXTS = frozenset({"pbxb-fallback", "pbxb-nobody"})  # where the dialplan serves the caller without us
_HOLDS = frozenset({"hold", "unhold"})


def fold(facts: Iterable[Fact], boots: Sequence[datetime] = ()) -> Call | None:
    """The call told by one group's facts, as far as it has come.

    Args:
        facts: all facts of one group (see keys.keys_of), of one node, in any order, repeated or not.
        boots: when the node's Asterisk came up; those before the call do not matter.

    Returns:
        None until a root channel is known: steps may be journaled before their channel's first CEL row is read.
        CDRs tell a call only where CEL does not.
    """
    told = tuple(facts)
    story = _story(told, boots)
    return fold_cdr(fact for fact in told if isinstance(fact, CdrRow)) if story is None else _call(story)


def _story(facts: Iterable[Fact], boots: Sequence[datetime]) -> Story | None:
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
                pass  # fold_cdr reads them, where there is nothing better
            case _:
                assert_never(fact)
    timeline = read_timeline(rows)
    if timeline is None:
        return None
    told = _steps(steps)
    live += _holds(timeline.rows)
    heard = tuple(sorted({(one.file, one.offset): one for one in live}.values(), key=lambda one: (one.at, one.file)))
    called = _called(timeline, told, heard)
    direction = direction_of(timeline, called, heard)
    return Story(
        timeline=timeline,
        events=in_order(events),
        steps=told,
        live=heard,
        boots=tuple(sorted(set(all_boots))),
        called=called,
        direction=direction,
        customer=customer_of(timeline, direction),
        names=Names(timeline, called),
    )


def _holds(rows: Iterable[CelRow]) -> Iterator[Live]:
    """Holds that an agent began and ended from the page: the dialplan tells of them, so they are never missed."""
    for row in rows:
        if row.extra and (word := dialplan_word(row)) in _HOLDS:
            yield Live(
                node=row.node,
                file=row.file,
                offset=row.offset,
                at=row.at,
                uniqueid=row.uniqueid,
                event=LiveKind(word),
                data={},
            )


def _steps(steps: Iterable[Step]) -> tuple[Step, ...]:
    # A channel's steps are in the order of their numbers; the wall clock may step back between two of them.
    once = {(step.file, step.offset): step for step in steps}
    begun: dict[str, datetime] = {}
    for step in once.values():
        known = begun.get(step.file)
        if known is None or step.at < known:
            begun[step.file] = step.at
    if len(begun) == 1:  # as most calls: one run
        return tuple(sorted(once.values(), key=attrgetter("offset")))
    return tuple(sorted(once.values(), key=lambda s: (begun[s.file], s.file, s.offset)))


def _call(story: Story) -> Call:
    timeline, steps, root = story.timeline, story.steps, story.timeline.root
    lost = timeline.closed_at is None and _died(story)
    over_at = _last_seen(story) if lost else timeline.closed_at
    seen_until = over_at or _last_seen(story)
    segments = _closed(segments_of(story), over_at)
    fallback = any([_is_fallback(row) for row in timeline.rows])
    ending = Ending(story=story, segments=segments, lost=lost, fallback=fallback)
    return Call(
        call_id=call_id(root.first.node, root.first.uniqueid),
        node=root.first.node,
        root=root.first.uniqueid,
        direction=story.direction,
        outcome=None if over_at is None else outcome_of(ending),
        started_at=root.started_at,
        answered_at=min((s.started_at for s in segments if s.kind is SegmentKind.TALK), default=None),
        ended_at=over_at,
        end_estimated=lost,
        caller=root.first.num,
        caller_name=root.first.name,
        called=story.called,
        destination=_destination(story, segments),
        customer_code=_told(steps, StepKind.CUSTOMER, "code"),
        agents=_agents(story, segments),
        transfers=transfers_of(timeline, story.names),
        left_voicemail=ending.left_voicemail,
        cause=None if over_at is None else cause_of(ending),
        tracking_numbers=_tracking_numbers(steps),
        language=_told(steps, StepKind.LANGUAGE, "language"),
        talk_us=_length(segments, SegmentKind.TALK, seen_until),
        wait_us=_length(segments, SegmentKind.WAIT, seen_until),
        ivr_us=_length(segments, SegmentKind.IVR, seen_until),
        ring_us=_length(segments, SegmentKind.RING, seen_until),
        hold_us=_length(segments, SegmentKind.HOLD, seen_until),
        ended_by=ending.ended_by if over_at is not None else "",
        fallback=fallback,
        segments=segments,
        steps=tuple([CallStep(at=s.at, flow_node=s.flow_node, kind=str(s.kind), data=s.data) for s in steps]),
        survey=survey_of(steps, segments),
    )


def _destination(story: Story, segments: Sequence[Segment]) -> str:
    """Where it was delivered: whoever had it last. A queue that finds nobody has delivered it to nobody."""
    if story.direction is Direction.OUTBOUND:  # the agent's own phone is where it came from
        return story.names.of(story.customer) if story.customer is not story.timeline.root else ""
    waits = [(s.started_at, s.ended_at) for s in segments if s.kind is SegmentKind.WAIT]
    last = ""
    for segment in segments:
        offered = segment.kind is SegmentKind.RING and not any(_began_in(segment, wait) for wait in waits)
        if offered or segment.kind in (SegmentKind.TALK, SegmentKind.VOICEMAIL):
            last = segment.party
    return last


def _began_in(segment: Segment, span: Span) -> bool:
    return span[0] <= segment.started_at and (span[1] is None or segment.started_at < span[1])


def _agents(story: Story, segments: Sequence[Segment]) -> tuple[str, ...]:
    """Ours who talked with the customer, in the order they began."""
    outside = {story.names.of(leg) for leg in story.timeline.legs if is_outside(leg)}
    spoke = [segment.party for segment in segments if segment.kind is SegmentKind.TALK]
    if spoke and story.direction is Direction.INTERNAL:
        spoke.insert(0, story.names.of(story.timeline.root))
    return tuple(dict.fromkeys(party for party in spoke if party and party not in outside))


def _died(story: Story) -> bool:
    # No call outlives its Asterisk. Compared with the start: queue_log tells a boot in whole seconds, so it may seem
    # to lie before the last rows of the calls that it ended.
    rebooted = bool(story.boots) and story.boots[-1] > story.timeline.root.started_at
    return rebooted or _is_gone(story)


def _is_gone(story: Story) -> bool:
    """Asterisk has none of the channels any more whose ends were never told (see ari_handlers/reaper.py)."""
    gone = {fact.uniqueid for fact in story.live if fact.event is LiveKind.GONE}
    return bool(gone) and all(leg.ended_at or leg.first.uniqueid in gone for leg in story.timeline.legs)


def _last_seen(story: Story) -> datetime:
    """The last sign of the call from Asterisk, or from the daemon while that Asterisk lived."""
    began = story.timeline.root.started_at
    boot = next((boot for boot in story.boots if boot > began), None)
    told = [step.at for step in story.steps if boot is None or step.at < boot]
    return max([story.timeline.last_at, *(event.at for event in story.events), *told])


def _closed(segments: tuple[Segment, ...], over_at: datetime | None) -> tuple[Segment, ...]:
    if over_at is None:
        return segments
    return tuple([s if s.ended_at is not None else replace(s, ended_at=max(over_at, s.started_at)) for s in segments])


def _length(segments: Iterable[Segment], kind: SegmentKind, until: datetime) -> int:
    return length_us([(s.started_at, s.ended_at) for s in segments if s.kind is kind], until)


def _called(timeline: Timeline, steps: Sequence[Step], live: Sequence[Live]) -> str:
    # An originated channel has no extension of its own: what it dialled is known to the daemon only.
    asked = [fact.data.get("dialled") for fact in live if fact.event is LiveKind.ORIGINATE]
    if asked and isinstance(asked[-1], str) and asked[-1]:
        return asked[-1]
    first = timeline.root.first
    if first.exten not in ("", "s"):
        return first.exten
    return _told(steps, StepKind.STARTED, "called") or first.dnid or first.exten


def _is_fallback(row: CelRow) -> bool:
    # Most rows are of neither sort: an empty eventextra tells no word.
    return row.context in FALLBACK_CONTEXTS or bool(row.extra and dialplan_word(row).startswith("fallback"))


def _told(steps: Iterable[Step], kind: StepKind, name: str) -> str:
    """The newest non-empty text of that name in steps of that kind."""
    texts = [text for step in steps if step.kind is kind and isinstance(text := step.data.get(name), str) and text]
    return texts[-1] if texts else ""


def _tracking_numbers(steps: Iterable[Step]) -> tuple[str, ...]:
    found = (s.data.get("tracking_number") for s in steps if _was_found(s) or s.kind is StepKind.TICKET_OPENED)
    return tuple(dict.fromkeys(number for number in found if isinstance(number, str) and number))


def _was_found(step: Step) -> bool:
    return step.kind is StepKind.LOOKUP and step.data.get("result") == "found"
