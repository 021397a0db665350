"""`flow test`: what a file of cases may say, how a case fails, and that the shipped cases notice a changed flow."""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from pbx_bridge.cli import cli
from pbx_bridge.errors import FlowError
from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.reading import tree as flow_file
from pbx_bridge.ivr.trial import case_file
from pbx_bridge.ivr.trial.cases import House, Verdict, check, plain

TEHRAN = ZoneInfo("Asia/Tehran")
SUPPORT, BOOK = flows.load("support"), PromptBook.load()
HOUSE = House(flow=SUPPORT, texts=BOOK, zone=TEHRAN, region="IR")
PATH = Path("my.test.yaml")
WHO = "name: one, caller: 02144556677"


def cases(text: str) -> tuple[case_file.Case, ...]:
    return case_file.parse(text.encode(), PATH, SUPPORT, zone=TEHRAN, region="IR")


def verdict(fields: str) -> Verdict:
    """Of a case with these fields; the caller is a customer who speaks English."""
    (case,) = cases(f"cases:\n  - {{{WHO}, {fields}}}\n")
    return check(case, HOUSE)


def changes(told: Verdict) -> list[str]:
    return [line for line in list(told.diff())[3:] if line[0] in "-+"]


def run(folder: Path, *args: str) -> Result:
    return CliRunner().invoke(cli, ["flow", "test", *args], env={"PBX_BRIDGE_HOME": str(folder)})


def copied(folder: Path, old: str = "", new: str = "") -> Path:
    """The shipped flow and its cases in a folder, one thing in the flow changed."""
    text = flows.find("support").read_text(encoding="utf-8")
    assert old in text
    (folder / "mine.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    own = case_file.path_of(flows.find("support")).read_text(encoding="utf-8")
    (folder / "mine.test.yaml").write_text(own, encoding="utf-8")
    return folder / "mine.yaml"


# --- the shipped cases --------------------------------------------------------------------------------------------


def test_every_shipped_case_passes(tmp_path: Path) -> None:
    told = run(tmp_path, "support")
    assert told.exit_code == 0, told.output
    assert re.search(r"^support: \d+ cases passed$", told.output, re.M)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_cases_is_no_flow() -> None:
    assert "support" in flows.shipped()
    assert not [name for name in flows.shipped() if ".test" in name]
    with pytest.raises(FlowError, match=r"no such flow; shipped are: .*support"):
        flows.load("nope")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"1": ask_tracking, "2": contract', '"1": contract, "2": ask_tracking'),
        ("ended: contract_ended\n    none: no_contract", "ended: no_contract\n    none: contract_ended"),
        ("valid: contract_valid\n    ending: contract_ending", "valid: contract_ending\n    ending: contract_valid"),
        ("serves: true\n    next: has_note", "next: has_note"),
        ("known: status\n    missing: status_no_promise", "known: status_no_promise\n    missing: status"),
        ("too_many: too_many_tries\n    unavailable", "too_many: goodbye\n    unavailable"),
        ("too_many: too_many_tries\n    silence: goodbye", "too_many: goodbye\n    silence: too_many_tries"),
        ("unavailable: unavailable", "unavailable: welcome"),
        ("queue: services", "queue: support"),
        ("prompt: nobody\n    next: callback", "prompt: queue_timeout\n    next: callback"),
        ("    prompt: welcome\n", "    prompt: menu\n"),
    ],
)
def test_a_changed_flow_is_noticed(tmp_path: Path, old: str, new: str) -> None:
    path = copied(tmp_path, old, new)
    if new == "queue: support":  # then no case names the other queue
        text = (tmp_path / "mine.test.yaml").read_text(encoding="utf-8")
        (tmp_path / "mine.test.yaml").write_text(text.replace("queue services", "missed"), encoding="utf-8")
    told = run(tmp_path, str(path))
    assert told.exit_code == 1
    assert re.search(r"^mine: \d+ of \d+ cases failed$", told.output, re.M), told.output


