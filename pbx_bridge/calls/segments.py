"""The stretches of a call: in the IVR, waiting, ringing, talking, on hold, parked, leaving a message."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from pbx_bridge.calls.call import Direction, Segment, SegmentKind
from pbx_bridge.calls.facts import QueueEvent, StepKind
from pbx_bridge.calls.people import OUTSIDE_DIGITS, is_outside
from pbx_bridge.calls.queue_causes import ring_result, visit_results
from pbx_bridge.calls.spans import Span, overlap
from pbx_bridge.calls.story import Story
from pbx_bridge.calls.talks import parks_of, talks_of
from pbx_bridge.calls.timeline import Leg, Timeline, Visit, dialplan_word

# Hangup causes (Q.850) of a phone that will not or cannot take the call. 23: it named another (SIP 302); 20, 27 and
# 38: absent, out of order, no network.
_REFUSALS = {17: "busy", 21: "rejected", 23: "forwarded", 20: "unreachable", 27: "unreachable", 38: "unreachable"}
_PHONE = re.compile(rf"(?:PJSIP|SIP|IAX2)/(\d{{2,{OUTSIDE_DIGITS - 1}}})")  # of ours: no trunk, no number outside
_TOGETHER = timedelta(seconds=1)  # a phone that stops ringing this near the call's end was stopped by it


def segments_of(story: Story) -> tuple[Segment, ...]:
    """Every segment of the group, by start; what goes on has no end."""
    told = talks_of(story.timeline, story.customer, story.names, story.live)
    spoken = tuple(told.segments())
    talks = [segment for segment in spoken if segment.kind is SegmentKind.TALK]
    found = [
        # An outbound call is in Stasis only because we placed it: no menu.
        *(_ivr(story) if story.direction is not Direction.OUTBOUND else ()),
        *_waits(story.timeline.root, talks, story.events),
        *_rings(story),
        *spoken,
        *parks_of(story.customer, story.live),
        *_voicemail(story),
        *_messages(story),
    ]
    return tuple(sorted(found, key=_order))


def _order(segment: Segment) -> tuple[datetime, str, str, str]:
    return segment.started_at, segment.kind, segment.party, segment.result


def _segment(kind: SegmentKind, span: Span, party: str, result: str = "") -> Segment:
    return Segment(kind=kind, started_at=span[0], ended_at=span[1], party=party, result=result)


def _visits(leg: Leg, app: str) -> list[Visit]:
    return [visit for visit in leg.visits if visit.app == app]


def _ivr(story: Story) -> Iterator[Segment]:
    flows = [step for step in story.steps if step.kind is StepKind.STARTED]
    for visit in _visits(story.timeline.root, "Stasis"):
        begun = [step for step in flows if visit.ended_at is None or step.at <= visit.ended_at]
        party = str(begun[-1].data.get("flow", "")) if begun else ""
        yield _segment(SegmentKind.IVR, visit.span, party)


def _waits(root: Leg, talks: Sequence[Segment], events: Sequence[QueueEvent]) -> Iterator[Segment]:
    visits = _queue_visits(root, events)
    for visit, (told, in_words) in zip(visits, visit_results(visits, events), strict=True):
        queue = _queue_of(visit)
        heard = [talk.started_at for talk in talks if overlap(visit.span, (talk.started_at, talk.ended_at))]
        if heard:
            # Whoever is handed on to a queue may have talked up to then.
            answered = min((at for at in heard if at >= visit.started_at), default=visit.started_at)
            yield _segment(SegmentKind.WAIT, (visit.started_at, answered), queue, "answered")
        else:
            yield _segment(SegmentKind.WAIT, visit.span, queue, told if in_words else _unanswered(root, visit, told))


def _queue_visits(root: Leg, events: Sequence[QueueEvent]) -> list[Visit]:
    """Queue directly after Queue leaves one visit in CEL, named after the first: queue_log tells of the second."""
    told = _visits(root, "Queue")
    named = {_queue_of(visit) for visit in told}
    unnamed = [event for event in events if event.event == "ENTERQUEUE" and event.queue not in named]
    visits: list[Visit] = []
    for visit in told:
        visits.append(visit)
        for event in unnamed:
            last = visits[-1]
            if event.queue != _queue_of(last) and _within(event.at, last.span):
                visits[-1] = replace(last, ended_at=event.at)
                visits.append(replace(last, data=event.queue, started_at=event.at))
    return visits


def _within(moment: datetime, span: Span) -> bool:
    return span[0] < moment and (span[1] is None or moment < span[1])


def _queue_of(visit: Visit) -> str:
    return visit.data.partition(",")[0]


def _unanswered(root: Leg, visit: Visit, told: str) -> str:
    # The caller's own hang-up is in CEL too, and CEL may be read before queue_log.
    if visit.ended_at is not None and root.hung_up_at is not None:
        left = root.hung_up_by == root.name and abs(root.hung_up_at - visit.ended_at) < _TOGETHER / 100
        return "abandoned" if left else told
    return told


def _rings(story: Story) -> Iterator[Segment]:
    for leg in story.timeline.legs:
        if leg.is_person and (leg.is_dialled or _is_called_first(leg, story)):
            yield _ring(leg, story)
    yield from _unreached(story.timeline)


def _unreached(timeline: Timeline) -> Iterator[Segment]:
    """Phones of ours that were dialled in vain: Asterisk makes no channel to one that is not registered."""
    for visit in (visit for leg in timeline.legs for visit in _visits(leg, "Dial") if visit.ended_at is not None):
        for phone in _phones_of(visit):
            # A transfer while it rings puts another caller into a Dial whose phone has its channel already.
            if not any(leg.party == phone and overlap(leg.life, visit.span) for leg in timeline.others()):
                yield _segment(SegmentKind.RING, visit.span, phone, "unreachable")


def _phones_of(visit: Visit) -> list[str]:
    told = [_PHONE.fullmatch(one) for one in visit.data.partition(",")[0].split("&")]
    return list(dict.fromkeys(one[1] for one in told if one is not None))


def _is_called_first(leg: Leg, story: Story) -> bool:
    """Click-to-call: the agent's own phone was rung before the customer's; such a channel has no extension."""
    at_first = leg is story.timeline.root and leg.first.exten in ("", "s")
    return at_first and story.direction is not Direction.INBOUND and not is_outside(leg)


def _ring(leg: Leg, story: Story) -> Segment:
    party = story.names.of(leg)
    if leg.answered_at is not None:
        return _segment(SegmentKind.RING, (leg.started_at, leg.answered_at), party, "answered")
    stopped = leg.hung_up_at or leg.ended_at
    result = "" if stopped is None else _silence(leg, stopped, story)
    return _segment(SegmentKind.RING, (leg.started_at, stopped), party, result)


def _silence(leg: Leg, stopped: datetime, story: Story) -> str:
    refused = "picked_up" if leg.picked_up else _REFUSALS.get(leg.cause or 0)
    if refused or _sent_on(leg, stopped, story.timeline):
        return refused or "forwarded"
    return ring_result(leg.party, stopped, story.events) or _guess(leg, stopped, story.timeline)


def _sent_on(leg: Leg, stopped: datetime, timeline: Timeline) -> bool:
    """Whether a forward was what stopped this leg.

    Dial tells of it on the caller's channel and hangs the phone's up next; on a busy machine it is there before
    the cause of the phone's 302 is, and leaves cause 0 (measured: 2 of 150 forwards).
    """
    told = (row.at for row in timeline.rows if row.event == "FORWARD" and row.at <= stopped < row.at + _TOGETHER)
    hung_up = [other.hung_up_at for other in timeline.others() if other.hung_up_at is not None]
    return any(min((at for at in hung_up if at >= forward), default=None) == stopped for forward in told)


def _guess(leg: Leg, stopped: datetime, timeline: Timeline) -> str:
    # A ring-all's losers and a time-out leave the same rows: told apart by what else happened at that moment.
    rivals = (other.answered_at for other in timeline.others() if other is not leg)
    if any(taken is not None and leg.started_at <= taken <= stopped for taken in rivals):
        return "cancelled"
    root = timeline.root
    gave_up = root.hung_up_at is not None and abs(root.hung_up_at - stopped) < _TOGETHER
    return "cancelled" if gave_up and root.hung_up_by in root.names else "no_answer"


def _voicemail(story: Story) -> Iterator[Segment]:
    visits = _visits(story.customer, "VoiceMail")
    told = [(row.at, dialplan_word(row)) for row in story.timeline.rows] if visits else []
    for visit in visits:
        box = visit.data.partition(",")[0].partition("@")[0]
        after = [word for at, word in told if word.startswith("voicemail=") and at >= (visit.ended_at or at)]
        # Only the dialplan knows whether a message was left; one that is not ours says nothing of it.
        left = not after or after[0] == "voicemail=SUCCESS"
        yield _segment(SegmentKind.VOICEMAIL, visit.span, box, "" if left else "not_left")


def _messages(story: Story) -> Iterator[Segment]:
    """What the caller spoke for a flow: the last take of each message stands, if it was kept."""
    kept = {
        str(step.data.get("name")): step.flow_node
        for step in story.steps
        if step.kind is StepKind.RECORDED and step.data.get("result") == "kept"
    }
    visits = _visits(story.customer, "Record")
    last = {_message_of(visit): visit for visit in visits}
    for visit in visits:
        name = _message_of(visit)
        left = name in kept and last[name] is visit
        yield _segment(SegmentKind.VOICEMAIL, visit.span, kept.get(name, ""), "" if left else "not_left")


def _message_of(visit: Visit) -> str:
    return visit.data.partition(",")[0].rpartition("/")[2].removesuffix(".wav")
