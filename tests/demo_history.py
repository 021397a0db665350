"""A morning of a support line, plausible to the eye: what the browser tests and the pictures show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pbx_bridge.calls.call import Call, CallStep, Direction, Outcome, Segment, SegmentKind, call_id
from pbx_bridge.values import tracking

NOON = datetime(2026, 11, 21, 8, 42, 10, tzinfo=UTC)  # 12:12 in Tehran, 1405/08/30
TICKET = tracking.with_check_digit("471208")
_OTHER_TICKET = tracking.with_check_digit("530117")

_CUSTOMERS = {
    "09121234567": ("C-1042", "شرکت آریا صنعت", "fa"),
    "02188776655": ("C-1007", "بیمارستان مهر", "fa"),
    "09355550142": ("C-1188", "Parsa Trading", "en"),
    "03136654321": ("C-1093", "فولاد سپاهان", "fa"),
    "+4930901820": ("C-2001", "Nordlicht GmbH", "en"),
}


class _Tape:
    """Segments and steps of one call as they are laid down."""

    def __init__(self, started_at: datetime) -> None:
        self.at = started_at
        self.segments: list[Segment] = []
        self.steps: list[CallStep] = []

    def segment(self, kind: SegmentKind, seconds: float | None, party: str = "", result: str = "") -> None:
        ended_at = None if seconds is None else self.at + timedelta(seconds=seconds)
        self.segments.append(Segment(kind=kind, started_at=self.at, ended_at=ended_at, party=party, result=result))
        self.at = ended_at or self.at

    def step(self, after: float, kind: str, flow_node: str, **data: Any) -> None:
        self.at += timedelta(seconds=after)
        self.steps.append(CallStep(at=self.at, flow_node=flow_node, kind=kind, data=data))

    def say(self, seconds: float, prompt: str, language: str, text: str, *, serves: bool = False) -> None:
        playback = f"{prompt}-{len(self.steps)}"
        self.step(0.1, "said", prompt, prompt=prompt, language=language, text=text, playback=playback)
        self.step(seconds, "heard", prompt, prompt=prompt, playback=playback, serves=serves)


def make_call(
    number: int,
    *,
    started_at: datetime,
    caller: str = "09121234567",
    outcome: Outcome | None = Outcome.ANSWERED,
    segments: Sequence[Segment] = (),
    steps: Sequence[CallStep] = (),
    **values: Any,
) -> Call:
    """A call; whatever is not told follows from its segments."""
    code, _, language = _CUSTOMERS.get(caller, ("", "", ""))
    ended = max((s.ended_at for s in segments if s.ended_at), default=started_at)
    talks = [s for s in segments if s.kind is SegmentKind.TALK]
    told: dict[str, Any] = {
        "call_id": call_id("pbx1", f"1795250000.{number}"),
        "node": "pbx1",
        "root": f"1795250000.{number}",
        "direction": Direction.INBOUND,
        "outcome": outcome,
        "started_at": started_at,
        "answered_at": talks[0].started_at if talks else None,
        "ended_at": ended if outcome else None,
        "end_estimated": False,
        "caller": caller,
        "caller_name": "",
        "called": "100",
        "customer_code": code,
        "tracking_numbers": (),
        "language": language,
        "talk_us": _spent(segments, SegmentKind.TALK),
        "wait_us": _spent(segments, SegmentKind.WAIT),
        "ivr_us": _spent(segments, SegmentKind.IVR),
        "ended_by": "caller" if outcome else "",
        "fallback": False,
        "segments": tuple(segments),
        "steps": tuple(steps),
    }
    return Call(**(told | values))


def _spent(segments: Sequence[Segment], kind: SegmentKind) -> int:
    spans = [s.ended_at - s.started_at for s in segments if s.kind is kind and s.ended_at]
    return sum(spans, timedelta()) // timedelta(microseconds=1)


def _known(tape: _Tape, caller: str) -> str:
    tape.step(0.4, "started", "who", flow="support", version="c0ffee", called="100")
    known = _CUSTOMERS.get(caller)
    if known:
        tape.step(0.1, "customer", "who", code=known[0], name=known[1], by="number")
        tape.step(0.0, "language", "language", language=known[2], by="record")
    return known[2] if known else "fa"


_MENU = {
    "fa": "برای پیگیری تیکت کلید ۱، برای پشتیبانی کلید ۲، و برای صحبت با اپراتور کلید ۰ را فشار دهید.",
    "en": "For the status of your ticket press 1, for support press 2, for a person press 0.",
}
_ASK = {
    "fa": "شمارهٔ پیگیری را وارد کنید و سپس کلید مربع را بزنید.",
    "en": "Key your tracking number, then press the hash key.",
}
_STATUS = {
    "fa": "تیکت شمارهٔ ۴۷۱، ۲۰۸ در دست انجام است. آخرین تغییر: بیست‌وهفتم آبان. تاریخ وعده: پنجم آذر.",
    "en": "Ticket 471, 208 is in progress. Last change: 18 November. Promised for: 26 November.",
}


def self_served(number: int, started_at: datetime, caller: str = "09121234567", ticket: str = TICKET) -> Call:
    """The caller hears the ticket's status to its end."""
    tape = _Tape(started_at)
    language = _known(tape, caller)
    tape.step(0.1, "said", "menu", prompt="menu", language=language, text=_MENU[language], playback="cut-short")
    tape.step(4.2, "keys", "menu", keys="1", result="match")
    tape.say(3.1, "ask_tracking", language, _ASK[language])
    wrong = ticket[:-1] + str((int(ticket[-1]) + 3) % 10)
    tape.step(7.0, "keys", "ask_tracking", keys=wrong, result="invalid")
    tape.say(3.1, "ask_tracking", language, _ASK[language])
    tape.step(6.4, "keys", "ask_tracking", keys=ticket, result="match")
    tape.step(0.2, "lookup", "ask_tracking", what="tracking", result="found", seconds=0.18, tracking_number=ticket)
    tape.say(11.5, "ticket_status", language, _STATUS[language], serves=True)
    tape.step(1.0, "ended", "status", by="caller")
    ivr = Segment(kind=SegmentKind.IVR, started_at=started_at, ended_at=tape.at, party="support")
    return make_call(
        number,
        started_at=started_at,
        caller=caller,
        outcome=Outcome.SELF_SERVED,
        segments=[ivr],
        steps=tape.steps,
        tracking_numbers=(ticket,),
    )


