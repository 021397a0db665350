"""`ask` for every kind of number: what is right, what is kept or looked up, and that a secret stands nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.errors import FlowError
from pbx_bridge.ivr import engine, flow
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.known import Answer, CustomerFacts, Kept, TicketFacts
from pbx_bridge.ivr.lint import examine as lint
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.questions import CustomerOfCode, Owner, PinOfCustomer, Question, TicketOfNumber
from pbx_bridge.ivr.run import (
    Effect,
    Found,
    Happening,
    KeyPressed,
    LookUp,
    LookupFailed,
    Phase,
    Play,
    PromptEnded,
    Resumed,
    Run,
    TimeUp,
    WriteStep,
)
from pbx_bridge.values.tracking import with_check_digit

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TICKET = with_check_digit("471296")
WORDS = "prompt: ask_tracking, wrong: tracking_wrong, silent: tracking_silence"
WAYS = "found: done, too_many: person"
LOOKED_UP = f"{WORDS}, unknown: tracking_unknown, {WAYS}, unavailable: person"
FILE = """
flow: asking
languages: [en, fa]
start: {start}
person: person
filler: one_moment
nodes:
{nodes}
  done: {{kind: menu, prompt: menu, keys: {{"1": end}}, wrong: menu_wrong, too_many: end}}
  person: {{kind: queue, queue: support, nobody: end, timeout: end}}
  end: {{kind: hang_up}}
