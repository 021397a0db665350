"""Flows that leave tickets, complaints and callbacks, as files: refused, examined, simulated, held to a real call."""

from __future__ import annotations

from pathlib import Path

import pytest
from left_flow import CALLBACK_FIELDS, FILE, FLOW, NOON
from plain_call import plain_call

from pbx_bridge.calls.call import Call, CallStep
from pbx_bridge.errors import FlowError
from pbx_bridge.ivr import flow
from pbx_bridge.ivr.lint.examine import examine
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.trial import case_file
from pbx_bridge.ivr.trial.caller import play
from pbx_bridge.ivr.trial.case_real import compare
from pbx_bridge.ivr.trial.cases import House, check, simulate
from pbx_bridge.ivr.trial.transcript import Said, texts
from pbx_bridge.values.dates import TEHRAN


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("subject: a call broke off", "subject: ''", r"nodes\.ticket\.subject"),
        ("message: kept.problem\n    opened: told", "message: problem\n    opened: told", r"nodes\.ticket\.message"),
        ("reason: kept.reason", "reason: kept.", r"nodes\.complaint\.reason"),
        (
            "reason: kept.reason",
            "answer_within_days: 1\n    acknowledge_within_hours: 25",
            "acknowledge_within_hours",
        ),
        ("reason: kept.reason", "answer_within_days: 0", r"nodes\.complaint\.answer_within_days"),
        ('confirm: "*", change: "#"', 'confirm: "#", change: "#"', "the same key, #"),
        ("when: opening", "when: soon", r"nodes\.opening\.when"),
        ("unknown: person\n    unavailable: person\n  told", "unavailable: person\n  told", "unknown"),
    ],
)
def test_a_wrong_file_is_refused(old: str, new: str, reason: str) -> None:
    assert old in FILE
    with pytest.raises(FlowError, match=reason) as told:
        flow.parse(FILE.replace(old, new, 1).encode(), Path("left.yaml"))
    assert told.value.line is not None


WORDS = """
menu: Press a key.
menu_wrong: That was wrong.
opened: Ticket {{ ticket.tracking_number | tracking }}. Again, {{ ticket.tracking_number | tracking }}.
complained: Complaint {{ complaint.tracking_number | tracking }}, answered by {{ complaint.answer_by | date }}.
callback_confirm: Shall we call {{ callback.number | digits }}? Press 1 for yes.
key_number: Key your number.
promised: We call {{ callback.number | digits }} on {{ callback.on | date }} at {{ callback.at | time }}.
one_moment: One moment.
"""


@pytest.fixture
def book(tmp_path: Path) -> PromptBook:
    for language in ("en", "fa"):
        (tmp_path / f"{language}.yaml").write_text(WORDS, encoding="utf-8")
    return PromptBook.load(tmp_path)


def test_the_linter_knows_what_is_known_and_what_is_kept(book: PromptBook) -> None:
    found = examine(FILE.encode(), book).findings
    told = {(finding.code, finding.at) for finding in found if "value" in finding.code}
    kept = {"ticket.message", "complaint.message", "complaint.reason", "later.when", "keyed.number"}
    assert told == {("unknown-value", f"nodes.{at}") for at in kept}


LOOPS = """
flow: left
languages: [en]
start: START
person: person
filler: one_moment
nodes:
  ticket: {kind: ticket, subject: s, opened: end, unknown: who, unavailable: person}
  who: {kind: caller, found: ticket, unknown: person, unavailable: person}
  back: {CALLBACK}
  number: {kind: menu, prompt: menu, keys: {"1": ticket}, wrong: menu_wrong, too_many: TOO_MANY}
  promised: {kind: say, prompt: promised, next: ticket}
  person: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
""".replace("CALLBACK", CALLBACK_FIELDS)


@pytest.mark.parametrize(
    ("too_many", "refused", "codes"),
    [
        ("person", "person", set()),  # who is not known is asked for, and then is
        ("back", "person", {"loop-without-key"}),  # a hidden number comes round again and again
        ("person", "back", {"loop-without-key"}),
    ],
)
def test_the_linter_knows_who_goes_round_in_circles(
    book: PromptBook, too_many: str, refused: str, codes: set[str]
) -> None:
    text = (
        LOOPS.replace("START", "back").replace("TOO_MANY", too_many).replace("refused: person", f"refused: {refused}")
    )
    assert {finding.code for finding in examine(text.encode(), book).findings} == codes


def house_of(book: PromptBook) -> House:
    return House(flow=FLOW, texts=book, zone=TEHRAN, region="IR")


@pytest.mark.parametrize(("said", "same"), [("204 71 55", True), ("204 71 56", False)])
def test_a_real_call_opens_another_number_than_its_simulation(book: PromptBook, said: str, same: bool) -> None:
    text = 'cases: [{name: one, caller: "02144556677", clock: 2026-11-22 12:00, keys: ["7", "1"], at: menu}]'
    (case,) = case_file.parse(text.encode(), Path("x"), FLOW, zone=TEHRAN, region="IR")
    simulation = simulate(case, house_of(book))
    for _ in play(simulation, case.moves):
        pass
    simulation.hang_up()
    lines = [entry.line for entry in simulation.transcript if isinstance(entry.line, Said)]
    steps = [CallStep(at=NOON, flow_node="ticket", kind="ticket_opened", data={"tracking_number": "2047155"})]
    for line in lines:
        there = line.text.replace("100 00 02", said)
        data = {"playback": line.playback, "language": line.language, "text": there}
        steps.append(CallStep(at=NOON, flow_node="told", kind="said", data=data))
    assert compare(case, simulation, a_call(steps)).passed is same


def a_call(steps: list[CallStep]) -> Call:
    return plain_call(NOON, ended_by="caller", steps=tuple(steps))


def test_the_simulator_promises_and_writes_nothing(book: PromptBook, tmp_path: Path) -> None:
    cases = """
customers: [{code: "1001", name: Aria}]
contacts: [{customer_code: "1001", phone: "09121234567"}]
cases:
  - {name: all, caller: "09121234567", clock: 2026-11-22 12:00, keys: ["7", "1", "1", "2", "3", "1"], at: menu}
"""
    (case,) = case_file.parse(cases.encode(), Path("left.test.yaml"), FLOW, zone=TEHRAN, region="IR")
    house = house_of(book)
    heard = [texts(check(case, house).transcript) for _ in range(2)]
    assert heard[0] == heard[1]
    told = [line for line in heard[0] if not line.startswith(("[", "pressed", "en «Press", "customer"))]
    assert told == [
        "opened ticket 1000002",
        "en «Ticket 100 00 02. Again, 100 00 02.»",
        "opened ticket 1000015",
        "en «Ticket 100 00 15. Again, 100 00 15.»",
        "filed complaint 1000028",
        "en «Complaint 100 00 28, answered by December 2, 2026.»",
        "en «Shall we call 09121234567? Press 1 for yes.»",
        "promised queue support to call 09121234567, not before 2026-11-22T12:00+03:30",
        "en «We call 09121234567 on November 22, 2026 at twelve P.M..»",
        "the caller hung up",
    ]
