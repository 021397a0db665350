"""Flows that ask services and the CRM by `find`, and tell them by `webhook`: engine, files, lint, cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from demo_history import make_call
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.calls.call import CallStep
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.errors import FlowError
from pbx_bridge.ivr import engine, flow
from pbx_bridge.ivr.fields import SORTS, ServiceAnswer, read_fields, text_of, told_by
from pbx_bridge.ivr.known import Answer, ContractFacts, CustomerFacts, Kept, TicketFacts
from pbx_bridge.ivr.lint.examine import examine
from pbx_bridge.ivr.lint.services import misused
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.questions import (
    AskService,
    ContractOfCustomer,
    CustomerOfCaller,
    NewestTicketOf,
    Question,
    TellService,
)
from pbx_bridge.ivr.run import Found, Happening, LookUp, LookupFailed, Phase, Resumed, Run, WriteStep
from pbx_bridge.ivr.trial import case_file
from pbx_bridge.ivr.trial.cases import House, check
from pbx_bridge.web.show import Language, Show
from pbx_bridge.web.transcript import transcript
from pbx_bridge.web.viewer import Viewer

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TEHRAN = ZoneInfo("Asia/Tehran")
ALI = CustomerFacts(code="1001", name="Ali")
ASKS = """
flow: asks
languages: [en]
start: balance
person: person
filler: one_moment
nodes:
  balance:
    kind: find
    service: accounts
    with: {code: caller, from: "'phone'", depth: 2, full: true}
    gives: {amount: toman, due: date at invoice.due}
    found: hook
    none: customer
    unavailable: person
  customer: {kind: find, what: customer, found: ticket, none: ticket, unavailable: person}
  ticket: {kind: find, what: ticket, found: contract, none: contract, unavailable: person}
  contract: {kind: find, what: contract, found: bye, none: bye, unavailable: person}
  hook: {kind: webhook, service: hook, with: {amount: kept.amount, due: kept.due}, next: bye, failed: person}
  bye: {kind: say, prompt: goodbye, next: end}
  person: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""
FLOW = flow.parse(ASKS.encode(), Path("asks.yaml"))


class Talk:
    """A caller in that flow."""

    def __init__(self, caller: str = "09125550101", at: str = "balance", **facts: object) -> None:
        there = msgspec.structs.replace(FLOW, start=at)
        self.run, self.effects = engine.begin(
            there, node="pbx1", channel="17.1", caller=caller, caller_name="", called="100", now=NOON
        )
        if facts:
            self.run = msgspec.structs.replace(self.run, at=at, **facts)
            self.happen(Resumed())

    def happen(self, what: Happening) -> Talk:
        self.run, self.effects = engine.advance(FLOW, self.run, what, NOON)
        return self

    def answer(self, answer: Answer) -> Talk:
        return self.happen(Found(self.run.lookup, answer))

    def found(self, **values: Kept) -> Talk:
        return self.answer(ServiceAnswer(values=values))

    @property
    def asked(self) -> Question | None:
        return next((effect.question for effect in self.effects if isinstance(effect, LookUp)), None)

    @property
    def steps(self) -> list[tuple[StepKind, dict[str, object]]]:
        return [(effect.kind, dict(effect.data)) for effect in self.effects if isinstance(effect, WriteStep)]


DUE = {"amount": Kept("toman", "125000"), "due": Kept("date", "2026-12-01")}

# --- find: a service ----------------------------------------------------------------------------------------------


def test_a_service_is_asked_with_constants_and_values_of_the_call() -> None:
    assert Talk().asked == AskService(
        service="accounts",
        arguments={"code": "09125550101", "from": "phone", "depth": 2, "full": True},
        gives={"amount": "toman", "due": "date at invoice.due"},
    )


def test_what_it_gives_is_kept_and_no_step_tells_it() -> None:
    talk = Talk().found(**DUE)
    assert talk.run.kept == DUE
    assert talk.run.values()["kept"]["due"] == date(2026, 12, 1)
    assert talk.steps == [(StepKind.LOOKUP, {"what": "accounts", "result": "found"})]
    assert talk.run.at == "hook"


