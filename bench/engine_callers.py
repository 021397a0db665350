"""A thousand callers on paper, of `support` as it was when small: what happens to each, and what each hears.

They are recorded once from conversations with the engine, since what happens to a caller depends on what the engine
did before (a playback's number, a lookup's). Told again, the same happenings are the same calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bench.customers import Customer, customers
from pbx_bridge.ivr import engine
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.known import ContractFacts, CustomerFacts, TicketFacts
from pbx_bridge.ivr.questions import ContractOfCustomer, CustomerOfCaller, CustomerOfCode, TicketOfNumber
from pbx_bridge.ivr.run import (
    Effect,
    Found,
    GivenBack,
    Gone,
    HandOver,
    Happening,
    KeyPressed,
    LookUp,
    LookupFailed,
    Play,
    PromptEnded,
    Run,
    TimeUp,
)
from pbx_bridge.values.tracking import with_check_digit

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FLOW = Path(__file__).with_name("engine_flow.yaml")
_PROMISED = date(2026, 12, 1)
_UNKNOWN = with_check_digit("999999")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What some callers do.

    Attributes:
        share: so many of a hundred callers.
        acts: `found` (the lookup is answered from what is known), `fails` (it is not), `slow` (its time runs out),
            `hears` (the prompt out), `waits` (the same, and then keys nothing), `gone`, `back:STATUS` (from the
            queue); anything else is keyed, with the caller's own ticket for T, a mistyped one for W and one that
            nobody has for U.
        is_known: by the number they call from.
        promised: their ticket has a day.
        days_left: of their contract; None: there is no contract.
    """

    share: int
    acts: str
    is_known: bool = True
    promised: bool = True
    days_left: int | None = 200


KINDS: Sequence[Kind] = (
    Kind(share=24, acts="found hears 1 T# found hears gone"),
    Kind(share=10, acts="found 1T# found hears 1 hears waits waits hears", promised=False),
    Kind(share=8, acts="found 2 hears 1 T waits found hears 0 hears back:CONTINUE", is_known=False),
    Kind(share=6, acts="found hears 1 hears W# hears T# found hears gone"),
    Kind(share=3, acts="found hears 1 U# found U# found U# found hears back:CONTINUE"),
    Kind(share=10, acts="found hears hears 2 found hears back:CONTINUE"),
    Kind(share=6, acts="found 2 found hears back:TIMEOUT hears", days_left=-3),
    Kind(share=4, acts="found waits 2 hears 2 C# found found hears back:CONTINUE", is_known=False, days_left=12),
    Kind(share=14, acts="found hears 0 hears back:CONTINUE"),
    Kind(share=3, acts="found waits waits hears waits waits waits hears back:JOINEMPTY hears", is_known=False),
    Kind(share=6, acts="found gone"),
    Kind(share=2, acts="found hears 1 T# slow hears found hears gone"),
    Kind(share=2, acts="found hears 1 T# slow hears slow hears back:CONTINUE"),
    Kind(share=1, acts="fails hears back:CONTINUE"),
    Kind(share=1, acts="found hears 7 hears 8 hears * hears back:LEAVEEMPTY hears"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One caller's call: what happened, the prompts that were begun, and the run as it ended."""

    channel: str
    caller: str
    happenings: Sequence[Happening]
    prompts: Sequence[str]
    run: Run


def begin(flow: Flow, channel: str, caller: str) -> tuple[Run, tuple[Effect, ...]]:
    """The call begins."""
    return engine.begin(flow, node="pbx1", channel=channel, caller=caller, caller_name="", called="100", now=NOON)


def callers(flow: Flow, count: int) -> Sequence[Told]:
    """So many calls, of each kind its share, well mixed; the same ones each time."""
    hundred = [kind for kind in KINDS for _ in range(kind.share)]
    return [
        _Talk(flow, person, hundred[37 * number % len(hundred)], f"1763725000.{number}").told()
        for number, person in enumerate(customers(count))
    ]


@dataclass(slots=True)
class _Talk:
    flow: Flow
    person: Customer
    kind: Kind
    channel: str
    run: Run = field(init=False)
    happenings: list[Happening] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    asked: LookUp | None = None
    given: HandOver | None = None

    def told(self) -> Told:
        self.run, effects = begin(self.flow, self.channel, self.person.phone)
        self._note(effects)
        for act in self.kind.acts.split():
            for happening in self._happens(act):
                self.happenings.append(happening)
                self.run, effects = engine.advance(self.flow, self.run, happening, NOON)
                self._note(effects)
        return Told(
            channel=self.channel,
            caller=self.person.phone,
            happenings=self.happenings,
            prompts=self.prompts,
            run=self.run,
        )

    def _note(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Play):
                self.prompts += [part.prompt for part in effect.parts]
            elif isinstance(effect, LookUp):
                self.asked = effect
            elif isinstance(effect, HandOver):
                self.given = effect

    def _happens(self, act: str) -> Iterator[Happening]:
        match act:
            case "found":
                yield Found(self.run.lookup, self._answer())
            case "fails":
                yield LookupFailed(self.run.lookup, "OperationalError")
            case "hears":
                yield PromptEnded(self.run.playback)
            case "waits":
                if self.run.playback:
                    yield PromptEnded(self.run.playback)
                yield TimeUp(self.run.timer)
            case "slow":
                yield TimeUp(self.run.timer)
            case "gone":
                yield Gone()
            case _ if act.startswith("back:"):
                assert self.given is not None
                yield GivenBack(self.given.what, self.given.to, act.removeprefix("back:"))
            case _:
                yield from map(KeyPressed, self._keys(act))

    def _keys(self, act: str) -> str:
        ticket = self.person.tracking
        mistyped = ticket[:-1] + str((int(ticket[-1]) + 1) % 10)
        own = {"T": ticket, "W": mistyped, "U": _UNKNOWN, "C": self.person.code}
        return "".join(own.get(key, key) for key in act)

    def _answer(self) -> CustomerFacts | TicketFacts | ContractFacts | None:
        assert self.asked is not None
        person, kind = self.person, self.kind
        match self.asked.question:
            case CustomerOfCaller() if kind.is_known:
                return CustomerFacts(code=person.code, name="آرمان", language=person.language)
            case CustomerOfCode(person.code):
                return CustomerFacts(code=person.code, name="آرمان", language=person.language)
            case TicketOfNumber(person.tracking):
                promised = _PROMISED if kind.promised else None
                return TicketFacts(
                    tracking_number=person.tracking,
                    status="in_progress",
                    updated_on=NOON.date(),
                    promised_on=promised,
                )
            case ContractOfCustomer() if kind.days_left is not None:
                ends = NOON.date() + timedelta(days=kind.days_left)
                return ContractFacts(number=f"K-{person.code}", ends_on=ends, days_left=kind.days_left)
            case _:
                return None
