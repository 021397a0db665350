"""The cross-check of records against what Asterisk's own files tell, each by itself. Pure.

CEL is the record's source, read here once more and grouped anew. queue_log and CDRs are checks: they know less (a
CDR may be missing, or say NO ANSWER of a caller who was greeted), so only what each really promises is compared.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pbx_bridge.calls.call import Call, Segment, SegmentKind
from pbx_bridge.calls.facts import CelRow, QueueEvent
from pbx_bridge.calls.queue_causes import EXITS
from pbx_bridge.calls.timeline import Leg, peer_name

_NEAR = timedelta(seconds=2)  # queue_log and CDRs round to seconds, and end a little later than the channel
_COMPLETE = ("COMPLETECALLER", "COMPLETEAGENT")
_BRIDGING = ("Dial", "Queue")  # applications whose CDR names whom the caller was connected with


class Check(enum.StrEnum):
    """What was compared."""

    EXISTS = "exists"  # the files tell of a call: one is on record
    ONCE = "once"  # and no second one
    SOURCE = "source"  # a call on record: the files tell of it
    END = "end"
    START = "start"
    CONNECT = "connect"
    COMPLETE = "complete"
    EXIT = "exit"  # how a wait in a queue ended
    CDR = "cdr"


_ANSWERS = (Check.CONNECT, Check.COMPLETE, Check.CDR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cdr:
    """What is compared of one CDR."""

    uniqueid: str
    linkedid: str
    channel: str
    other: str
    app: str
    disposition: str
    billed_s: int
    started_at: datetime
    ended_at: datetime | None

    @property
    def connects(self) -> bool:
        """It tells that two people were connected for a second or more; an answer by the dialplan is none."""
        people = self.other and not self.other.startswith("Local/")
        return bool(people) and self.app in _BRIDGING and self.disposition == "ANSWERED" and self.billed_s > 0


@dataclass(slots=True, kw_only=True)
class Evidence:
    """What the files tell of one call.

    Attributes:
        keys: channel ids and linkedids.
        began: of its people's channels, when each began; ended likewise. Plumbing is not in it.
        whole: False when a channel is told of whose beginning is in no file any more.
        unread: rows of it wait to be read.
    """

    node: str
    keys: set[str] = field(default_factory=set)
    began: dict[str, datetime] = field(default_factory=dict)
    plumbing: set[str] = field(default_factory=set)
    ended: dict[str, datetime] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    first_at: datetime | None = None
    last_at: datetime | None = None
    events: list[QueueEvent] = field(default_factory=list)
    cdrs: list[Cdr] = field(default_factory=list)
    unread: bool = False

    def take_row(self, row: CelRow) -> None:
        """One CEL row."""
        self.span(row.at)
        self.seen.add(row.uniqueid)
        if row.event == "CHAN_END":
            self.ended.setdefault(row.uniqueid, row.at)
        elif row.event == "CHAN_START" and Leg(first=row).is_person:
            self.began.setdefault(row.uniqueid, row.at)
        elif row.event == "CHAN_START":
            self.plumbing.add(row.uniqueid)

    def span(self, at: datetime) -> None:
        """Something of it happened at this moment."""
        self.first_at = at if self.first_at is None else min(self.first_at, at)
        self.last_at = at if self.last_at is None else max(self.last_at, at)

    def merge(self, other: Evidence) -> None:
        """The other one is of the same call."""
        self.keys |= other.keys
        self.began |= other.began
        self.plumbing |= other.plumbing
        self.ended |= other.ended
        self.seen |= other.seen
        self.events += other.events
        self.cdrs += other.cdrs
        self.unread = self.unread or other.unread
        for at in (other.first_at, other.last_at):
            if at is not None:
                self.span(at)

    @property
    def is_call(self) -> bool:
        """Somebody was on it, as far as the files tell."""
        return bool(self.began or self.events or (self.cdrs and not self.plumbing))

    @property
    def whole(self) -> bool:
        """The beginning of every channel is told."""
        return bool(self.began) and self.seen <= self.began.keys() | self.plumbing

    @property
    def ended_at(self) -> datetime | None:
        """When the last of its people's channels ended; None if not all are known to have."""
        if not self.whole or not self.seen <= self.ended.keys():
            return None
        return max(self.ended[name] for name in self.began)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A time in which what the record holds may be less than what happened, and why."""

    since: datetime
    until: datetime | None
    why: str

    def touches(self, start: datetime, end: datetime) -> bool:
        """It has a moment in common with this one."""
        return self.since <= end and (self.until is None or start <= self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One thing that the record and a file tell differently.

    Attributes:
        channel: the id by which either can be found.
        record, evidence: what each side says, in words.
        explained: why this is no fault; empty if nothing explains it.
    """

    check: Check
    at: datetime
    call_id: str
    channel: str
    record: str
    evidence: str
    explained: str = ""


