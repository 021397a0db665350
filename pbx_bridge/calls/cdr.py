"""The call that CDRs alone tell: history from before our time. Pure, total, deterministic.

Asterisk writes a CDR for every pair of channels, so one call has up to a dozen. Those of the caller's channel tell
the call; the others are plumbing (Local channels) and talk among agents. What a CDR cannot know stays unknown: who
hung up, what was heard in a menu, and when a queue's agent answered: `answer` is when the PBX did, so talk after a
queue counts the wait as well. The disposition is of the last dialling, so "NO ANSWER" with billed seconds is normal,
and "ANSWERED" without another channel is a machine.

Sources: Asterisk's CDR specification; measured on Asterisk 22.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pbx_bridge.calls.call import Call, Direction, Outcome, Segment, SegmentKind, call_id
from pbx_bridge.calls.facts import CdrRow
from pbx_bridge.calls.people import INBOUND_CONTEXTS, OUTSIDE_DIGITS
from pbx_bridge.calls.spans import length_us, overlap
from pbx_bridge.calls.timeline import peer_name

_EXTENSION = re.compile(r"[A-Za-z]*\d{2,6}")  # a phone of ours, not a trunk: 101, agent101
_NAMED = re.compile(r'\s*"?(.*?)"?\s*<[^<>]*>\s*', re.DOTALL)  # "Name" <number>
_VOICEMAIL = frozenset({"VoiceMail", "VoicemailMain", "MiniVoiceMail"})
_TURNED_AWAY = frozenset({"Hangup", "Congestion", "Busy"})
_RINGS = {"BUSY": "busy", "NO ANSWER": "no_answer", "CANCEL": "cancelled"}
_UNANSWERED = {
    "BUSY": Outcome.BUSY,
    "NO ANSWER": Outcome.NO_ANSWER,
    "CANCEL": Outcome.CANCELLED,  # Asterisk 22.6 and later, where it is switched on
}
_TIMEOUT_ARG = 4  # Queue(name,options,url,announce,timeout,…)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leg:
    """One CDR of the caller's channel; `party`: who was at the other end, empty if nobody."""

    row: CdrRow
    party: str

    @property
    def talked(self) -> bool:
        return self.row.disposition == "ANSWERED" and self.row.answered_at is not None and bool(self.party)

    @property
    def answered_at(self) -> datetime:
        return max(self.row.at, self.row.answered_at or self.row.at)


def fold_cdr(rows: Iterable[CdrRow]) -> Call | None:
    """The call told by one group's CDRs, in any order, repeated or not; None of none."""
    ordered = sorted(set(rows), key=_order)
    if not ordered:
        return None
    root = _root(ordered)
    side = [row for row in ordered if row is root or (_touches(row, root) and not _is_clearing(row))]
    direction = _direction(root, side)
    called = _called(side)
    legs = [_Leg(row=row, party=_other(row, root, direction, called)) for row in side]
    segments = tuple(sorted(_segments(legs), key=lambda s: (s.started_at, s.kind, s.party, s.result)))
    talks = [segment for segment in segments if segment.kind is SegmentKind.TALK]
    ended_at = max(root.at, *(row.ended_at for row in ordered))
    return Call(
        call_id=call_id(root.node, root.uniqueid),
        node=root.node,
        root=root.uniqueid,
        direction=direction,
        outcome=_outcome(direction, legs, segments),
        started_at=root.at,
        answered_at=min((talk.started_at for talk in talks), default=None),
        ended_at=ended_at,
        end_estimated=False,
        caller=root.src,
        caller_name=_name(root.clid),
        called=called,
        destination=_destination(legs),
        customer_code="",
        agents=_agents(direction, root, talks),
        left_voicemail=any(segment.kind is SegmentKind.VOICEMAIL for segment in segments),
        source="cdr",
        tracking_numbers=(),
        language="",
        talk_us=_length(segments, SegmentKind.TALK, ended_at),
        wait_us=_length(segments, SegmentKind.WAIT, ended_at),
        ivr_us=_length(segments, SegmentKind.IVR, ended_at),
        ring_us=_length(segments, SegmentKind.RING, ended_at),
        ended_by="",
        fallback=False,
        segments=segments,
        steps=(),
    )


