"""The stretches of a call: in the IVR, waiting, ringing, talking, leaving a message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from pbx_bridge.calls.call import Direction, Segment, SegmentKind
from pbx_bridge.calls.facts import QueueEvent, Step, StepKind
from pbx_bridge.calls.queue_causes import ring_result, visit_results
from pbx_bridge.calls.spans import Span, overlap
from pbx_bridge.calls.timeline import Leg, Timeline, Visit

_REFUSALS = {17: "busy", 21: "rejected"}  # hangup causes (Q.850) of a phone that will not take the call
_TOGETHER = timedelta(seconds=1)  # a phone that stops ringing this near the call's end was stopped by it


def segments_of(
    timeline: Timeline, direction: Direction, events: Sequence[QueueEvent], steps: Sequence[Step]
) -> tuple[Segment, ...]:
    """Every segment of the group, by start; what goes on has no end."""
    talks = tuple(_talks(timeline))
    found = [
        # An outbound call is in Stasis only because we placed it: no menu.
        *(_ivr(timeline.root, steps) if direction is not Direction.OUTBOUND else ()),
        *_waits(timeline.root, talks, events),
        *(_ring(leg, timeline, events) for leg in timeline.others() if leg.is_dialled),
        *talks,
        *_voicemail(timeline.root),
    ]
    return tuple(sorted(found, key=_order))


def _order(segment: Segment) -> tuple[datetime, str, str, str]:
    return segment.started_at, segment.kind, segment.party, segment.result


def _segment(kind: SegmentKind, span: Span, party: str, result: str = "") -> Segment:
    return Segment(kind=kind, started_at=span[0], ended_at=span[1], party=party, result=result)


def _visits(root: Leg, app: str) -> list[Visit]:
    return [visit for visit in root.visits if visit.app == app]


def _ivr(root: Leg, steps: Sequence[Step]) -> Iterator[Segment]:
    flows = [step for step in steps if step.kind is StepKind.STARTED]
    for visit in _visits(root, "Stasis"):
        begun = [step for step in flows if visit.ended_at is None or step.at <= visit.ended_at]
        party = str(begun[-1].data.get("flow", "")) if begun else ""
        yield _segment(SegmentKind.IVR, visit.span, party)


def _talks(timeline: Timeline) -> Iterator[Segment]:
    # A person was answered when both were in the bridge; a holding bridge is waiting, whoever else is in it.
    for stay in timeline.root.stays:
        for leg in timeline.others() if not stay.holding else ():
            for other in leg.stays:
                both = overlap(stay.span, other.span) if other.bridge == stay.bridge else None
                if both is not None:
                    yield _segment(SegmentKind.TALK, both, leg.party)


def _waits(root: Leg, talks: Sequence[Segment], events: Sequence[QueueEvent]) -> Iterator[Segment]:
    visits = _visits(root, "Queue")
    for visit, told in zip(visits, visit_results(visits, events), strict=True):
        queue = visit.data.partition(",")[0]
        heard = [talk.started_at for talk in talks if overlap(visit.span, (talk.started_at, talk.ended_at))]
        if heard:
            yield _segment(SegmentKind.WAIT, (visit.started_at, min(heard)), queue, "answered")
        else:
            yield _segment(SegmentKind.WAIT, visit.span, queue, _unanswered(root, visit, told))


def _unanswered(root: Leg, visit: Visit, told: str) -> str:
    # The caller's own hang-up is in CEL too, and CEL may be read before queue_log.
    if told in ("", "empty") and visit.ended_at is not None and root.hung_up_at is not None:
        left = root.hung_up_by == root.name and abs(root.hung_up_at - visit.ended_at) < _TOGETHER / 100
        return "abandoned" if left else told
    return told


def _ring(leg: Leg, timeline: Timeline, events: Sequence[QueueEvent]) -> Segment:
    if leg.answered_at is not None:
        return _segment(SegmentKind.RING, (leg.started_at, leg.answered_at), leg.party, "answered")
    stopped = leg.hung_up_at or leg.ended_at
    result = "" if stopped is None else _silence(leg, stopped, timeline, events)
    return _segment(SegmentKind.RING, (leg.started_at, stopped), leg.party, result)


def _silence(leg: Leg, stopped: datetime, timeline: Timeline, events: Sequence[QueueEvent]) -> str:
    refused = _REFUSALS.get(leg.cause or 0)
    return refused or ring_result(leg.party, stopped, events) or _guess(leg, stopped, timeline)


def _guess(leg: Leg, stopped: datetime, timeline: Timeline) -> str:
    # A ring-all's losers and a time-out leave the same rows: told apart by what else happened at that moment.
    rivals = (other.answered_at for other in timeline.others() if other is not leg)
    if any(taken is not None and leg.started_at <= taken <= stopped for taken in rivals):
        return "cancelled"
    gone = timeline.root.hung_up_at
    return "cancelled" if gone is not None and abs(gone - stopped) < _TOGETHER else "no_answer"


def _voicemail(root: Leg) -> Iterator[Segment]:
    for visit in _visits(root, "VoiceMail"):
        box = visit.data.partition(",")[0].partition("@")[0]
        yield _segment(SegmentKind.VOICEMAIL, visit.span, box)
