"""The fold on real traces: the one record of each, whatever the order, repetition or company of its facts."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterable, Sequence

import pytest
from captured import NODE, SCENARIOS, as_expected, boots_of, expected_of, facts_of, raw_facts
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.calls.call import Call
from pbx_bridge.calls.fact_text import decode, queue_fact
from pbx_bridge.calls.facts import CelRow, Fact
from pbx_bridge.calls.fold import fold
from pbx_bridge.calls.keys import is_closing, keys_of


def grouped(facts: Iterable[Fact]) -> list[list[Fact]]:
    """Groups of facts that share a key, directly or through others."""
    groups: list[tuple[set[str], list[Fact]]] = []
    for fact in facts:
        keys, members = set(keys_of(fact)), [fact]
        joined = [group for group in groups if group[0] & keys]
        groups = [group for group in groups if not group[0] & keys]
        for other_keys, other_members in joined:
            keys |= other_keys
            members = other_members + members
        groups.append((keys, members))
    return [members for _, members in groups]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_capture_gives_its_record(scenario: str) -> None:
    expected = {key: value for key, value in expected_of(scenario).items() if key != "boots"}
    call = fold(facts_of(scenario), boots_of(scenario))
    assert call is not None
    told = as_expected(call)
    assert {key: told[key] for key in expected} == expected


@pytest.mark.parametrize("scenario", SCENARIOS)
@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False), st.data())
def test_order_repetition_and_splits_change_nothing(scenario: str, rng: random.Random, data: st.DataObject) -> None:
    facts, boots = facts_of(scenario), boots_of(scenario)
    repeated = data.draw(st.lists(st.sampled_from(facts), max_size=len(facts)))
    shuffled = facts + repeated
    rng.shuffle(shuffled)
    assert fold(shuffled, boots * 2) == fold(facts, boots)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_part_of_a_capture_folds_and_keeps_its_identity(scenario: str) -> None:
    facts, boots = facts_of(scenario), boots_of(scenario)
    whole = fold(facts, boots)
    assert whole is not None
    in_time = sorted(facts, key=lambda fact: (fact.at, isinstance(fact, CelRow)))
    ids = {part.call_id for part in _parts(in_time) if part is not None}
    assert ids == {whole.call_id}


def _parts(facts: Sequence[Fact]) -> Iterable[Call | None]:
    return (fold(facts[:count]) for count in range(len(facts) + 1))


def test_nothing_is_no_call() -> None:
    assert fold([]) is None


@settings(max_examples=20, deadline=None)
@given(st.permutations(SCENARIOS), st.randoms(use_true_random=False))
def test_interleaved_calls_stay_apart(scenarios: list[str], rng: random.Random) -> None:
    one, other = scenarios[:2]
    facts = facts_of(one) + facts_of(other)
    rng.shuffle(facts)
    calls = [fold(group) for group in grouped(facts)]
    roots = sorted(call.root for call in calls if call is not None)
    assert len(calls) == 2
    assert roots == sorted(str(expected_of(name)["root"]) for name in (one, other))


def test_an_attended_transfer_is_one_group_though_it_has_two_linkedids() -> None:
    facts = facts_of("attended_transfer")
    assert len({fact.linkedid for fact in facts if isinstance(fact, CelRow)}) == 2
    assert len(grouped(facts)) == 1


def test_boots_belong_to_no_call() -> None:
    start = decode(queue_fact(node=NODE, file="queue:x", offset=0, body="1795293802|NONE|NONE|NONE|QUEUESTART|"))
    pause = decode(queue_fact(node=NODE, file="queue:x", offset=1, body="1795293802|NONE|NONE|agent101|PAUSE|"))
    assert keys_of(start) == keys_of(pause) == frozenset()
    assert not is_closing(start)


def test_only_the_last_rows_of_a_channel_are_closing() -> None:
    closing = [fact.event for fact in facts_of("ivr_only") if isinstance(fact, CelRow) and is_closing(fact)]
    assert closing == ["CHAN_END", "LINKEDID_END"]


def test_a_file_read_again_under_another_identity_changes_nothing() -> None:
    raws = raw_facts("queue_ringnoanswer_second_agent")
    again = [dataclasses.replace(raw, file=raw.file + "-2") for raw in raws]
    assert fold(map(decode, raws + again)) == fold(map(decode, raws))