def _order(row: CdrRow) -> tuple[object, ...]:
    # A total order: two CDRs may differ in anything, and no order of reading may show.
    first = (row.at, row.ended_at, row.uniqueid, row.channel_name, row.file, row.offset)
    told = (row.linkedid, row.peer_name, row.app, row.app_data, row.disposition, row.dst, row.context)
    return (
        *first,
        row.answered_at or row.at,
        row.answered_at is None,
        *told,
        row.src,
        row.clid,
        row.did,
        row.user_field,
    )


def _root(ordered: Sequence[CdrRow]) -> CdrRow:
    people = [row for row in ordered if not row.channel_name.startswith("Local/")] or list(ordered)
    return next((row for row in people if row.uniqueid == row.linkedid), people[0])


def _touches(row: CdrRow, root: CdrRow) -> bool:
    return row.uniqueid == root.uniqueid or root.channel_name in (row.channel_name, row.peer_name)


def _is_clearing(row: CdrRow) -> bool:
    # Commands run after the hang-up have a CDR of their own; one that lasted is the last thing before it.
    return row.dst == "h" and not row.peer_name and row.ended_at - row.at <= _SECOND


def _digits(text: str) -> int:
    return sum(char.isdigit() for char in text)


def _is_number(text: str) -> bool:
    return bool(text) and all(char.isdigit() or char in "+*#" for char in text)


def _is_phone(channel: str) -> bool:
    return bool(_EXTENSION.fullmatch(_party(channel)))


def _direction(root: CdrRow, side: Sequence[CdrRow]) -> Direction:
    # The context is where the call came to in the end, so it proves only an entry; the channel tells who called.
    if any(row.did for row in side) or root.context in INBOUND_CONTEXTS or not _is_phone(root.channel_name):
        return Direction.INBOUND
    dialled = [row.peer_name for row in side if row.peer_name and row.channel_name == root.channel_name]
    if _digits(root.dst) >= OUTSIDE_DIGITS or any(not _is_phone(channel) for channel in dialled):
        return Direction.OUTBOUND
    # A trunk may be called like a phone (trunk01): then the caller's number is not its own.
    stranger = _digits(root.src) >= OUTSIDE_DIGITS and root.src not in root.channel_name
    return Direction.INBOUND if stranger else Direction.INTERNAL


def _called(side: Sequence[CdrRow]) -> str:
    told = [row.did for row in side if row.did] + [row.dst for row in side if _is_number(row.dst)]
    # An application's name or a queue's is better than nothing; `s` says nothing.
    return next(iter(told), "") or next((row.dst for row in side if row.dst not in ("", "s")), "")


def _party(channel: str) -> str:
    """`101` for `PJSIP/101-0000002a`, and for the queue member `Local/101@from-queue-00000001;1`."""
    if channel.startswith("Local/"):
        return channel.removeprefix("Local/").partition("@")[0].rpartition("-")[2]
    return peer_name(channel)


def _other(row: CdrRow, root: CdrRow, direction: Direction, called: str) -> str:
    channel = row.channel_name if row.peer_name == root.channel_name else row.peer_name
    if direction is Direction.OUTBOUND and channel and not _is_phone(channel) and _is_number(called):
        return called  # whom the trunk reached
    return _party(channel)


def _destination(legs: Sequence[_Leg]) -> str:
    """Where it was delivered: whoever had it last. A queue that finds nobody has delivered it to nobody."""
    offered = [leg for leg in legs if leg.row.app in _VOICEMAIL or leg.talked or leg.row.app != "Queue"]
    had = [_box(leg.row) if leg.row.app in _VOICEMAIL else leg.party for leg in offered]
    return next((party for party in reversed(had) if party), "")


def _box(row: CdrRow) -> str:
    return row.app_data.partition(",")[0].partition("@")[0]


def _segments(legs: Sequence[_Leg]) -> Iterator[Segment]:
    for leg in legs:
        row = leg.row
        if row.app in _VOICEMAIL:
            yield _segment(SegmentKind.VOICEMAIL, leg.answered_at, row.ended_at, _box(row))
        elif leg.talked:
            if row.app == "Dial" and row.at < leg.answered_at:
                yield _segment(SegmentKind.RING, row.at, leg.answered_at, leg.party, "answered")
            yield _segment(SegmentKind.TALK, leg.answered_at, row.ended_at, leg.party)
        elif leg.party:
            yield _segment(
                SegmentKind.RING, leg.answered_at, row.ended_at, leg.party, _RINGS.get(row.disposition, "")
            )
        elif row.app != "Queue" and row.answered_at is not None:
            yield _segment(SegmentKind.IVR, leg.answered_at, row.ended_at, "")
    yield from _waits(legs)