def compare(
    told: Evidence, calls: Sequence[Call], *, folding: bool = False, windows: Sequence[Window] = ()
) -> list[Disagreement]:
    """Where the record differs from what the files tell of one call.

    Args:
        calls: those on record under any of its keys.
        folding: facts of it wait to be put together.
        windows: gaps whose rows were not read.
    """
    at = min(told.began.values(), default=told.first_at)
    if at is None or not told.is_call:
        return []
    excuse = _excuse(told, folding, windows, at)
    if len(calls) != 1:
        # The same keys tell of no call, or of several.
        check = Check.ONCE if calls else Check.EXISTS
        record = ", ".join(call.call_id for call in calls) or "no call"
        return [_found(check, at, told, None, record, "one call", excuse)]
    return list(_of_one(told, calls[0], excuse))


def unsupported(call: Call, windows: Sequence[Window] = ()) -> Disagreement:
    """A call on record of a time whose files are all there, and none of them tells of it."""
    return Disagreement(
        check=Check.SOURCE,
        at=call.started_at,
        call_id=call.call_id,
        channel=call.root,
        record="a call",
        evidence="no file tells of it",
        explained=_in_window(windows, call.started_at, call.ended_at or call.started_at),
    )


def _excuse(told: Evidence, folding: bool, windows: Sequence[Window], at: datetime) -> str:
    if told.unread:
        return "not read yet"
    if folding:
        return "being put together"
    return _in_window(windows, at, told.last_at or at)


def _in_window(windows: Sequence[Window], start: datetime, end: datetime) -> str:
    return next((window.why for window in windows if window.touches(start, end)), "")


def _of_one(told: Evidence, call: Call, excuse: str) -> Iterator[Disagreement]:
    if call.end_estimated:
        excuse = excuse or "the end is estimated"
    too_late = "the caller left as the agent answered" if _too_late(told, call) else ""
    for check, at, record, evidence in _differences(told, call):
        why = excuse or (too_late if check in _ANSWERS else "")
        yield _found(check, at, told, call, record, evidence, why)


def _too_late(told: Evidence, call: Call) -> bool:
    """An agent answered a caller who was about to be gone: each was alone in the bridge, if there at all.

    queue_log, which counts whole seconds, calls that an answer (CONNECT, then COMPLETECALLER of 0 s, or of 1 s); CEL
    has no moment of the two together.
    """
    if call.answered_at is not None:
        return False
    answered = {s.party for s in call.segments if s.kind is SegmentKind.RING and s.result == "answered"}
    agents = {peer_name(event.agent) for event in told.events if event.event == "CONNECT"}
    talked = [_whole_number(event.args, 1) for event in told.events if event.event in _COMPLETE]
    return bool(agents and talked) and agents <= answered and set(talked) <= {0, 1}


_Difference = tuple[Check, datetime, str, str]


def _differences(told: Evidence, call: Call) -> Iterator[_Difference]:
    yield from _ends(told, call)
    for event in told.events:
        yield from _queue_event(event, call)
    for cdr in told.cdrs:
        yield from _cdr(cdr, call)


