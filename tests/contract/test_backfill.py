"""What is worked out of calls from before: every call once, wherever it is cut off or calls change meanwhile."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from put_calls import put_calls, random_call
from store_facts import NOON, quick_store

from pbx_bridge.calls.call import Call
from pbx_bridge.store import Store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.derived import Derived, Kept
from pbx_bridge.store.derived.backfill import Backfill
from pbx_bridge.store.derived.facets import Facets
from pbx_bridge.store.open import open_store
from pbx_bridge.store.times import to_us
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.wanted import Wanted

SPAN = timedelta(minutes=3)


class Counting:
    """A part as the reports' are: told of a call at most once, and only of those that are in step."""

    def __init__(self, version: int = 1) -> None:
        self.version = version
        self.told: Counter[str] = Counter()

    def added(self, transaction: Transaction, kept: Kept) -> None:
        if transaction.reached.holds(to_us(kept.call.started_at), kept.call.call_id):
            self.told[kept.call.call_id] += 1

    def dropped(self, transaction: Transaction, kept: Kept) -> None:
        if transaction.reached.holds(to_us(kept.call.started_at), kept.call.call_id):
            self.told[kept.call.call_id] -= 1

    def walked(self, transaction: Transaction, before: Sequence[Kept], calls: Sequence[Kept]) -> None:
        self.told.update(kept.call.call_id for kept in calls)


def _calls(count: int, seed: int = 5) -> list[Call]:
    rng = random.Random(seed)
    return [random_call(rng, number, NOON, SPAN) for number in range(count)]


def _walk(store: Store, parts: tuple[Facets | Counting, ...], zone: str = "UTC") -> Backfill:
    return Backfill(store.writer, store.calls._reader, parts, zone=zone)


async def test_every_call_is_walked_once_while_calls_change(place: StorePlace) -> None:
    calls = _calls(120)
    facets, counting = Facets(), Counting()
    derived, rng = Derived(parts=(facets, counting)), random.Random(9)
    async with open_store(place, folding=False) as store:
        await put_calls(store, calls, None)
        walk = _walk(store, (facets, counting))
        standing = {call.call_id: call for call in calls}
        number = 1000
        while await walk.step(7):
            for call_id in rng.sample(sorted(standing), 3):  # some before the place, some behind, some move across it
                at = NOON + timedelta(seconds=rng.randrange(180))
                standing[call_id] = replace(standing[call_id], started_at=at, agents=("103",), talk_us=number)
                await put_calls(store, [standing[call_id]], derived)
            new = random_call(rng, number, NOON, SPAN)
            standing[new.call_id] = new
            await put_calls(store, [new], derived)
            number += 1
        assert {call_id: n for call_id, n in counting.told.items() if n} == dict.fromkeys(standing, 1)
        assert (await walk.reached()).complete
        assert await walk.progress() == (len(standing), len(standing))
        facets.committed()
        for agent in ("101", "103"):
            one = Wanted(facets=(("agent", agent),))
            found = await store.calls.search(one, limit=500)
            expected = {c.call_id for c in standing.values() if one.matches(c, "IR", recorded=False)}
            assert {line.call_id for line in found.lines} == expected
            assert found.behind is None


async def test_a_walk_that_was_cut_off_goes_on_where_it_was(place: StorePlace) -> None:
    calls, counting = _calls(50), Counting()
    async with open_store(place, folding=False) as store:
        await put_calls(store, calls, None)
        assert await _walk(store, (counting,)).step(20) == 20
        found = await store.calls.search(Wanted(facets=(("agent", "101"),)))
        assert found.behind is not None
    async with open_store(place, folding=False) as store:
        walk = _walk(store, (counting,))
        assert await walk.progress() == (20, 50)
        told: list[tuple[int, int]] = []
        assert await walk.finish(lambda done, total: told.append((done, total))) == 30
        assert told[-1] == (50, 50)
    assert set(counting.told.values()) == {1}


async def test_another_version_or_zone_begins_anew(place: StorePlace) -> None:
    async with open_store(place, folding=False) as store:
        await put_calls(store, _calls(30), None)
        assert await _walk(store, (Counting(),)).finish() == 30
        assert await _walk(store, (Counting(),)).finish() == 0
        assert await _walk(store, (Counting(version=2),)).finish() == 30
        other = Counting(version=2)
        assert await _walk(store, (other,), zone="Asia/Tehran").finish() == 30
        assert set(other.told.values()) == {1}


async def test_the_walk_runs_beside_the_daemon(place: StorePlace) -> None:
    async with open_store(place, folding=False) as store:
        await put_calls(store, _calls(130), None)
    async with quick_store(place) as store:
        async with store.calls.watch():
            while not (await store.backfill.reached()).complete:
                await store.backfill.step(1)  # another one walks too: neither leaves out a call or walks it twice
        found = await store.calls.search(Wanted(facets=(("direction", "inbound"),)), limit=500)
        assert {line.direction.value for line in found.lines} == {"inbound"}
        rows = await store.calls._reader.rows("SELECT COUNT(*) FROM call WHERE facets IS NULL OR call_no IS NULL")
        assert rows[0][0] == 0
