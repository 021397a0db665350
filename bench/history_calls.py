"""The calls of a support line's year, as shapes: six queues, 36 agents, sixty flow nodes, each direction and outcome.

What a page shows of them is as varied as a company's: how long callers wait and talk, where in the menus they leave,
what they answer when they are asked how it was. They are told of other people, tickets and times by made_calls.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.made_calls import NODE, Shape, shape_of
from pbx_bridge.calls.call import (
    Call,
    CallId,
    CallStep,
    Direction,
    Outcome,
    Segment,
    SegmentKind,
    SurveyAnswer,
    Transfer,
    TransferKind,
)
from pbx_bridge.calls.facts import StepKind

QUEUES = ("support", "sales", "billing", "technical", "complaints", "vip")
AGENTS = tuple(str(extension) for extension in range(201, 237))
_ROOMS = ("menu", "ask", "lookup", "status", "more", "hours", "to_queue", "callback")
FLOW_NODES = (
    *("who", "language", "hours", "welcome", "main_menu"),
    *(f"{queue}_{room}" for queue in QUEUES for room in _ROOMS),
    *("survey_score", "survey_solved", "survey_kind", "voicemail", "closed", "callback_done", "goodbye"),
)
SHAPES = 3000
SCALE = 5  # of the survey's questions

_QUEUE_WEIGHTS = (46, 18, 14, 12, 6, 4)
_STARTED = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
_MENU = "برای پیگیری تیکت کلید ۱، برای پشتیبانی کلید ۲، و برای صحبت با اپراتور کلید ۰ را فشار دهید."
_STATUS = "تیکت شما در دست انجام است. آخرین تغییر: بیست‌وهفتم آبان. تاریخ وعده: پنجم آذر."
_KNOWN = 0.7


@dataclass(slots=True)
class _Tape:
    """What happens in a call, laid down in order. `chance` decides whatever differs from call to call."""

    chance: random.Random
    known: bool
    at: datetime = _STARTED
    segments: list[Segment] = field(default_factory=list)
    steps: list[CallStep] = field(default_factory=list)
    survey: list[SurveyAnswer] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    ticket: bool = False
    queue: str = field(init=False)
    agent: str = field(init=False)

    def __post_init__(self) -> None:
        self.at += timedelta(microseconds=self.chance.randrange(1_000_000))
        self.queue = self.chance.choices(QUEUES, weights=_QUEUE_WEIGHTS)[0]
        # A queue has its own agents, and now and then one of the others helps out.
        home = QUEUES.index(self.queue) * 6
        some = AGENTS[home : home + 6] if self.chance.random() < 0.85 else AGENTS
        self.agent = self.chance.choice(some)

    def length(self, middle_s: float, spread: float = 0.7) -> float:
        """Seconds, mostly around the middle and sometimes very long."""
        return float(min(3600.0, middle_s * self.chance.lognormvariate(0, spread)))

    def segment(self, kind: SegmentKind, seconds: float, party: str = "", result: str = "") -> None:
        ended = self.at + timedelta(seconds=round(seconds, 6))
        self.segments.append(Segment(kind=kind, started_at=self.at, ended_at=ended, party=party, result=result))
        self.at = ended

    def step(self, kind: StepKind, where: str, **data: Any) -> None:
        self.steps.append(CallStep(at=self.at, flow_node=where, kind=kind.value, data=data))
        self.at += timedelta(seconds=0.1)

    def say(self, where: str, seconds: float, *, text: str = _MENU, serves: bool = False) -> None:
        playback = f"p-{len(self.steps)}"
        self.step(StepKind.SAID, where, prompt=where, language="fa", text=text, playback=playback)
        self.at += timedelta(seconds=round(seconds, 3))
        self.step(StepKind.HEARD, where, prompt=where, playback=playback, serves=serves)

    def keys(self, where: str, keys: str, result: str = "match") -> None:
        self.at += timedelta(seconds=round(self.length(2), 3))
        self.step(StepKind.KEYS, where, keys=keys, result=result)

    def flow(self, walk: Callable[[], None]) -> None:
        """The menus, for as long as `walk` takes."""
        began = self.at
        walk()
        self.segments.append(
            Segment(kind=SegmentKind.IVR, started_at=began, ended_at=self.at, party="support", result="")
        )

    def spent_us(self, *kinds: SegmentKind) -> int:
        some = [s for s in self.segments if s.kind in kinds and s.ended_at is not None]
        return sum(round((s.ended_at - s.started_at) / timedelta(microseconds=1)) for s in some if s.ended_at)


def _arrive(tape: _Tape) -> None:
    tape.step(StepKind.STARTED, "who", flow="support", version="c0ffee", called="1000")
    if tape.known:
        tape.step(StepKind.CUSTOMER, "who", code="~code~", name="~name~", by="number")
    tape.step(StepKind.LANGUAGE, "language", language="fa", by="record")
    tape.step(StepKind.HOURS, "hours", result="open")
    tape.say("welcome", 4)


def _to_department(tape: _Tape) -> None:
    if tape.chance.random() < 0.1:
        tape.keys("main_menu", "9", "invalid")
    tape.keys("main_menu", str(1 + QUEUES.index(tape.queue)))
    tape.say(f"{tape.queue}_menu", tape.length(5, 0.3))


def _hear_status(tape: _Tape) -> None:
    tape.ticket = True
    tape.keys(f"{tape.queue}_ask", "**********")
    found = {"what": "tracking", "result": "found", "seconds": 0.18, "tracking_number": "~ticket~"}
    tape.step(StepKind.LOOKUP, f"{tape.queue}_lookup", **found)
    tape.say(f"{tape.queue}_status", 11, text=_STATUS, serves=True)


def _self_served(tape: _Tape) -> None:
    def walk() -> None:
        _arrive(tape)
        _to_department(tape)
        _hear_status(tape)
        if tape.chance.random() < 0.3:
            tape.say(f"{tape.queue}_more", 3)
            _hear_status(tape)
        tape.step(StepKind.ENDED, "goodbye", by="caller")

    tape.flow(walk)


def _left_the_menus(tape: _Tape) -> None:
    def walk() -> None:
        _arrive(tape)
        if tape.chance.random() < 0.6:
            _to_department(tape)
        if tape.chance.random() < 0.2:
            tape.step(StepKind.LOOKUP, f"{tape.queue}_lookup", what="tracking", result="none", seconds=0.2)
        tape.step(StepKind.ENDED, tape.steps[-1].flow_node, by="caller")

    tape.flow(walk)


def _into_queue(tape: _Tape) -> None:
    def walk() -> None:
        _arrive(tape)
        _to_department(tape)
        if tape.chance.random() < 0.25:
            _hear_status(tape)
        tape.step(StepKind.HOURS, f"{tape.queue}_hours", result="open")
        tape.step(StepKind.QUEUE, f"{tape.queue}_to_queue", queue=tape.queue, reason="valid")

    tape.flow(walk)


def _rings(tape: _Tape) -> None:
    """Phones that ring in vain before one is answered."""
    while tape.chance.random() < 0.25:
        tape.segment(SegmentKind.RING, 15, tape.chance.choice(AGENTS), "no_answer")


def _talk(tape: _Tape, middle_s: float = 170) -> None:
    tape.segment(SegmentKind.RING, tape.length(6), tape.agent, "answered")
    tape.segment(SegmentKind.TALK, tape.length(middle_s), tape.agent)
    tape.agents.append(tape.agent)
    if tape.chance.random() < 0.15:
        tape.segment(SegmentKind.HOLD, tape.length(40), tape.agent)
        tape.segment(SegmentKind.TALK, tape.length(60), tape.agent)
    if tape.chance.random() < 0.08:
        other = tape.chance.choice([agent for agent in AGENTS if agent != tape.agent])
        kind = tape.chance.choice(list(TransferKind))
        tape.transfers.append(Transfer(kind=kind, at=tape.at, by=tape.agent, to=other))
        tape.segment(SegmentKind.TALK, tape.length(90), other)
        tape.agents.append(other)


def _wait(tape: _Tape, middle_s: float, result: str) -> None:
    began = tape.at
    _rings(tape)
    tape.at = max(tape.at, began + timedelta(seconds=round(tape.length(middle_s, 0.9), 6)))
    tape.segments.append(
        Segment(kind=SegmentKind.WAIT, started_at=began, ended_at=tape.at, party=tape.queue, result=result)
    )


def _answered(tape: _Tape) -> None:
    _into_queue(tape)
    _wait(tape, 35, "answered")
    _talk(tape)
    tape.step(StepKind.QUEUE_RETURN, f"{tape.queue}_to_queue", queue=tape.queue, status="CONTINUE", reason="")
    if tape.chance.random() < 0.6:
        tape.flow(lambda: _asked(tape))


def _asked(tape: _Tape) -> None:
    """The survey: many leave before they answer, and few are unhappy."""
    for where in ("survey_score", "survey_solved", "survey_kind"):
        answer = tape.chance.choices((None, 1, 2, 3, 4, 5), weights=(30, 6, 5, 9, 20, 30))[0]
        told: dict[str, Any] = {"question": where, "scale": SCALE, "queue": tape.queue, "agent": tape.agents[-1]}
        tape.survey.append(SurveyAnswer(**told, answer=answer, at=tape.at))
        tape.step(StepKind.SURVEY, where, **told, answer=answer)
        tape.at += timedelta(seconds=round(tape.length(3), 3))
        if answer is None:
            return


def _left_the_queue(tape: _Tape) -> None:
    _into_queue(tape)
    _wait(tape, 95, "abandoned")


def _nobody_answered(tape: _Tape) -> None:
    _into_queue(tape)
    _wait(tape, 180, tape.chance.choice(("timeout", "empty")))
    tape.step(StepKind.ENDED, f"{tape.queue}_to_queue", by="queue")


def _voicemail(tape: _Tape) -> None:
    _nobody_answered(tape)
    tape.step(StepKind.HANDED_OVER, "voicemail", what="voicemail", to=tape.queue)
    tape.segment(SegmentKind.VOICEMAIL, tape.length(25))


def _callback(tape: _Tape) -> None:
    _into_queue(tape)
    _wait(tape, 120, "key")
    wanted = {"number": "~caller~", "queue": tape.queue, "wanted_at": "2026-11-21T10:00:00Z", "again": False}
    tape.step(StepKind.CALLBACK_ASKED, f"{tape.queue}_callback", **wanted)
    tape.say("callback_done", 3)


def _rejected(tape: _Tape) -> None:
    tape.flow(lambda: tape.step(StepKind.ENDED, "closed", by="flow"))


def _lost(tape: _Tape) -> None:
    _into_queue(tape)
    _wait(tape, 20, "answered")


def _spoke(tape: _Tape) -> None:
    _talk(tape, 120)


def _rang(tape: _Tape) -> None:
    tape.segment(SegmentKind.RING, tape.length(20, 0.4), "", "no_answer")


_IN, _OUT, _INSIDE = Direction.INBOUND, Direction.OUTBOUND, Direction.INTERNAL
# How often a call goes which way, and how it is laid down.
_KINDS: Mapping[tuple[Direction, Outcome], tuple[float, Callable[[_Tape], None]]] = {
    (_IN, Outcome.ANSWERED): (44, _answered),
    (_IN, Outcome.SELF_SERVED): (17, _self_served),
    (_IN, Outcome.ABANDONED_IVR): (9, _left_the_menus),
    (_IN, Outcome.ABANDONED_QUEUE): (7.5, _left_the_queue),
    (_IN, Outcome.MISSED): (3, _nobody_answered),
    (_IN, Outcome.VOICEMAIL): (1.5, _voicemail),
    (_IN, Outcome.CALLBACK): (1.5, _callback),
    (_IN, Outcome.REJECTED): (0.3, _rejected),
    (_IN, Outcome.LOST): (0.05, _lost),
    (_OUT, Outcome.ANSWERED): (9, _spoke),
    (_OUT, Outcome.NO_ANSWER): (2.5, _rang),
    (_OUT, Outcome.BUSY): (1, _rang),
    (_OUT, Outcome.CANCELLED): (0.5, _rang),
    (_OUT, Outcome.FAILED): (0.15, _rang),
    (_INSIDE, Outcome.ANSWERED): (2, _spoke),
    (_INSIDE, Outcome.NO_ANSWER): (1, _rang),
}


def shapes(count: int = SHAPES, seed: int = 1) -> list[tuple[Call, Shape]]:
    """About so many shapes, each with the call it is made of; their weights make the shares of a support line."""
    chance = random.Random(seed)
    calls = _calls(count, chance)
    return [(call, shape_of(call, known=bool(call.customer_code), weight=weight)) for call, weight in calls]


def _calls(count: int, chance: random.Random) -> Iterator[tuple[Call, float]]:
    shares = sum(share for share, _ in _KINDS.values())
    for (direction, outcome), (share, lay) in _KINDS.items():
        some = max(12, round(count * share / shares))
        for _ in range(some):
            tape = _Tape(chance, known=direction is not _INSIDE and chance.random() < _KNOWN)
            lay(tape)
            yield _call(tape, direction, outcome), share / some


def _call(tape: _Tape, direction: Direction, outcome: Outcome) -> Call:
    talks = [s for s in tape.segments if s.kind is SegmentKind.TALK]
    rings = [s for s in tape.segments if s.kind is SegmentKind.RING]
    last = talks or rings
    ours = direction is not Direction.INBOUND
    if outcome is Outcome.LOST:
        tape.agents.clear()
    return Call(
        call_id=CallId("~id~"),
        node=NODE,
        root="~root~",
        direction=direction,
        outcome=outcome,
        started_at=tape.segments[0].started_at,
        answered_at=talks[0].started_at if talks else None,
        ended_at=tape.at,
        end_estimated=outcome is Outcome.LOST,
        caller=tape.agent if ours else "~caller~",
        caller_name="",
        called=_called(tape, direction),
        destination=last[-1].party if last else "",
        customer_code="~code~" if tape.known else "",
        customer_by="number" if tape.known else "",
        agents=tuple(dict.fromkeys(tape.agents)),
        transfers=tuple(tape.transfers),
        left_voicemail=outcome is Outcome.VOICEMAIL,
        cause=tape.chance.choice((16, 16, 16, 19, 17)),
        tracking_numbers=("~ticket~",) if tape.ticket else (),
        language="fa" if not ours else "",
        talk_us=tape.spent_us(SegmentKind.TALK, SegmentKind.HOLD),
        wait_us=tape.spent_us(SegmentKind.WAIT),
        ivr_us=tape.spent_us(SegmentKind.IVR),
        ring_us=tape.spent_us(SegmentKind.RING),
        hold_us=tape.spent_us(SegmentKind.HOLD),
        ended_by=tape.chance.choice(("caller", "agent")) if talks else "caller",
        fallback=False,
        segments=tuple(sorted(tape.segments, key=lambda s: s.started_at)),
        steps=tuple(tape.steps),
        survey=tuple(tape.survey),
    )


def _called(tape: _Tape, direction: Direction) -> str:
    match direction:
        case Direction.OUTBOUND:
            return "~caller~"
        case Direction.INTERNAL:
            return tape.chance.choice([agent for agent in AGENTS if agent != tape.agent])
        case _:
            return "1000"