def _ends(told: Evidence, call: Call) -> Iterator[_Difference]:
    start = min(told.began.values(), default=None)
    if start is not None and told.whole and start < call.started_at:
        yield Check.START, start, _moment(call.started_at), _moment(start)
    end = told.ended_at
    if end is None and call.end_estimated and told.whole:
        yield Check.END, call.started_at, f"{_moment(call.ended_at)}, estimated", "CEL tells no end"
    if end is not None and (call.ended_at is None or call.ended_at < end):
        yield Check.END, end, "in progress" if call.ended_at is None else _moment(call.ended_at), _moment(end)


def _queue_event(event: QueueEvent, call: Call) -> Iterator[_Difference]:
    agent = peer_name(event.agent)
    if event.event == "CONNECT":
        if call.answered_at is None:
            yield Check.CONNECT, event.at, "answered by nobody", f"queue_log: {agent} answered"
        elif agent not in {segment.party for segment in call.segments}:
            yield Check.CONNECT, event.at, f"answered by {', '.join(call.agents)}", f"queue_log: {agent} answered"
    elif event.event in _COMPLETE:
        yield from _complete(event, agent, call)
    elif event.event in EXITS:
        result = EXITS[event.event]
        results = {s.result for s in call.segments if s.kind is SegmentKind.WAIT and s.party == event.queue}
        if result not in results and call.ended_at is not None:
            said = ", ".join(sorted(filter(None, results))) or "no end"
            yield Check.EXIT, event.at, f"wait for {event.queue}: {said}", f"queue_log: {result}"


def _complete(event: QueueEvent, agent: str, call: Call) -> Iterator[_Difference]:
    # COMPLETE… |hold|talk|position. Its talk is the agent's, holds included; after a transfer, a park or in a
    # conference it ends at another moment than the customer's.
    told = _whole_number(event.args, 1)
    if call.answered_at is None:
        yield Check.COMPLETE, event.at, "answered by nobody", f"queue_log: {agent} talked {told} s"
        return
    plain = all(s.kind not in (SegmentKind.CONSULT, SegmentKind.PARK) for s in call.segments) and not call.transfers
    talks = [s for s in call.segments if s.kind in (SegmentKind.TALK, SegmentKind.HOLD) and s.party == agent]
    # Two talks with one agent are two visits to the queue, each with a line of its own.
    if told is None or not plain or len([s for s in talks if s.kind is SegmentKind.TALK]) != 1:
        return
    talked = _length(talks)
    if talked is not None and abs(talked - timedelta(seconds=told)) > _NEAR:
        seconds = talked / timedelta(seconds=1)
        yield Check.COMPLETE, event.at, f"talk with {agent}: {seconds:.1f} s", f"queue_log: {told} s"


def _length(segments: Iterable[Segment]) -> timedelta | None:
    total = timedelta(0)
    for segment in segments:
        if segment.ended_at is None:
            return None
        total += segment.ended_at - segment.started_at
    return total


def _cdr(cdr: Cdr, call: Call) -> Iterator[_Difference]:
    if cdr.connects and call.answered_at is None:
        evidence = f"CDR: {peer_name(cdr.channel)} and {peer_name(cdr.other)} connected for {cdr.billed_s} s"
        yield Check.CDR, cdr.started_at, "answered by nobody", evidence
    if cdr.started_at < call.started_at - _NEAR:
        yield Check.CDR, cdr.started_at, f"began {_moment(call.started_at)}", f"CDR: {_moment(cdr.started_at)}"
    if cdr.ended_at is not None and call.ended_at is not None and cdr.ended_at > call.ended_at + _NEAR:
        yield Check.CDR, cdr.ended_at, f"ended {_moment(call.ended_at)}", f"CDR: {_moment(cdr.ended_at)}"


def _whole_number(args: Sequence[str], index: int) -> int | None:
    text = args[index] if index < len(args) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _found(
    check: Check, at: datetime, told: Evidence, call: Call | None, record: str, evidence: str, explained: str
) -> Disagreement:
    first = min(told.began, key=lambda name: (told.began[name], name), default=min(told.keys, default=""))
    return Disagreement(
        check=check,
        at=at,
        call_id=call.call_id if call else "",
        channel=call.root if call else first,
        record=record,
        evidence=evidence,
        explained=explained,
    )


def _moment(at: datetime | None) -> str:
    return "open" if at is None else f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"