def test_no_such_thing_is_a_way_of_its_own() -> None:
    talk = Talk().answer(None)
    assert talk.steps[0] == (StepKind.LOOKUP, {"what": "accounts", "result": "none"})
    assert talk.run.at == "customer"


def test_an_answer_that_does_not_fit_is_unavailable_and_the_step_names_the_field_only() -> None:
    talk = Talk().answer(read_fields({"amount": "much, secretly"}, {"amount": "toman"}))
    told = {"what": "accounts", "result": "unavailable", "reason": "field amount is no toman"}
    assert talk.steps[0] == (StepKind.LOOKUP, told)
    assert talk.run.at == "person"
    assert talk.run.kept == {}


def test_a_lookup_that_fails_is_unavailable() -> None:
    talk = Talk()
    talk.happen(LookupFailed(talk.run.lookup, "TimeoutError"))
    told = {"what": "accounts", "result": "unavailable", "reason": "TimeoutError"}
    assert talk.steps[0] == (StepKind.LOOKUP, told)
    assert talk.run.at == "person"


def test_who_hides_their_number_is_nobody_to_a_service() -> None:
    talk = Talk(caller="")
    told = {"what": "accounts", "result": "none", "reason": "caller is not known"}
    assert (StepKind.LOOKUP, told) in talk.steps
    assert talk.asked == CustomerOfCaller("")  # of the node after


def test_what_is_not_known_yet_is_asked_of_nobody() -> None:
    asks = flow.parse(ASKS.replace("code: caller", "code: customer.code").encode(), Path("asks.yaml"))
    run, effects = engine.begin(asks, node="p", channel="1", caller="1", caller_name="", called="1", now=NOON)
    assert run.at == "customer"
    steps = [dict(effect.data) for effect in effects if isinstance(effect, WriteStep)]
    assert {"what": "accounts", "result": "none", "reason": "customer.code is not known"} in steps


# --- find: the CRM ------------------------------------------------------------------------------------------------


def test_the_customer_of_the_number_is_met() -> None:
    talk = Talk(at="customer")
    assert talk.asked == CustomerOfCaller("09125550101")
    met = Talk(at="customer").answer(ALI)
    assert met.run.customer == ALI
    assert met.asked == NewestTicketOf("1001")


def test_a_customer_who_is_known_is_not_looked_up_again() -> None:
    talk = Talk(at="customer", customer=ALI)
    assert talk.asked == NewestTicketOf("1001")


def test_the_newest_ticket_and_the_contract_of_the_customer_are_found() -> None:
    ticket = TicketFacts(tracking_number="2047155", status="open", updated_on=date(2026, 11, 1))
    talk = Talk(at="ticket", customer=ALI).answer(ticket)
    assert talk.run.ticket == ticket
    told = {"what": "ticket", "result": "found", "tracking_number": "2047155"}
    assert talk.steps[0] == (StepKind.LOOKUP, told)
    assert talk.asked == ContractOfCustomer("1001")
    contract = ContractFacts(number="K-1", ends_on=date(2027, 1, 1), days_left=40)
    talk.answer(contract)
    assert (talk.run.contract, talk.run.at) == (contract, "bye")


@pytest.mark.parametrize("at", ["ticket", "contract"])
def test_of_nobody_there_is_none_and_nothing_is_asked(at: str) -> None:
    talk = Talk(at=at)
    assert talk.asked is None
    assert talk.run.at == "bye"
    assert (StepKind.LOOKUP, {"what": at, "result": "none"}) in talk.steps


# --- webhook ------------------------------------------------------------------------------------------------------


def test_a_service_is_told_values_and_the_origin_of_this_node() -> None:
    asked = Talk().found(**DUE).asked
    assert asked == TellService("hook", {"amount": 125000, "due": "2026-12-01"}, "pbx1:17.1:hook:0")


