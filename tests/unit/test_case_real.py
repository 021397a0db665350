"""A real call held against its simulation: what counts as the same, and which cases can be played for real."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from plain_call import plain_call

from pbx_bridge.calls.call import Call, CallStep, Outcome
from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.trial import case_file
from pbx_bridge.ivr.trial.caller import play
from pbx_bridge.ivr.trial.case_real import Comparison, compare, groups_of
from pbx_bridge.ivr.trial.cases import House, simulate
from pbx_bridge.ivr.trial.simulation import Simulation
from pbx_bridge.ivr.trial.transcript import Said
from pbx_bridge.values.dates import TEHRAN

SUPPORT = flows.load("support")
HOUSE = House(flow=SUPPORT, texts=PromptBook.load(), zone=TEHRAN, region="IR")
KNOWN = "caller: 02144556677"


def case_of(fields: str) -> case_file.Case:
    text = f"cases: [{{name: one, at: menu, {fields}}}]"
    (case,) = case_file.parse(text.encode(), Path("x"), SUPPORT, zone=TEHRAN, region="IR")
    return case


def simulated(case: case_file.Case) -> Simulation:
    simulation = simulate(case, HOUSE)
    for _ in play(simulation, case.moves):
        pass
    simulation.hang_up()
    return simulation


def said_by(simulation: Simulation) -> list[dict[str, object]]:
    """What the record of a real call that said the same holds."""
    lines = [entry.line for entry in simulation.transcript if isinstance(entry.line, Said)]
    return [{"playback": line.playback, "language": line.language, "text": line.text} for line in lines]


def real(said: list[dict[str, object]], outcome: Outcome) -> Call:
    at = datetime(2026, 11, 21, tzinfo=TEHRAN)
    steps = tuple(CallStep(at=at, flow_node="menu", kind="said", data=data) for data in said)
    return plain_call(at, outcome=outcome, ended_at=at + timedelta(seconds=20), steps=steps)


def compared(said: list[dict[str, object]], outcome: Outcome = Outcome.ABANDONED_IVR) -> Comparison:
    case = case_of(f"{KNOWN}, keys: [7]")
    return compare(case, simulated(case), real(said, outcome))


def test_the_same_words_and_the_same_end_pass() -> None:
    told = compared(said_by(simulated(case_of(f"{KNOWN}, keys: [7]"))))
    assert told.passed
    assert list(told.diff()) == []
    assert len(list(told.told())) == 5, "the greeting, the menu, two prompts in one go, and the end"


def test_what_is_cut_before_its_last_prompt_passes() -> None:
    said = said_by(simulated(case_of(f"{KNOWN}, keys: [7]")))
    assert compared(said[:-1]).passed


def test_anything_else_is_told() -> None:
    said = said_by(simulated(case_of(f"{KNOWN}, keys: [7]")))
    other = [{**said[0], "text": "Good morning"}, *said[1:]]
    further = [*said, {"playback": 99, "language": "en", "text": "And more"}]
    assert "+en «Good morning»" in list(compared(other).diff())
    assert "+en «And more»" in list(compared(further).diff())
    assert not compared(said[:2]).passed
    assert not compared(said[1:]).passed
    assert "+ends: missed" in list(compared(said, Outcome.MISSED).diff())


@pytest.mark.parametrize(
    ("fields", "because"),
    [
        (f"{KNOWN}, keys: [1, 5279647#]", ""),
        (f"{KNOWN}, keys: [1, hang up]", ""),
        (KNOWN, ""),
        ("keys: [1]", "its number is hidden"),
        (f"{KNOWN}, clock: 1404/01/01", "it has its own clock"),
        (f"{KNOWN}, lookups: {{tracking: fails}}", "it has its own lookups"),
        (f"{KNOWN}, contracts: [{{customer_code: 1, ends_on: today+1}}]", "it has its own contracts"),
        (f"{KNOWN}, keys: [early 1]", "'early 1' can only be simulated"),
        (f"{KNOWN}, keys: [1, silence]", "'silence' can only be simulated"),
        (f"{KNOWN}, keys: [0, nobody]", "'nobody' can only be simulated"),
        (f"{KNOWN}, keys: [hang up, 1]", "'hang up' can only be simulated"),
    ],
)
def test_what_cannot_be_real_is_known(fields: str, because: str) -> None:
    assert case_of(fields).simulated_because == because


def test_the_keys_are_the_groups_of_try_call() -> None:
    assert groups_of(case_of(f"{KNOWN}, keys: [1, 5279647#, hang up]")) == ("1", "5279647#")