"""
OF_PIN = f"what: pin, {WORDS}, {WAYS}, unavailable: person, unknown_customer: done"
ARIA = CustomerFacts(code="1001", name="آریا", tier="gold")


def asking(*asks: str, region: str = "IR") -> Flow:
    """A flow that asks these, from the first one on, which is called `ask`; the others `ask2` …"""
    names = ["ask", *(f"ask{n}" for n in range(2, len(asks) + 1))]
    nodes = "\n".join(f"  {name}: {{kind: ask, {told}}}" for name, told in zip(names, asks, strict=True))
    made = flow.parse(FILE.format(start="ask", nodes=nodes).encode(), Path("asking.yaml"))
    return msgspec.structs.replace(made, region=region)


class Talk:
    """A caller in such a flow. `answers`: by question; what is not there is answered None."""

    def __init__(
        self, met: Flow, *, customer: CustomerFacts | None = None, answers: Mapping[Any, Answer] = {}
    ) -> None:
        self.met, self.answers = met, answers
        self.asked: list[Question] = []
        self.steps: list[WriteStep] = []
        self.said: list[str] = []
        self.checkpoints: list[bytes] = []
        self.run, effects = engine.begin(
            met, node="pbx1", channel="c1", caller="0912", caller_name="", called="100", now=NOON
        )
        if customer is not None:  # as if a `caller` node had been passed before
            begun = msgspec.structs.replace(self.run, at="ask", customer=customer, playback=0, timer=0)
            self.run, effects = engine.advance(met, begun, Resumed(), NOON)
        self._take(effects)

    def happen(self, what: Happening) -> Talk:
        self.run, effects = engine.advance(self.met, self.run, what, NOON)
        self._take(effects)
        return self

    def _take(self, effects: tuple[Effect, ...]) -> None:
        self.checkpoints.append(msgspec.json.encode(self.run))
        for effect in effects:
            match effect:
                case Play(parts=parts):
                    self.said += [part.prompt for part in parts]
                case WriteStep():
                    self.steps.append(effect)
                case LookUp(lookup=lookup, question=question):
                    self.asked.append(question)
                    self.happen(Found(lookup, self.answers.get(question)))
                case _:
                    pass

    def keys(self, keys: str) -> Talk:
        for key in keys:
            self.happen(KeyPressed(key))
        return self

    def silence(self) -> Talk:
        if self.run.playback:
            self.happen(PromptEnded(self.run.playback))
        return self.happen(TimeUp(self.run.timer))

    def told(self, kind: StepKind) -> list[dict[str, Any]]:
        return [dict(step.data) for step in self.steps if step.kind is kind]


# --- kept values --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "keys", "kept"),
    [
        ("what: date", "14040901", Kept("date", "2025-11-22")),  # taken at its 8th digit
        ("what: date", "20261122", Kept("date", "2026-11-22")),
        ("what: date", "13001229", Kept("date", "1922-03-20")),
        ("what: phone", "09121234567#", Kept("digits", "09121234567")),
        ("what: phone", "02188776655#", Kept("digits", "02188776655")),
        ("what: phone", "00442079460000#", Kept("digits", "00442079460000")),
        ("what: amount, currency: toman", "000250000#", Kept("toman", "250000")),
        ("what: amount, currency: rial", "1000000000000", Kept("rial", "1000000000000")),
        ("what: amount, currency: rial", "0#", Kept("rial", "0")),
        ("what: digits", "0042#", Kept("digits", "0042")),
        ("what: digits, shortest: 4, longest: 4", "0042", Kept("digits", "0042")),
    ],
)
def test_a_right_number_is_kept(told: str, keys: str, kept: Kept) -> None:
    talk = Talk(asking(f"{told}, keep: it, {WORDS}, {WAYS}")).keys(keys)
    assert talk.run.kept == {"it": kept}
    assert talk.run.at == "done"
    assert talk.told(StepKind.KEYS) == [{"keys": keys.rstrip("#"), "result": "match"}]
    assert not talk.asked


@pytest.mark.parametrize(
    ("told", "keys"),
    [
        ("what: date", "14041330"),  # no such month
        ("what: date", "14041230"),  # 1404 has no 30th of Esfand
        ("what: date", "20250229"),
        ("what: date", "00000000"),
        ("what: date", "12991229"),  # out of what dates of a business are
        ("what: date", "99991231"),
        ("what: date", "1404#"),
        ("what: phone", "1234567#"),  # no number of the region
        ("what: phone", "123#"),
        ("what: amount, currency: toman", "1000000000001"),
        ("what: amount, currency: toman", "12*3#"),
        ("what: amount, currency: toman", "#"),
        ("what: digits, shortest: 4", "123#"),
    ],
)
def test_a_wrong_number_is_asked_for_again(told: str, keys: str) -> None:
    talk = Talk(asking(f"{told}, keep: it, {WORDS}, {WAYS}")).keys(keys)
    assert (talk.run.at, talk.run.tries, dict(talk.run.kept)) == ("ask", 1, {})
    assert talk.said[-1] == "tracking_wrong"
    assert [step["result"] for step in talk.told(StepKind.KEYS)] == ["invalid"]


def test_a_phone_number_is_read_by_the_companys_region() -> None:
    ask = f"what: phone, keep: it, {WORDS}, {WAYS}"
    assert Talk(asking(ask, region="GB")).keys("02079460000#").run.kept["it"].text == "02079460000"
    assert Talk(asking(ask, region="GB")).keys("00989121234567#").run.kept["it"].text == "00989121234567"
    assert not Talk(asking(ask, region="IR")).keys("02079460000#").run.kept


def test_silence_ends_a_number_and_a_number_too_short_is_wrong() -> None:
    ask = asking(f"what: digits, shortest: 3, keep: it, {WORDS}, {WAYS}")
    assert Talk(ask).keys("123").silence().run.kept["it"].text == "123"
    assert Talk(ask).keys("12").silence().said[-1] == "tracking_wrong"


def test_numbers_keyed_in_one_go_are_two() -> None:
    ask = f"what: digits, keep: {{}}, longest: 4, {WORDS}, too_many: person"
    met = asking(ask.format("one") + ", found: ask2", ask.format("two") + ", found: done")
    talk = Talk(met).keys("1234")
    assert talk.keys("#1234").run.kept == {"one": Kept("digits", "1234"), "two": Kept("digits", "1234")}
    assert talk.run.at == "done"


# --- what may stand in a flow -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (f"what: tracking, {WORDS}, {WAYS}, unavailable: person", "an ask of tracking needs 'unknown'"),
        (f"what: customer_code, {WORDS}, {WAYS}, unknown: tracking_unknown", "needs 'unavailable'"),
        (f"what: date, {WORDS}, {WAYS}", "an ask of date needs 'keep'"),
        (f"what: amount, keep: it, {WORDS}, {WAYS}", "an ask of amount needs 'currency'"),
        (f"what: date, keep: it, currency: rial, {WORDS}, {WAYS}", "an ask of date has no 'currency'"),
        (f"what: date, keep: it, {LOOKED_UP}", "an ask of date has no 'unknown'"),
        (f"what: tracking, keep: it, {LOOKED_UP}", "an ask of tracking has no 'keep'"),
        (f"what: customer_code, secret: true, {LOOKED_UP}", "an ask of customer_code has no 'secret'"),
        (f"what: customer_code, owner: customer, {LOOKED_UP}", "an ask of customer_code has no 'owner'"),
        (f"what: digits, keep: it, secret: true, {WORDS}, {WAYS}", "what is secret cannot be kept"),
        (f"{OF_PIN}, secret: false", "a pin is always secret"),
        (f"what: pin, {WORDS}, {WAYS}, unavailable: person", "an ask of pin needs 'unknown_customer'"),
        (f"what: tracking, owner: customer, {LOOKED_UP}", "'owner: customer' and 'unknown_customer' go together"),
        (f"what: tracking, owner: kept.it, {LOOKED_UP}, unknown_customer: done", "go together"),
        (f"what: tracking, owner: ticket.status, {LOOKED_UP}", "expected customer, or kept.NAME"),
        (
            f"what: digits, keep: it, shortest: 5, longest: 4, {WORDS}, {WAYS}",
            "'shortest' is 5, and 'longest' only 4",
        ),
        (f"what: digits, keep: It, {WORDS}, {WAYS}", "expected a name for what is kept"),
        (f"what: pim, {WORDS}, {WAYS}", "did you mean 'pin'?"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(told: str, reason: str) -> None:
    with pytest.raises(FlowError) as refused:
        asking(told)
    assert reason in str(refused.value)
    assert str(refused.value).startswith("asking.yaml:8: nodes.ask")


# --- looked up ----------------------------------------------------------------------------------------------------


def test_what_is_looked_up_tells_who_asks() -> None:
    talk = Talk(asking(f"what: tracking, {LOOKED_UP}")).keys(f"{TICKET}#")
    assert talk.asked == [TicketOfNumber(TICKET, caller="0912")]
    talk = Talk(asking(f"what: customer_code, {LOOKED_UP}")).keys("1001#")
    assert talk.asked == [CustomerOfCode("1001", caller="0912")]


def test_the_right_pin_verifies_the_caller() -> None:
    answers = {PinOfCustomer("1001", "2468", caller="0912"): ARIA}
    talk = Talk(asking(OF_PIN), customer=ARIA, answers=answers).keys("2468#")
    assert (talk.run.at, talk.run.verified, talk.run.customer) == ("done", True, ARIA)
    assert talk.told(StepKind.LOOKUP) == [{"what": "pin", "result": "found", "customer_code": "1001"}]


def test_a_wrong_pin_is_asked_for_again_and_then_left() -> None:
    talk = Talk(asking(OF_PIN), customer=ARIA).keys("1111#")
    assert (talk.run.at, talk.run.verified, talk.said[-1]) == ("ask", False, "tracking_wrong")
    talk.keys("2222#3333#")
    assert (talk.run.at, talk.run.phase, talk.run.verified) == ("person", Phase.QUEUED, False)
    assert talk.told(StepKind.LOOKUP) == [{"what": "pin", "result": "none"}] * 3


def test_a_pin_is_not_asked_of_a_stranger() -> None:
    talk = Talk(asking(OF_PIN))
    assert (talk.run.at, talk.asked, talk.said) == ("done", [], ["menu"])


def test_whoever_turns_out_to_be_another_customer_is_not_verified_any_more() -> None:
    other = CustomerFacts(code="1002", name="Parsa")
    answers: dict[Any, Answer] = {
        PinOfCustomer("1001", "2468", caller="0912"): ARIA,
        CustomerOfCode("1001", caller="0912"): ARIA,
        CustomerOfCode("1002", caller="0912"): other,
    }
    code = f"what: customer_code, {LOOKED_UP}"
    met = asking(OF_PIN.replace("found: done", "found: ask2"), code)
    assert Talk(met, customer=ARIA, answers=answers).keys("2468#1001#").run.verified
    talk = Talk(met, customer=ARIA, answers=answers).keys("2468#1002#")
    assert (talk.run.customer, talk.run.verified) == (other, False)


# --- whose ticket -------------------------------------------------------------------------------------------------


def test_a_ticket_can_be_the_customers_own_only() -> None:
    ask = asking(f"what: tracking, owner: customer, unknown_customer: done, {LOOKED_UP}")
    talk = Talk(ask, customer=ARIA).keys(f"{TICKET}#")
    assert talk.asked == [TicketOfNumber(TICKET, Owner(customer_code="1001"), caller="0912")]
    assert Talk(ask).run.at == "done"


@pytest.mark.parametrize(
    ("keyed", "proof"), [("4567", Owner(phone_end="4567")), ("67", Owner()), ("123456789", Owner())]
)
def test_the_end_of_a_phone_number_proves_whose_ticket_it_is(keyed: str, proof: Owner) -> None:
    end = f"what: digits, keep: end, {WORDS}, found: ask2, too_many: person"
    talk = Talk(asking(end, f"what: tracking, owner: kept.end, {LOOKED_UP}")).keys(f"{keyed}#{TICKET}#")
    assert talk.asked == [TicketOfNumber(TICKET, proof, caller="0912")]


def test_no_such_ticket_and_not_yours_look_the_same() -> None:
    """The engine hears None of both, so this holds what it makes of it: nothing of the ticket on the record."""
    ask = asking(f"what: tracking, owner: customer, unknown_customer: done, {LOOKED_UP}")
    talk = Talk(ask, customer=ARIA).keys(f"{TICKET}#")
    assert talk.said[-1] == "tracking_unknown"
    assert talk.told(StepKind.LOOKUP) == [{"what": "tracking", "result": "none"}]


# --- secrets ------------------------------------------------------------------------------------------------------


def traces(talk: Talk) -> str:
    """Every text that is written of a call: in its steps, and in the checkpoint as it is now."""
    run = msgspec.json.decode(talk.checkpoints[-1])
    del run["version"]  # hexadecimal, and no matter of the caller's
    return " ".join(_texts([[dict(step.data) for step in talk.steps[1:]], run]))


def _texts(value: Any) -> list[str]:
    match value:
        case dict():
            return [text for each in (*value, *value.values()) for text in _texts(each)]
        case list() | tuple():
            return [text for each in value for text in _texts(each)]
        case _:
            return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("keys", ["7777#", "77777777#", "7777777777777#", "7*77#", "77#"])
@pytest.mark.parametrize("answered", [True, False])
def test_no_digit_of_a_pin_is_left_anywhere(keys: str, answered: bool) -> None:
    answers = {PinOfCustomer("1001", "7777", caller="0912"): ARIA} if answered else {}
    met = asking(OF_PIN.replace("too_many: person", "too_many: done"))
    talk = Talk(met, customer=ARIA, answers=answers).keys(keys.partition("#")[0])
    assert talk.told(StepKind.KEYS) == []
    assert "7" in traces(talk)  # while it is being keyed
    talk.keys(keys[keys.index("#") :])
    assert "7" not in traces(talk)
    assert talk.told(StepKind.KEYS)[0]["keys"] == "*" * keys.index("#")


def test_no_digit_of_three_wrong_pins_is_left_anywhere() -> None:
    talk = Talk(asking(OF_PIN), customer=ARIA).keys("7777#77777#77#")
    assert talk.run.at == "person"
    assert "7" not in traces(talk)
    assert [step["keys"] for step in talk.told(StepKind.KEYS)] == ["****", "*****", "**"]


def test_a_pin_is_not_taken_at_its_longest_but_waits_for_the_end() -> None:
    """So no digit too many slips into the next node, which would write it down."""
    talk = Talk(asking(OF_PIN + ", longest: 4"), customer=ARIA).keys("24681357")
    assert talk.asked == []
    assert talk.keys("#").told(StepKind.KEYS) == [{"keys": "********", "result": "invalid"}]
    talk = Talk(asking(OF_PIN), customer=ARIA).keys("2468").silence()
    assert talk.asked == [PinOfCustomer("1001", "2468", caller="0912")]


def test_a_question_for_a_pin_shows_none() -> None:
    question = PinOfCustomer("1001", "2468", caller="0912")
    assert "2468" not in f"{question} {question!r} {[question]}"


def test_what_is_secret_and_kept_nowhere_is_only_checked() -> None:
    talk = Talk(asking(f"what: digits, secret: true, shortest: 4, longest: 4, {WORDS}, {WAYS}")).keys("7777#")
    assert (talk.run.at, dict(talk.run.kept), talk.asked) == ("done", {}, [])
    assert talk.told(StepKind.KEYS) == [{"keys": "****", "result": "match"}]
    assert "7777" not in traces(talk)


def test_after_a_restart_a_pin_is_keyed_anew() -> None:
    talk = Talk(asking(OF_PIN), customer=ARIA).keys("24")
    talk.happen(Resumed())
    assert (talk.run.keyed, talk.said[-1]) == ("", "ask_tracking")


# --- whatever is keyed --------------------------------------------------------------------------------------------

EVERY = {
    "tracking": f"what: tracking, {LOOKED_UP}",
    "owned": f"what: tracking, owner: customer, unknown_customer: done, {LOOKED_UP}",
    "by phone": f"what: tracking, owner: kept.it, {LOOKED_UP}",
    "code": f"what: customer_code, {LOOKED_UP}",
    "pin": OF_PIN,
    "date": f"what: date, keep: it, {WORDS}, {WAYS}",
    "phone": f"what: phone, keep: it, {WORDS}, {WAYS}",
    "amount": f"what: amount, keep: it, currency: rial, {WORDS}, {WAYS}",
    "digits": f"what: digits, keep: it, {WORDS}, {WAYS}",
    "star": f'what: digits, keep: it, end: "*", {WORDS}, {WAYS}',
}
FLOWS = {name: asking(told) for name, told in EVERY.items()}
TOLD = TicketFacts(tracking_number=TICKET, status="new", updated_on=date(2026, 1, 1))
MOVES = st.lists(st.sampled_from([*"0123456789*#0123456789", "silence", "heard", "again", "late"]), max_size=60)


@pytest.mark.parametrize("name", EVERY)
@given(moves=MOVES, outcome=st.sampled_from(["found", "none", "fails", "nothing"]), known=st.booleans())
def test_no_keys_whatever_make_the_engine_raise(name: str, moves: list[str], outcome: str, known: bool) -> None:
    met = FLOWS[name]
    run, effects = engine.begin(met, node="n", channel="c", caller="", caller_name="", called="", now=NOON)
    if known:
        run = msgspec.structs.replace(run, customer=ARIA)
    moves = ["again", *moves]
    for move in moves:
        run, effects = engine.advance(met, run, _happening(move, run), NOON)
        for effect in effects:
            if isinstance(effect, LookUp) and outcome != "nothing":
                run, _ = engine.advance(met, run, _answer(effect, outcome), NOON)
        assert run.at in met.nodes
        back = msgspec.json.decode(msgspec.json.encode(run), type=Run)
        assert back == run
        run.values()
    for kept in run.kept.values():
        assert kept.value is not None


def _happening(move: str, run: Run) -> Happening:
    match move:
        case "silence":
            return TimeUp(run.timer)
        case "heard":
            return PromptEnded(run.playback)
        case "again":
            return Resumed()
        case "late":
            return TimeUp(run.timer + 7)
        case _:
            return KeyPressed(move)


def _answer(effect: LookUp, outcome: str) -> Happening:
    if outcome == "fails":
        return LookupFailed(effect.lookup, "OSError")
    if outcome == "none":
        return Found(effect.lookup, None)
    return Found(effect.lookup, TOLD if isinstance(effect.question, TicketOfNumber) else ARIA)


# --- lint ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asks", "found"),
    [
        ([OF_PIN], []),
        ([OF_PIN + ", longest: 4"], ["warning digits-never-match nodes.ask.longest"]),
        ([OF_PIN + ", longest: 3, shortest: 3"], ["error digits-never-match nodes.ask.longest"]),
        ([f"what: date, keep: it, shortest: 9, longest: 9, {WORDS}, {WAYS}"],
         ["error digits-never-match nodes.ask.shortest"]),
        (
            [f"what: digits, keep: end, shortest: 4, longest: 4, {WORDS}, found: ask2, too_many: person",
             f"what: tracking, owner: kept.end, {LOOKED_UP}"],
            [],
        ),
        (
            [f"what: digits, keep: end, shortest: 1, longest: 4, {WORDS}, found: ask2, too_many: person",
             f"what: tracking, owner: kept.end, {LOOKED_UP}"],
            ["error digits-never-match nodes.ask2.owner"],
        ),
        ([f"what: tracking, owner: kept.end, {LOOKED_UP}"], ["error unknown-value nodes.ask.owner"]),
    ],
)  # fmt: skip
def test_lint_names_what_no_caller_can_key(asks: list[str], found: list[str]) -> None:
    findings = lint.findings(asking(*asks), PromptBook.load())
    assert [f"{one.severity} {one.code} {one.at}" for one in findings] == found
