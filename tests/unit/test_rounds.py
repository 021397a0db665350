"""The verdict of `make containers` and `make services` names what was lost, doubled, open or never dialled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from bench.soak.files import Told
from tools.rounds import compared

ANNA, BABAK = "09120000001", "09120000002"


def told(*callers: str) -> Mapping[str, Told]:
    return {f"{place}.1": Told(root=f"{place}.1", caller=caller, begun=1.0) for place, caller in enumerate(callers)}


def kept(*callers: str, ended: str | None = "2026-11-22T21:00:00Z") -> Sequence[Mapping[str, Any]]:
    return [{"caller": caller, "ended_at": ended, "outcome": "missed"} for caller in callers]


def test_nothing_is_said_when_each_call_stands_once() -> None:
    assert list(compared(told(ANNA, BABAK), kept(BABAK, ANNA), [ANNA, BABAK], [ANNA])) == []


def test_a_call_that_never_reached_asterisk_need_not_be_on_record() -> None:
    assert list(compared(told(ANNA), kept(ANNA), [ANNA, BABAK], [ANNA])) == []


@pytest.mark.parametrize(("in_files", "on_record", "answered", "words"), [
    ((ANNA, BABAK), (ANNA,), (), "LOST"),
    ((ANNA,), (ANNA,), (BABAK,), "LOST"),  # answered, and in no file
    ((ANNA,), (ANNA, ANNA), (), "DOUBLED"),
    ((ANNA, ANNA), (ANNA, ANNA), (), "DOUBLED"),
    ((ANNA, "0999"), (ANNA, "0999"), (), "did not dial"),
])  # fmt: skip
def test_what_is_wrong_is_named(
    in_files: Sequence[str], on_record: Sequence[str], answered: Sequence[str], words: str
) -> None:
    problems = list(compared(told(*in_files), kept(*on_record), [ANNA, BABAK], answered))
    assert len(problems) == 1
    assert words in problems[0]


def test_a_call_that_is_still_open_is_named() -> None:
    assert list(compared(told(ANNA), kept(ANNA, ended=None), [ANNA], [ANNA])) == [f"the call of {ANNA} is still open"]