def queued(
    number: int,
    started_at: datetime,
    caller: str,
    *,
    wait: float,
    talk: float | None = None,
    queue: str = "support",
    outcome: Outcome | None = Outcome.ANSWERED,
    **values: Any,
) -> Call:
    """Menu, then a queue; Bob is busy, Charlie answers or nobody does."""
    tape = _Tape(started_at)
    language = _known(tape, caller)
    tape.say(5.0, "menu", language, _MENU[language])
    tape.step(1.5, "keys", "menu", keys="2", result="match")
    tape.step(0.2, "lookup", "contract", what="contract", result="found", seconds=0.09, customer_code="C-1042")
    tape.step(0.2, "queue", "to_support", queue=queue, reason="valid")
    tape.segments.append(Segment(kind=SegmentKind.IVR, started_at=started_at, ended_at=tape.at, party="support"))
    queue_at = tape.at
    result = "answered" if talk else "abandoned" if outcome is Outcome.ABANDONED_QUEUE else "timeout"
    tape.segment(SegmentKind.WAIT, wait, queue, result)
    if talk:
        ring = queue_at + timedelta(seconds=wait * 0.3)
        tape.segments.append(
            Segment(
                kind=SegmentKind.RING,
                started_at=ring,
                ended_at=ring + timedelta(seconds=wait * 0.25),
                party="101",
                result="busy",
            )
        )
        late = queue_at + timedelta(seconds=wait * 0.6)
        tape.segments.append(
            Segment(kind=SegmentKind.RING, started_at=late, ended_at=tape.at, party="102", result="answered")
        )
        tape.segment(SegmentKind.TALK, talk, "102")
    return make_call(
        number,
        started_at=started_at,
        caller=caller,
        outcome=outcome,
        segments=tape.segments,
        steps=tape.steps,
        **values,
    )


