"""Cases and the linter on flows with a survey and with the customer's own agent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from pbx_bridge.cli import cli
from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.lint.ways import loops

FLOW = """
flow: mine
languages: [en, fa]
start: who
person: person
filler: one_moment
nodes:
  who: {kind: caller, found: own, unknown: person, unavailable: person}
  own: {kind: dial, own_agent: true, to: [102], busy: person, no_answer: person, unavailable: person, after: ask}
  person: {kind: queue, queue: support, nobody: absent, timeout: absent, after: ask}
  ask:
    kind: survey
    questions: [{name: solved, prompt: ask_tracking, scale: 2}, {name: friendly, prompt: ask_customer_code}]
    wrong: menu_wrong
    next: thanks
  thanks: {kind: say, prompt: goodbye, next: end}
  absent: {kind: say, prompt: nobody, next: end}
  end: {kind: hang_up}
"""
CUSTOMER = """
customers: [{code: "77", name: Sara, language: en, tier: gold, agent: "105"}]
contacts: [{customer_code: "77", name: Sara, phone: "09127777777"}]
caller: "09127777777"
"""


def run_cases(folder: Path, *cases: str, head: str = "caller: 02155550000\n") -> tuple[int, str]:
    (folder / "mine.yaml").write_text(FLOW, encoding="utf-8")
    lines: Sequence[str] = [f"  - {{{case}}}" for case in cases]
    (folder / "mine.test.yaml").write_text("\n".join([head, "cases:", *lines, ""]), encoding="utf-8")
    told = CliRunner().invoke(cli, ["flow", "test", str(folder / "mine.yaml")], env={"PBX_BRIDGE_HOME": str(folder)})
    return told.exit_code, told.output


ASKED = 'says: ["tracking number", "customer code", Goodbye], ends: answered'


def test_after_the_agent_hung_up_the_questions_can_be_keyed_in_a_case(tmp_path: Path) -> None:
    code, output = run_cases(
        tmp_path,
        f'name: both, keys: [answered, "1", "5"], {ASKED}',
        f"name: silent, keys: [answered, silence, silence, silence, silence], {ASKED}",
        'name: left, keys: [answered, "7", hang up], says: ["has no use here"], never_says: [code], ends: answered',
        "name: nobody, keys: [nobody], never_says: [tracking number], ends: missed",
    )
    assert code == 0, output


def test_what_was_answered_stands_in_the_transcript(tmp_path: Path) -> None:
    code, output = run_cases(tmp_path, 'name: both, keys: [answered, "2", "5"], ends: missed')
    assert code == 1
    assert "solved: 2 of 2" in output
    assert "friendly: 5 of 5" in output


def test_a_case_meets_the_own_agent_first(tmp_path: Path) -> None:
    code, output = run_cases(
        tmp_path,
        "name: rings, keys: [], at: own, ends: dial 105",
        "name: the other, keys: [timeout], at: own, ends: dial 102",
        f'name: asked, keys: [timeout, answered, "2", "3"], {ASKED}',
        "name: the queue, keys: [busy, busy], ends: queue support",
        head=CUSTOMER,
    )
    assert code == 0, output


@pytest.mark.parametrize("ends", ["dial me", "dial 105 106", "dials 105"])
def test_an_end_that_cannot_be_is_refused(tmp_path: Path, ends: str) -> None:
    code, output = run_cases(tmp_path, f"name: strange, keys: [], ends: {ends}", head=CUSTOMER)
    assert code == 1
    assert "outcome is not known" in output


def test_a_talk_between_makes_no_loop_of_waiting(tmp_path: Path) -> None:
    again = FLOW.replace("{kind: say, prompt: goodbye, next: end}", "{kind: say, prompt: goodbye, next: person}")
    found = [finding.code for finding in loops(flows.parse(again.encode(), Path("mine.yaml")))]
    assert found == []
    silent = FLOW.replace("timeout: absent", "timeout: person")
    found = [finding.code for finding in loops(flows.parse(silent.encode(), Path("mine.yaml")))]
    assert found == ["loop-of-waiting"]


def test_the_linter_knows_every_prompt_of_a_survey(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(FLOW.replace("ask_customer_code", "no_such_words"), encoding="utf-8")
    told = CliRunner().invoke(
        cli, ["flow", "lint", str(tmp_path / "mine.yaml")], env={"PBX_BRIDGE_HOME": str(tmp_path)}
    )
    assert told.exit_code == 1
    assert "prompt 'no_such_words' is missing in language 'en'" in told.output
    assert "prompt 'no_such_words' is missing in language 'fa'" in told.output