def test_the_cases_in_the_docs_pass() -> None:
    page = (Path(__file__).parents[2] / "docs/flows.md").read_text(encoding="utf-8")
    (example,) = (block for block in re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S) if "cases:" in block)
    verdicts = [check(case, HOUSE) for case in cases(example)]
    assert [list(told.diff()) for told in verdicts] == [[], []]
    shown = re.findall(r"^```diff\n(.*?)^```", page, re.M | re.S)[0].splitlines()
    wrong = example.replace("ends: queue services", "ends: queue support")
    assert list(check(cases(wrong)[1], HOUSE).diff())[-len(shown) :] == shown


def test_every_field_of_a_case_is_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs/flows.md").read_text(encoding="utf-8")
    table = page.partition("## Testing a flow: `flow test`")[2].partition("\n## ")[0]
    told = {field for row in re.findall(r"^\| (`[^|]*) \|", table, re.M) for field in re.findall(r"`(\w+)`", row)}
    assert told == {field for kind in case_file.FORMS for field in kind.__struct_fields__} - {"cases"}


# --- verdicts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        "ends: abandoned_ivr",
        "at: menu",
        "says: Hello",
        "says: [Hello, welcome, For the status]",
        "keys: 9, says: [For the status, For the status]",
        "says: [en «Hello]",
        "never_says: [goodbye]",
        "keys: [1, 5279647#], says: [۵۲۷ 96 47]",
        "keys: '1,5279647#,hang up', ends: self_served",
        "keys: 0, ends: queue   support",
        "keys: 2, clock: 1404/12/29 12:00, ends: queue support",
        "keys: 2, clock: '2026-03-21T00:00:00+03:30', ends: queue services",
        "language: fa, says: سلام",
        "keys: 2, contracts: [{customer_code: 1003, number: N, ends_on: today+90}], ends: queue support",
        "keys: [1, 9999990#], says: closed, tickets: [{tracking_number: 9999990, customer_code: 1, status: closed}]",
    ],
)
def test_what_came_as_expected_passes(fields: str) -> None:
    told = verdict(fields)
    assert told.passed, list(told.diff())
    assert list(told.diff()) == []


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ("ends: self_served", ["-ends: self_served", "+ends: abandoned_ivr"]),
        ("at: welcome", ["-at: welcome", "+at: menu"]),
        ("says: Goodbye", ["-«Goodbye»"]),
        ("says: [For the status, Hello]", ["-«Hello»"]),
        ("says: [For the status, For the status]", ["-«For the status»"]),
        ("says: [fa «Hello]", ["-«fa «Hello»"]),
        ("never_says: [HELLO]", ["+en «Hello, and welcome to customer support.»"]),
        ("keys: [0, 7], at: operator", ["+not done: 7: nothing asks for keys"]),
        ("caller: '1', keys: [hang up], ends: self_served", ["-ends: self_served", "+ends: abandoned_ivr"]),
    ],
)
def test_what_came_otherwise_is_told_in_a_diff(fields: str, changed: list[str]) -> None:
    told = verdict(fields.replace("caller: '1', ", ""))
    assert not told.passed
    assert changes(told) == changed


def test_trouble_that_nobody_expected_fails() -> None:
    book = PromptBook({"en": {key: BOOK.prompt(key, "en") for key in BOOK.keys("en") - {"welcome"}}})
    (case,) = cases(f"cases: [{{{WHO}, ends: abandoned_ivr}}]")
    told = check(case, House(flow=SUPPORT, texts=book, zone=TEHRAN, region="IR"))
    assert len(changes(told)) == 2, "the prompt, and what the flow says of it"
    assert "'welcome' is missing in language 'en'" in changes(told)[0]


def test_a_file_shares_clock_caller_and_customers() -> None:
    told = cases(
        """
clock: 1404/12/29 10:00
caller: 02155550000
customers: [{code: 9, name: Nine, phone: 021-5555 0000, language: en}]
contracts: [{customer_code: 9, ends_on: jalali+0}]
cases:
  - {name: last day, keys: [2], says: Your support contract ends on March 20}
  - {name: the day after, clock: 1405/01/01 10:00, contracts: [{customer_code: 9, ends_on: today-1}], keys: [2],
     says: Your support contract ended on March 20}
"""
    )
    assert [check(case, HOUSE).passed for case in told] == [True, True]


