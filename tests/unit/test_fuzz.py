"""The beginning of `make fuzz`: some thousand spoilt inputs for everything that reads what others wrote."""

from __future__ import annotations

import pytest
from fuzz.mutate import made
from fuzz.targets import TARGETS
from fuzz.work import play

_INPUTS = {"ari": 3000, "ami": 2000, "cel": 700, "queue_log": 1000, "flow": 250, "crm": 1200, "cdr": 700}


@pytest.mark.parametrize("name", TARGETS)
def test_spoilt_inputs_crash_nothing_and_lose_nothing(name: str) -> None:
    assert play(TARGETS[name], 0, range(_INPUTS[name])) == []


@pytest.mark.parametrize("name", TARGETS)
def test_an_input_can_be_made_again_and_most_are_spoilt(name: str) -> None:
    stock = TARGETS[name].stock()
    inputs = [made(stock, name, 7, number) for number in range(200)]
    assert inputs == [made(stock, name, 7, number) for number in range(200)]
    assert len(set(inputs)) > 150
    assert sum(data in stock.seeds for data in inputs) < 100
