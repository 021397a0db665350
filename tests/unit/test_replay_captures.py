"""Scenario 17 on every capture: the journal replayed twice, shuffled, doubled, split, two at once: identical rows."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from captured import ALL, CAPTURES, NODE, raw_facts
from harness import told
from hypothesis import given, settings
from hypothesis import strategies as st
from store_facts import SOON, whole
from test_recorder_captures import expected

from pbx_bridge.calls.call import Call
from pbx_bridge.calls.facts import RawFact
from pbx_bridge.store import Store, open_store
from pbx_bridge.store.writer import Limits

_NEXT = dict(zip(ALL, (*ALL[1:], ALL[0]), strict=True))
_AT_ONCE = Limits(window_s=0.0)
_PIECE = 7


def facts_of(capture: str) -> list[RawFact]:
    """A capture's facts in the order of its files, what AMI told among them."""
    live = CAPTURES / capture / "live.jsonl"
    if not live.exists():
        return raw_facts(capture)
    cel, queue = ((CAPTURES / capture / name).read_text().splitlines() for name in ("cel.csv", "queue_log.txt"))
    return told.raw_facts(NODE, capture, cel, queue, [json.loads(line) for line in live.read_text().splitlines()])


async def settled(store: Store, wanted: dict[str, Call]) -> dict[str, tuple[int, Call]]:
    """The calls with their revisions, once they are as wanted."""
    async with asyncio.timeout(20), store.calls.watch() as news:
        while True:
            rows = {str(row.call.call_id): (row.revision, row.call) async for row in store.calls.since()}
            if {call_id: call for call_id, (_, call) in rows.items()} == wanted:
                return rows
            await news.get()


async def add(store: Store, facts: Sequence[RawFact]) -> None:
    """In pieces, as the spool brings them."""
    for start in range(0, len(facts), _PIECE):
        await store.journal.add(facts[start : start + _PIECE])


@pytest.mark.parametrize("capture", ALL)
async def test_replayed_twice_each_doubled_split_and_begun_again(tmp_path: Path, capture: str) -> None:
    facts, chance = facts_of(capture), random.Random(capture)
    wanted, path = expected(facts), tmp_path / "s.db"
    cut = chance.randint(0, len(facts))
    async with open_store(path, pace=SOON, limits=_AT_ONCE) as store:
        await add(store, facts[:cut])  # and the daemon ends, wherever it stands
    async with open_store(path, pace=SOON, limits=_AT_ONCE) as store:
        await add(store, [fact for fact in facts[cut:] for _ in range(2)])
        rows = await settled(store, wanted)
    async with open_store(path, pace=SOON, limits=_AT_ONCE) as store:
        await add(store, facts)
        shuffled = chance.sample(facts, len(facts))
        await add(store, shuffled)
        last = whole("9.9")  # once this call is there, whatever the replay made dirty was folded before it
        await add(store, last)
        found = await settled(store, wanted | expected(last))
    assert {call_id: found[call_id] for call_id in rows} == rows, "a replay must give no new revision"


@pytest.mark.parametrize("capture", ALL)
async def test_two_interleaved_give_what_each_gives(tmp_path: Path, capture: str) -> None:
    one, other, chance = facts_of(capture), facts_of(_NEXT[capture]), random.Random(capture)
    wanted = expected(one) | expected(other)
    assert len(wanted) == len(expected(one)) + len(expected(other))
    mixed = [*one, *other]
    places = sorted(range(len(mixed)), key=lambda place: chance.random())
    async with open_store(tmp_path / "s.db", pace=SOON, limits=_AT_ONCE) as store:
        await add(store, [mixed[place] for place in places])
        await settled(store, wanted)


@settings(max_examples=60)
@given(st.data())
def test_any_order_repetition_and_company_folds_to_the_same(data: st.DataObject) -> None:
    """The same without a store, and therefore many more times: any captures together, any order, any repetition."""
    captures = data.draw(st.lists(st.sampled_from(ALL), min_size=1, max_size=3, unique=True))
    facts = [fact for capture in captures for fact in facts_of(capture)]
    chance = random.Random(data.draw(st.integers(0, 2**32)))
    mixed = [*facts, *chance.sample(facts, chance.randint(0, len(facts)))]
    chance.shuffle(mixed)
    wanted: dict[str, Call] = {}
    for capture in captures:
        wanted |= expected(facts_of(capture))
    assert expected(mixed) == wanted