def test_a_restarted_daemon_tells_it_again_from_the_same_origin() -> None:
    before = Talk().found(**DUE)
    kept = msgspec.json.decode(msgspec.json.encode(before.run), type=Run)
    run, effects = engine.advance(FLOW, kept, Resumed(), NOON)
    (again,) = [effect.question for effect in effects if isinstance(effect, LookUp)]
    assert again == before.asked
    assert run.phase is Phase.LOOKING
    killed_before_that_was_kept = Talk().found(**DUE)
    assert killed_before_that_was_kept.asked == before.asked


def test_when_it_was_taken_the_next_time_is_another() -> None:
    talk = Talk().found(**DUE).answer(ServiceAnswer())
    assert talk.steps[0] == (StepKind.WEBHOOK, {"service": "hook", "result": "sent"})
    assert (talk.run.at, talk.run.told) == ("bye", 1)
    again = Talk(at="hook", kept=DUE, told=1).asked
    assert isinstance(again, TellService)
    assert again.origin == "pbx1:17.1:hook:1"


@pytest.mark.parametrize("answer", [ServiceAnswer(trouble="it cannot be reached"), None])
def test_what_was_not_taken_is_the_way_failed_and_has_its_origin_still(answer: Answer) -> None:
    talk = Talk().found(**DUE).answer(answer)
    kind, data = talk.steps[0]
    assert (kind, data["service"], data["result"]) == (StepKind.WEBHOOK, "hook", "failed")
    assert (talk.run.at, talk.run.told) == ("person", 0)


def test_without_a_way_failed_the_next_is_taken() -> None:
    plain = flow.parse(ASKS.replace(", failed: person", "").encode(), Path("asks.yaml"))
    before = Talk().found(**DUE)
    run, _ = engine.advance(plain, before.run, LookupFailed(before.run.lookup, "late"), NOON)
    assert run.at == "bye"


@pytest.mark.parametrize(("at", "way"), [("hook", "person")])
def test_a_value_that_is_not_known_is_not_told(at: str, way: str) -> None:
    talk = Talk(at=at)
    assert talk.asked is None
    assert talk.run.at == way
    assert any(data.get("reason") == "kept.amount is not known" for _, data in talk.steps)


# --- fields -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "sort", "text"),
    [
        ("ali\u202e\n x", "text", "ali x"),
        ("", "text", ""),
        (1, "text", None),
        ("0912", "digits", "0912"),
        ("۰۹۱۲", "digits", "0912"),
        (912, "digits", "912"),
        (-1, "digits", None),
        (True, "digits", None),
        ("9" * 41, "digits", None),
        ("", "digits", None),
        (5, "count", "5"),
        (5.0, "count", "5"),
        (5.5, "count", None),
        ("5", "count", None),
        (True, "count", None),
        (10**12, "toman", str(10**12)),
        (10**12 + 1, "toman", None),
        (10**30, "rial", None),
        (-5, "rial", "-5"),
        (1e300, "count", None),
        ("2026-12-01", "date", "2026-12-01"),
        ("1404/09/10", "date", None),
        ("2026-12-01T10:00:00Z", "date", None),
        ("2026-13-01", "date", None),
        (20261201, "date", None),
        ("09:30", "time", "09:30"),
        ("09:30:59", "time", "09:30"),
        ("09:30+03:30", "time", None),
        (True, "yes", "1"),
        (False, "yes", "0"),
        (1, "yes", None),
        ("yes", "yes", None),
        ([1], "text", None),
        ({"a": 1}, "count", None),
    ],
)
def test_a_value_is_of_its_sort_or_is_not_taken(value: object, sort: str, text: str | None) -> None:
    assert text_of(value, sort) == text  # type: ignore[arg-type]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.sampled_from(SORTS))
def test_whatever_is_kept_can_be_read_again(value: object, sort: str) -> None:
    told = read_fields({"a": value}, {"kept": f"{sort} at a"})
    if not told.trouble:
        assert told.values["kept"].value is not None
    assert list(told_by({"a": value})) is not None


