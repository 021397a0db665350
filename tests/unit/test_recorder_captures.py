"""Real calls through the store give what the fold gives, in any order, in pieces, and twice."""

from __future__ import annotations

import random
from datetime import datetime
from pathlib import Path

import pytest
from captured import NODE, SCENARIOS, raw_facts
from store_facts import SOON

from pbx_bridge.calls.call import Call
from pbx_bridge.calls.fact_text import decode
from pbx_bridge.calls.facts import Fact, FactKind, RawFact
from pbx_bridge.calls.fold import fold
from pbx_bridge.calls.keys import NO_CHANNEL, is_closing, keys_of
from pbx_bridge.store import open_store
from pbx_bridge.store.writer import Limits


def groups(facts: list[Fact]) -> list[list[Fact]]:
    """The facts that belong together, the slow and plain way."""
    found: list[tuple[set[str], list[Fact]]] = []
    for fact in facts:
        keys = set(keys_of(fact))
        mine = [one for one in found if one[0] & keys]
        found = [one for one in found if not one[0] & keys]
        found.append((keys.union(*(one[0] for one in mine)), [*(f for one in mine for f in one[1]), fact]))
    return [facts for _, facts in found]


def expected(raws: list[RawFact]) -> dict[str, Call]:
    boots: list[datetime] = [raw.at for raw in raws if raw.kind is FactKind.BOOT]
    facts = [fact for fact in map(decode, raws) if keys_of(fact)]
    calls = [fold(group, [boot for boot in boots if boot >= min(f.at for f in group)]) for group in groups(facts)]
    return {call.call_id: call for call in calls if call is not None}


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("seed", range(3))
async def test_a_capture_through_the_store(tmp_path: Path, scenario: str, seed: int) -> None:
    raws = raw_facts(scenario)
    wanted = expected(raws)
    chance = random.Random(seed)
    shuffled = [*raws, *chance.sample(raws, len(raws) // 2)]
    chance.shuffle(shuffled)
    async with open_store(tmp_path / "s.db", pace=SOON, limits=Limits(window_s=0.0)) as store:
        while shuffled:
            size = chance.randint(1, 5)
            await store.journal.add(shuffled[:size])
            shuffled = shuffled[size:]
        async with store.calls.watch() as news:
            while (found := {row.call.call_id: row.call async for row in store.calls.since()}) != wanted:
                await news.get()
    assert all(call.node == NODE for call in found.values())


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_short_way_to_the_keys_is_the_long_way(scenario: str) -> None:
    """The journal does not read the body of queue lines and steps for their keys."""
    for raw in raw_facts(scenario):
        if raw.kind is FactKind.QUEUE:
            assert keys_of(decode(raw)) == frozenset((raw.channel,)) - NO_CHANNEL
            assert not is_closing(decode(raw))