def talking(number: int, started_at: datetime, caller: str = "02188776655") -> Call:
    """A call that goes on."""
    done = queued(number, started_at, caller, wait=22, talk=600)
    segments = [*done.segments[:-1], Segment(
        kind=SegmentKind.TALK, started_at=done.segments[-1].started_at, ended_at=None, party="102"
    )]  # fmt: skip
    return make_call(
        number, started_at=started_at, caller=caller, outcome=None, segments=segments, steps=done.steps, talk_us=0
    )


def in_menu(number: int, started_at: datetime, caller: str = "09355550142") -> Call:
    """A call that has just come."""
    tape = _Tape(started_at)
    _known(tape, caller)
    ivr = Segment(kind=SegmentKind.IVR, started_at=started_at, ended_at=None, party="support")
    return make_call(number, started_at=started_at, caller=caller, outcome=None, segments=[ivr], steps=tape.steps)


def left_early(number: int, started_at: datetime, caller: str = "09197654321", **values: Any) -> Call:
    """The caller leaves in the greeting."""
    tape = _Tape(started_at)
    language = _known(tape, caller)
    tape.step(0.1, "said", "menu", prompt="menu", language=language, text=_MENU[language], playback="never-ended")
    tape.step(2.0, "ended", "menu", by="caller")
    ivr = Segment(kind=SegmentKind.IVR, started_at=started_at, ended_at=tape.at, party="support")
    return make_call(
        number,
        started_at=started_at,
        caller=caller,
        outcome=Outcome.ABANDONED_IVR,
        segments=[ivr],
        steps=tape.steps,
        **values,
    )


def outbound(number: int, started_at: datetime, called: str, talk: float | None, outcome: Outcome) -> Call:
    """An agent calls a customer."""
    tape = _Tape(started_at)
    tape.segment(SegmentKind.RING, 9, called, "answered" if talk else "no_answer")
    if talk:
        tape.segment(SegmentKind.TALK, talk, "101")
    return make_call(
        number,
        started_at=started_at,
        caller="101",
        called=called,
        direction=Direction.OUTBOUND,
        outcome=outcome,
        segments=tape.segments,
    )


def morning(now: datetime = NOON) -> list[Call]:
    """The calls, oldest first."""

    def ago(minutes: float) -> datetime:
        return now - timedelta(minutes=minutes, seconds=minutes % 0.7 * 40)

    lost = queued(7, ago(66), "09121234567", wait=31, talk=74, outcome=Outcome.LOST, end_estimated=True)
    away = queued(8, ago(59), "03136654321", wait=16, talk=303, fallback=True)
    return [
        queued(1, ago(124), "02188776655", wait=12, talk=441),
        left_early(2, ago(117)),
        self_served(3, ago(111), "09355550142", _OTHER_TICKET),
        queued(4, ago(103), "+4930901820", wait=48, talk=1263),
        queued(5, ago(92), "09121234567", wait=95, outcome=Outcome.ABANDONED_QUEUE),
        outbound(6, ago(85), "09121234567", 187, Outcome.ANSWERED),
        lost,
        away,
        self_served(9, ago(51)),
        queued(10, ago(44), "09197654321", wait=180, outcome=Outcome.MISSED, queue="services"),
        outbound(11, ago(38), "02144332211", None, Outcome.NO_ANSWER),
        queued(12, ago(33), "09355550142", wait=7, talk=268),
        left_early(13, ago(27), ""),
        self_served(14, ago(21), "03136654321", _OTHER_TICKET),
        queued(15, ago(16), "09121234567", wait=19, talk=352),
        talking(16, ago(5.2)),
        in_menu(17, ago(0.4)),
    ]