@pytest.mark.parametrize(
    ("body", "path", "trouble"),
    [
        ([], "a", "the answer is no JSON object"),
        ("x", "a", "the answer is no JSON object"),
        ({}, "a", "field a is missing"),
        ({"a": None}, "a", "field a is missing"),
        ({"a": 1}, "a.b", "field a.b is missing"),
        ({"a": [{"b": 1}]}, "a.1.b", "field a.1.b is missing"),
        ({"a": [{"b": 1}]}, "a.0.b", ""),
        ({"a": {"0": {"b": 1}}}, "a.0.b", ""),
    ],
)
def test_a_field_is_found_by_its_path_or_named(body: object, path: str, trouble: str) -> None:
    assert read_fields(body, {"n": f"count at {path}"}).trouble == trouble


# --- the file -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "place", "why"),
    [
        ("service: accounts\n", "service: accounts\n    what: ticket\n", "nodes.balance", "either a what"),
        ("    service: accounts\n", "", "nodes.balance", "either a what"),
        ("what: customer,", "what: customer, gives: {a: text},", "nodes.customer", "a service's"),
        ("what: customer,", "what: person,", "nodes.customer.what", "not known here"),
        ("amount: toman", "amount: tomans", "nodes.balance.gives.amount", "one of digits, text"),
        ("amount: toman", "Amount: toman", "nodes.balance.gives.Amount", "a name for what is kept"),
        ("invoice.due}", "invoice..due}", "nodes.balance.gives.due", "one of digits, text"),
        ("code: caller", "code: the caller", "nodes.balance.with.code", "the name of a value"),
        ("code: caller", "code: [caller]", "nodes.balance.with.code", "the name of a value"),
        ("code: caller", "co-de: caller", "nodes.balance.with.co-de", "the name of an argument"),
        ("with: {code", "wth: {code", "nodes.balance.wth", "did you mean 'with'?"),
        ("service: hook", "service: Hook", "nodes.hook.service", "the name of a service"),
        ("next: bye, failed", "failed", "nodes.hook", "the way out 'next' is missing"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(old: str, new: str, place: str, why: str) -> None:
    assert old in ASKS
    with pytest.raises(FlowError, match=rf"asks\.yaml:\d+: .*{why}") as caught:
        flow.parse(ASKS.replace(old, new, 1).encode(), Path("asks.yaml"))
    assert f": {place}: " in str(caught.value)


# --- lint ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    method: str = "GET"
    arguments: frozenset[str] = frozenset()


ALL = frozenset({"code", "from", "depth", "full"})
KNOWN: Mapping[str, Form] = {"accounts": Form(arguments=ALL), "hook": Form("POST")}


def wrong(**services: Form) -> list[tuple[str, str]]:
    return [(found.code, found.sentence) for found in misused(FLOW, {**KNOWN, **services})]


def test_services_as_they_are_asked_and_services_not_known_are_no_finding() -> None:
    assert wrong() == []
    assert list(misused(FLOW, None)) == []
    assert wrong(accounts=Form("POST")) == []


def test_a_service_that_the_settings_do_not_have_is_found_with_what_is_meant() -> None:
    ((code, text),) = [
        (f.code, f.sentence) for f in misused(FLOW, {"account": Form(arguments=ALL), "hook": Form("POST")})
    ]
    assert code == "unknown-service"
    assert text == "nodes.balance.service: the settings have no service 'accounts'; did you mean 'account'?"


def test_an_argument_that_a_url_lacks_or_needs_is_found() -> None:
    told = wrong(accounts=Form(arguments=(ALL - {"code"}) | {"kode"}))
    assert [code for code, _ in told] == ["service-argument", "service-argument"]
    assert "needs the argument 'kode'" in told[0][1]
    assert told[1][1].startswith("nodes.balance.with.code: ")
    assert "no place for the argument 'code'; did you mean 'kode'?" in told[1][1]


def test_a_webhook_of_a_service_that_is_asked_by_get_is_found() -> None:
    told = wrong(hook=Form("GET", frozenset({"amount", "due"})))
    assert [code for code, _ in told] == ["service-method"]


def findings(text: str) -> list[str]:
    reading = examine(text.encode(), PromptBook.load(), services=KNOWN)
    return [f"{found.severity} {found.code}: {found.sentence}" for found in reading.findings]


def test_the_linter_looks_at_services_and_at_what_they_are_told() -> None:
    assert findings(ASKS) == []
    (line,) = findings(ASKS.replace("kept.amount", "kept.amuont"))
    assert line.startswith("error unknown-value: nodes.hook.with.amount: there is no value 'kept.amuont'")
    (line,) = findings(ASKS.replace("code: caller", "code: customer.code"))
    assert "value-not-known: nodes.balance.with.code: never known here, so nothing is asked or told" in line
    (line,) = findings(ASKS.replace("service: hook,", "service: hoook,"))
    assert "unknown-service" in line


# --- cases --------------------------------------------------------------------------------------------------------


def verdicts(text: str) -> list[tuple[bool, str]]:
    book = PromptBook.load()
    cases = case_file.parse(text.encode(), Path("asks.test.yaml"), FLOW, zone=TEHRAN, region="IR")
    house = House(flow=FLOW, texts=book, zone=TEHRAN, region="IR")
    return [(told.passed, "\n".join(told.told())) for told in (check(case, house) for case in cases)]


CASES = """
caller: "09125550000"
services:
  accounts: {amount: 125000, invoice: {due: "2026-12-01"}}
cases:
  - {name: told, services: {hook: {}}, at: end}
  - {name: hook fails, services: {hook: fails}, at: person}
  - {name: nothing is said of the hook, at: person}
  - {name: hook none, services: {hook: none}, at: person}
  - {name: unknown, services: {accounts: none}, at: end}
  - {name: late, services: {accounts: 3, hook: {}}, says: moment, at: end}
  - {name: never, services: {accounts: never}, at: person}
  - {name: other, services: {accounts: {amount: many}}, at: person}
  - {name: as before, lookups: {accounts: fails}, at: person}
"""


def test_cases_say_what_services_say() -> None:
    told = verdicts(CASES)
    assert [passed for passed, _ in told] == [True] * len(told), told
    assert "told hook: sent" in told[0][1]
    assert "told hook: failed (no service is there in a trial)" in told[2][1]
    assert "looked up accounts: unavailable (field amount is no toman)" in told[7][1]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("{hook: {}}, at", "{hok: {}}, at", "service is not asked by the flow: 'hok'; did you mean 'hook'"),
        ("accounts: 3", "accounts: soon", "write fails, never, or the seconds"),
        ("accounts: {amount: 125000", "hook: fails\n  accounts: {amount: 125000", "nothing that a service says"),
    ],
)
def test_a_case_that_tells_of_services_what_cannot_be_is_refused(old: str, new: str, why: str) -> None:
    with pytest.raises(FlowError, match=why):
        verdicts(CASES.replace(old, new, 1))


# --- on the page --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "data", "words"),
    [
        (Language.EN, {"service": "hook", "result": "sent"}, "was told."),
        (Language.EN, {"service": "hook", "result": "failed", "reason": "late"}, "did not take what it was told: "),
        (Language.FA, {"service": "hook", "result": "failed", "reason": "\u202elate"}, "خبر را نگرفت"),
        (Language.EN, {}, "did not take what it was told"),
    ],
)
def test_what_a_service_was_told_stands_on_the_page_of_the_call(
    language: Language, data: dict[str, str], words: str
) -> None:
    step = CallStep(at=NOON, kind=StepKind.WEBHOOK, flow_node="hook", data=data)
    viewer = Viewer(show=Show(language=language, zone=TEHRAN), now=NOON)
    (line,) = transcript(make_call(1, started_at=NOON, steps=[step]), viewer)
    assert words in line.text
    assert "\u202e" not in line.text
