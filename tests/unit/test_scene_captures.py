"""The fold on what a real Asterisk wrote of every scene: the record that the people at the phones would tell."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from captured import CAPTURES, NODE, SCENES, expected_of
from harness.told import all_told, calls_of, differences, page_row, raw_facts
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.calls.fact_text import decode
from pbx_bridge.calls.facts import RawFact

CAUSE_23, CAUSE_0 = '""hangupcause"":23', '""hangupcause"":0'


def lines_of(scene: str, file: str) -> list[str]:
    """The lines of one of a capture's files."""
    return (CAPTURES / scene / file).read_text(encoding="utf-8").splitlines()


def raw_of(scene: str) -> list[RawFact]:
    """A capture's facts, live ones too."""
    live: list[dict[str, Any]] = [json.loads(text) for text in lines_of(scene, "live.jsonl")]
    return raw_facts(NODE, scene, lines_of(scene, "cel.csv"), lines_of(scene, "queue_log.txt"), live)


@pytest.mark.parametrize("scene", SCENES)
def test_each_scene_gives_its_record(scene: str) -> None:
    expected = all_told(expected_of(scene))
    calls = calls_of([decode(raw) for raw in raw_of(scene)])
    assert len(calls) == len(expected), [call.root for call in calls]
    assert [found for one, call in zip(expected, calls, strict=True) for found in differences(one, call)] == []


def test_a_phone_that_forwards_is_told_without_its_cause() -> None:
    """Asterisk writes cause 0 when Dial hangs the phone up before its 302 was read through."""
    facts = raw_of("forward_by_phone")
    mute = [replace(raw, body=raw.body.replace(CAUSE_23, CAUSE_0), told=None) for raw in facts]
    assert sum(CAUSE_0 in raw.body for raw in mute) == 1
    (call,) = calls_of([decode(raw) for raw in mute])
    assert differences(all_told(expected_of("forward_by_phone"))[0], call) == []


@pytest.mark.parametrize("scene", SCENES)
@settings(max_examples=5, deadline=None)
@given(st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(scene: str, rng: random.Random) -> None:
    facts = [decode(raw) for raw in raw_of(scene)]
    mixed = facts + rng.sample(facts, len(facts) // 2)
    rng.shuffle(mixed)
    assert calls_of(mixed) == calls_of(facts)


def test_the_page_of_scenarios_tells_every_scene() -> None:
    page = (CAPTURES.parents[1] / "docs" / "scenarios.md").read_text(encoding="utf-8").splitlines()
    rows = [row for row in page if row.startswith("| `")]
    assert rows == [page_row(scene, expected_of(scene)) for scene in SCENES]