def test_a_number_from_abroad_needs_no_quotes() -> None:
    abroad = "customers: [{code: 5, phone: +44 20 7946 0000, language: en}]"
    (case,) = cases(f"cases: [{{name: a, caller: +442079460000, {abroad}, says: Hello}}]")
    assert check(case, HOUSE).passed


def test_words_are_compared_as_people_mean_them() -> None:
    assert plain("  لطفاً  شمارهٔ ۱۲ را می‌گویید ") == plain("لطفا شماره 12 را میگویید")
    assert plain("كي") == plain("کی")
    assert plain("Ticket\nNumber") == "ticket number"


HOUSE_OF_PHONES = """
flow: phones
languages: [en, fa]
start: menu
person: person
filler: one_moment
nodes:
  menu: {kind: menu, prompt: menu, keys: {"1": phones, "2": box, "3": outside}, wrong: menu_wrong, too_many: person}
  phones: {kind: dial, to: ["111", "112"], busy: end, no_answer: box, unavailable: person}
  box: {kind: voicemail, mailbox: "600", next: end, unavailable: person}
  outside: {kind: transfer, to: "02188776655", failed: box}
  person: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""


@pytest.mark.parametrize(
    ("keys", "ends"),
    [
        ("1", "dial 111+112"),
        ("1, answered", "answered"),
        ("1, busy", "missed"),
        ("1, timeout", "voicemail 600"),
        ("1, nobody", "queue support"),
        ("1, hang up", "missed"),
        ("2, message", "voicemail"),
        ("2, hang up", "voicemail"),
        ("2, nobody, hang up", "abandoned_queue"),
        ("3", "transfer 02188776655"),
        ("3, answered", "answered"),
        ("3, busy, message", "voicemail"),
    ],
)
def test_phones_mailboxes_and_numbers_end_as_told(keys: str, ends: str) -> None:
    phones = flows.parse(HOUSE_OF_PHONES.encode(), Path("phones.yaml"))
    text = f"cases: [{{name: one, keys: '{keys}', ends: {ends}}}]"
    (case,) = case_file.parse(text.encode(), PATH, phones, zone=TEHRAN, region="IR")
    told = check(case, House(flow=phones, texts=BOOK, zone=TEHRAN, region="IR"))
    assert told.passed, list(told.diff())
    if keys == "1, timeout":
        assert {"given to dial 111+112", "back from dial 111+112: NOANSWER", "given to voicemail 600"} <= {
            *told.heard
        }


# --- files that are wrong -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", None, "expected"),
        ("cases: []", 1, "cases: "),
        ("cases:\n  - ends: missed", 2, "the field 'name' is missing"),
        ("cases:\n  - name: a", 2, "case 'a' expects nothing; write says, at or ends"),
        ("cases:\n  - name: a\n    key: [1]\n    at: menu", 3, "there is no field 'key'; did you mean 'keys'?"),
        ("case: []", 1, "there is no field 'case'; did you mean 'cases'?"),
        ("cases:\n  - name: a\n    ends: self-served", 3, "did you mean 'self_served'?"),
        ("cases:\n  - name: a\n    ends: queue suport", 3, "did you mean 'queue support'?"),
        ("cases:\n  - name: a\n    at: menus", 3, "the node is not in the flow: 'menus'; did you mean 'menu'?"),
        ("cases:\n  - name: a\n    at: menu\n    language: de", 4, "language is not offered: 'de'"),
        ("cases:\n  - name: a\n    at: menu\n    keys: [1, jump]", 4, "'jump' is neither keys"),
        ("cases:\n  - name: a\n    at: menu\n    clock: 1404/13/01", 4, "that day does not exist"),
        ("clock: nonsense\ncases:\n  - name: a\n    at: menu", 1, "'nonsense' is no date"),
        ("cases:\n  - name: a\n    at: menu\n    lookups: {tracking: soon}", 4, "write fails, never, or the seconds"),
        ("cases:\n  - name: a\n    at: menu\n    lookups: {tracking: -1}", 4, "write fails, never, or the seconds"),
        ("cases:\n  - name: a\n    at: menu\n    lookups: {weather: fails}", 4, "there are: callback, caller, "),
        ("cases:\n  - name: a\n    at: menu\n  - name: a\n    at: menu", 4, "line 2 has a case of this name already"),
        ("cases:\n  - name: a\n    at: menu\n    at: menu", 4, "'at' is given twice"),
        (
            "cases:\n  - name: a\n    at: menu\n    tickets:\n      - {tracking_number: 123456}",
            5,
            "is no tracking number",
        ),
        ("cases:\n  - name: a\n    at: menu\n    customers:\n      - {code: 1, fone: 1}", 5, "did you mean 'phone'?"),
        ("cases:\n  - name: a\n    at: menu\n    customers:\n      - {code: 1, phone: 12}", 5, "is no phone number"),
        ("cases:\n  - name: a\n    at: menu\n    clock: 9999-12-31", 4, "years are 1991 to 2120"),
        ("cases:\n  - name: a\n    at: menu\n    contracts: [{customer_code: 1, ends_on: today+9999999}]", 4, ""),
        (
            "cases:\n  - name: a\n    at: menu\n    contracts: [{customer_code: 1, ends_on: today+" + "9" * 30 + "}]",
            4,
            "",
        ),
        ("cases: [", 1, "not YAML"),
        ("cases: &a [*a]", 1, ""),
        ("cases: [{name: '\x1b[2J', at: menu}]", None, "not YAML"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(text: str, line: int | None, reason: str) -> None:
    with pytest.raises(FlowError) as told:
        cases(text)
    assert told.value.path == PATH
    assert told.value.line == line
    assert reason in told.value.reason
    assert told.value.reason.isprintable()


def test_a_bomb_and_a_huge_file_are_refused() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9))
    for text in (bomb, "cases: [" + "x," * flow_file.MAX_BYTES):
        with pytest.raises(FlowError, match=r"more than|at most"):
            cases(text)


def test_words_of_a_file_do_not_act_on_the_terminal(tmp_path: Path) -> None:
    path = copied(tmp_path)
    (tmp_path / "mine.test.yaml").write_text('cases: [{name: "a\\e[2J", says: "b\\e[2J"}]', encoding="utf-8")
    told = run(tmp_path, str(path))
    assert told.exit_code == 1
    assert "\x1b" not in told.output


# --- the command --------------------------------------------------------------------------------------------------


def test_a_failing_case_is_told_with_its_line_and_exits_with_1(tmp_path: Path) -> None:
    path = copied(tmp_path)
    text = f"cases:\n  - {{{WHO}, keys: [0], ends: queue support}}\n  - {{name: wrong, at: who}}\n"
    (tmp_path / "mine.test.yaml").write_text(text, encoding="utf-8")
    told = run(tmp_path, str(path))
    assert told.exit_code == 1
    assert f"{tmp_path}/mine.test.yaml:3: wrong\n" in told.output
    assert "    -at: who\n    +at: language\n" in told.output
    assert "mine: 1 of 2 cases failed\n" in told.output


def test_chosen_cases_are_told_in_full(tmp_path: Path) -> None:
    told = run(tmp_path, "support", "--case", "ENDED contract", "-v")
    assert told.exit_code == 0
    assert "Your support contract ended on March 20, 2026." in told.output
    assert "support: 1 cases passed" in told.output


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["nope"], "no such flow; shipped are: "),
        (["support", "--case", "no case has this"], "no case was played"),
    ],
)
def test_nothing_to_play_exits_with_1(tmp_path: Path, args: list[str], reason: str) -> None:
    told = run(tmp_path, *args)
    assert told.exit_code == 1
    assert reason in told.output


def test_a_flow_without_cases_is_named(tmp_path: Path) -> None:
    path = copied(tmp_path)
    (tmp_path / "mine.test.yaml").unlink()
    told = run(tmp_path, str(path))
    assert told.exit_code == 1
    assert (
        told.output
        == f"pbx-bridge: {tmp_path}/mine.test.yaml: flow support has no cases yet; they would stand here\n"
    )


def test_a_prompt_missing_in_a_language_is_one_line(tmp_path: Path) -> None:
    path = copied(tmp_path, "prompt: welcome", "prompt: hello_there")
    told = run(tmp_path, str(path))
    assert told.exit_code == 1
    assert "prompt 'hello_there' is missing in language" in told.output