def _waits(legs: Sequence[_Leg]) -> Iterator[Segment]:
    """One wait for each time in a queue that nobody ended by answering; a queue writes a CDR for each member."""
    queued = [leg for leg in legs if leg.row.app == "Queue"]
    answered = [leg.row for leg in queued if leg.talked]
    waits: list[Segment] = []
    for leg in queued:
        row, queue = leg.row, leg.row.app_data.partition(",")[0]
        met = (overlap((row.at, row.ended_at), (other.at, other.ended_at + _SECOND)) for other in answered)
        if leg.talked or any(met):
            continue
        wait = _segment(SegmentKind.WAIT, leg.answered_at, row.ended_at, queue, _gave_up(leg, legs))
        if waits and waits[-1].party == queue and wait.started_at <= _end(waits[-1]) + _SECOND:
            last = waits.pop()
            wait = _segment(SegmentKind.WAIT, last.started_at, max(_end(last), _end(wait)), queue, wait.result)
        waits.append(wait)
    yield from waits


def _end(segment: Segment) -> datetime:
    return segment.ended_at or segment.started_at


def _gave_up(leg: _Leg, legs: Sequence[_Leg]) -> str:
    """`timeout` when the call went on after the queue, or had waited its time; else the caller left."""
    row = leg.row
    if any(other.row.app != "Queue" and other.row.at >= row.ended_at - _SECOND for other in legs):
        return "timeout"
    args = row.app_data.split(",")
    limit = args[_TIMEOUT_ARG].strip() if len(args) > _TIMEOUT_ARG else ""
    if limit.isascii() and limit.isdigit() and 0 < len(limit) < 7:
        return "timeout" if row.ended_at - leg.answered_at >= timedelta(seconds=int(limit)) - _SECOND else "abandoned"
    return "abandoned"


def _segment(kind: SegmentKind, start: datetime, end: datetime, party: str, result: str = "") -> Segment:
    return Segment(kind=kind, started_at=start, ended_at=max(start, end), party=party, result=result)


def _length(segments: Iterable[Segment], kind: SegmentKind, until: datetime) -> int:
    return length_us(((s.started_at, s.ended_at) for s in segments if s.kind is kind), until)


def _outcome(direction: Direction, legs: Sequence[_Leg], segments: Sequence[Segment]) -> Outcome:
    kinds = {segment.kind for segment in segments}
    if SegmentKind.TALK in kinds:
        return Outcome.ANSWERED
    machine = kinds & {SegmentKind.IVR, SegmentKind.WAIT, SegmentKind.VOICEMAIL}
    if direction is Direction.INBOUND or (direction is Direction.INTERNAL and machine):
        return _inbound(legs, segments)
    last = legs[-1].row
    return _UNANSWERED.get(last.disposition, Outcome.FAILED)


def _inbound(legs: Sequence[_Leg], segments: Sequence[Segment]) -> Outcome:
    kinds = {segment.kind for segment in segments}
    if SegmentKind.VOICEMAIL in kinds:
        return Outcome.VOICEMAIL
    waits = [segment.result for segment in segments if segment.kind is SegmentKind.WAIT]
    if waits:
        return Outcome.ABANDONED_QUEUE if waits[-1] == "abandoned" else Outcome.MISSED
    if SegmentKind.RING in kinds:
        return Outcome.MISSED
    last = legs[-1].row
    if last.app in _TURNED_AWAY or last.disposition in ("BUSY", "FAILED", "CONGESTION"):
        return Outcome.MISSED if SegmentKind.IVR in kinds else Outcome.REJECTED
    return Outcome.ABANDONED_IVR


def _agents(direction: Direction, root: CdrRow, talks: Sequence[Segment]) -> tuple[str, ...]:
    if direction is Direction.OUTBOUND:
        return (_party(root.channel_name),) if talks else ()
    spoke = [talk.party for talk in talks]
    if spoke and direction is Direction.INTERNAL:
        spoke.insert(0, _party(root.channel_name))
    return tuple(dict.fromkeys(party for party in spoke if party))


def _name(clid: str) -> str:
    named = _NAMED.fullmatch(clid)
    return named[1] if named else ""
