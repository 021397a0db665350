"""What the dialplan records, by the settings, and under which names."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations

import pytest
from test_pbx_render import a_plan, lines

from pbx_bridge.pbx.plan import RECORDED
from pbx_bridge.pbx.render import render

CHOICES = [chosen for count in range(len(RECORDED) + 1) for chosen in combinations(RECORDED, count)]


def dialplan(recorded: tuple[str, ...] = RECORDED) -> list[str]:
    return lines(render(replace(a_plan(), recorded=recorded, trunk="127.0.0.1:5099"))["extensions.conf"])


@pytest.mark.parametrize("recorded", CHOICES)
def test_only_the_chosen_directions_are_recorded(recorded: tuple[str, ...]) -> None:
    program = dialplan(recorded)
    at = program.index("[pbxb-record]")
    context = program[at + 1 : next(n for n in range(at + 1, len(program)) if program[n].startswith("["))]
    starts = {line.split()[2].split(",")[0]: n for n, line in enumerate(context) if line.startswith("exten")}
    assert list(starts) == list(RECORDED), "who asks for a direction always comes back"
    for way, start in starts.items():
        end = min((n for n in starts.values() if n > start), default=len(context))
        part = context[start:end]
        assert any("MixMonitor(" in line for line in part) == (way in recorded)
        assert any("CELGenUserEvent(PBXB,recording=" in line for line in part) == (way in recorded)
        assert part[-1].endswith("n(known),Return()")


def test_a_recording_is_asked_for_before_each_talk() -> None:
    program = dialplan()
    asked = [line for line in program if "Gosub(pbxb-record," in line]
    assert {re.search(r"pbxb-record,(\w+),1", line)[1] for line in asked} == set(RECORDED)  # type: ignore[index]
    for number, line in enumerate(program):
        if ",Dial(PJSIP/${FILTER" in line:
            assert "Gosub(pbxb-record,outbound,1)" in program[number - 1]


def test_a_files_name_has_nothing_that_a_caller_chose() -> None:
    (named,) = {line.partition("Set(PBXB_RECORDING=")[2] for line in dialplan() if "PBXB_RECORDING=pbx1" in line}
    assert named == r"pbx1_${FILTER(a-zA-Z0-9._\x2d,${UNIQUEID})}.wav)"
    (made,) = {line.partition("MixMonitor(")[2] for line in dialplan() if "MixMonitor(" in line}
    assert made == "${PBXB_RECORDING},ab)", "and no command follows: it would be run by a shell"
