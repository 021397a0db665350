"""Packed facts: exactly what they were, found by a late fact, folded and rebuilt as before. On both engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_facts import NODE, at, begun, cel, ended, quick_store, revisions, step, whole

from pbx_bridge.calls.call import call_id
from pbx_bridge.calls.fact_text import queue_fact
from pbx_bridge.calls.facts import FactKind, RawFact
from pbx_bridge.health import Clock
from pbx_bridge.store import CallRow, Store, open_store, packs
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.database import connect
from pbx_bridge.store.packer import Packer
from pbx_bridge.store.times import from_us
from pbx_bridge.store.transaction import Transaction


@pytest.fixture
async def store(place: StorePlace) -> AsyncIterator[Store]:
    async with quick_store(place) as opened:
        yield opened


def packer_of(store: Store, clock: Clock = lambda: at(10**6)) -> Packer:
    """The store's packer long after the calls of these tests."""
    return Packer(store.writer, store.packer._reader, clock=clock)


async def rows(place: StorePlace, query: str) -> list[Any]:
    async with connect(place, reading=True) as database:
        return await database.rows(query)


async def counts(place: StorePlace) -> dict[str, int]:
    tables = ("fact", "fact_pack", "call_key", "packed_key")
    return {table: (await rows(place, f"SELECT COUNT(*) FROM {table}"))[0][0] for table in tables}  # noqa: S608


def queue(second: int, event: str, *args: str) -> RawFact:
    body = "|".join((str(int(at(second).timestamp())), "1.1", "support", "NONE", event, *args))
    return queue_fact(node=NODE, file="queue:1", offset=second, body=body)


def as_rows(facts: list[RawFact]) -> set[tuple[Any, ...]]:
    return {(f.node, f.file, f.offset, f.kind, f.at, f.channel, f.linkedid, f.body) for f in facts}


async def facts_in(store: Store) -> set[tuple[Any, ...]]:
    """Every fact of every group, however it is kept."""

    def read(transaction: Transaction) -> set[tuple[Any, ...]]:
        groups = [row[0] for row in transaction.db.execute("SELECT id FROM call_group").fetchall()]
        return as_rows([raw for group in groups for raw in packs.facts_of(transaction.db, group)])

    return await store.writer.submit(read)


async def test_packed_and_read_as_before(place: StorePlace, store: Store) -> None:
    facts = [*whole("1.1"), queue(3, "ENTERQUEUE", "", "0912", "1"), step("1.1", 7, 9, keys="\u06f1\n\0\\x00")]
    await revisions(store, facts, 1)
    before = await store.calls.page()

    assert await packer_of(store).finish() == 1

    assert await counts(place) == {"fact": 0, "fact_pack": 1, "call_key": 0, "packed_key": 1}
    assert await facts_in(store) == as_rows(facts)
    assert await store.calls.page() == before


async def test_calls_that_go_on_or_were_over_a_moment_ago_stay(place: StorePlace) -> None:
    long_after = at(0) + timedelta(hours=23)
    async with quick_store(place) as store:
        await revisions(store, [*whole("1.1"), *begun("1.2", 60)], 2)
        assert await packer_of(store, lambda: long_after).finish() == 0
    assert (await counts(place))["fact_pack"] == 0


async def test_a_late_fact_finds_its_packed_call(place: StorePlace, store: Store) -> None:
    facts = whole("1.1")
    await revisions(store, facts, 1)
    await packer_of(store).finish()

    late = step("1.1", 9, 12, keys="2")
    [row] = await revisions(store, [late], 1)

    assert isinstance(row, CallRow)
    assert (row.call.call_id, row.revision) == (call_id(NODE, "1.1"), 2)
    assert [s.data for s in row.call.steps] == [{"keys": "1"}, {"keys": "2"}]
    assert await facts_in(store) == as_rows([*facts, late])
    assert len(await store.calls.page()) == 1
    assert await packer_of(store).finish() == 1
    assert (await counts(place))["fact"] == 0
    assert await facts_in(store) == as_rows([*facts, late])


async def test_a_source_read_again_after_packing_gives_nothing_twice(place: StorePlace, store: Store) -> None:
    facts = whole("1.1")
    await revisions(store, facts, 1)
    await packer_of(store).finish()

    await store.journal.add(facts)
    await revisions(store, whole("1.2", 60), 1)

    assert (await counts(place))["fact"] == len(facts) * 2
    [first] = [row for row in await store.calls.page() if row.call.root == "1.1"]
    assert first.revision == 1


async def test_a_packed_call_that_turns_out_to_be_part_of_another(store: Store) -> None:
    await revisions(store, whole("1.1"), 1)
    await packer_of(store).finish()

    joining = cel("ATTENDEDTRANSFER", "1.2", 20, extra='{"channel2_uniqueid":"1.1"}')
    facts = [*begun("1.2", 5), joining, *ended("1.2", 40)]
    async with asyncio.timeout(10), store.calls.watch() as news:
        await store.journal.add(facts)
        while len(await store.calls.page()) != 1 or (await store.calls.page())[0].call.ended_at != at(40):
            await news.get()

    [row] = await store.calls.page()
    assert row.call.root == "1.1"


async def test_two_keys_with_one_hash_are_told_apart(place: StorePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "key_hash", lambda node, key: 7)
    async with quick_store(place) as store:
        await revisions(store, whole("1.1"), 1)
        await revisions(store, whole("1.2", 60), 1)
        assert await packer_of(store).finish() == 1  # the other one stays as it is
        await revisions(store, whole("1.3", 120), 1)
        await revisions(store, [step("1.2", 9, 70, keys="2")], 1)

        found = {row.call.root: len(row.call.steps) for row in await store.calls.page()}
        assert found == {"1.1": 1, "1.2": 2, "1.3": 1}


async def test_a_damaged_pack_stops_nothing(place: StorePlace, store: Store) -> None:
    await revisions(store, whole("1.1"), 1)
    await packer_of(store).finish()
    await store.writer.submit(
        lambda tx: tx.db.execute("UPDATE fact_pack SET body = :body", {"body": b"\x01junk"}).rowcount
    )
    await store.journal.add([step("1.1", 9, 12, keys="2")])
    [row] = await revisions(store, whole("1.2", 60), 1)

    assert isinstance(row, CallRow)
    kept = await store.calls.get(call_id(NODE, "1.1"))
    assert kept is not None
    assert kept.call.ended_at == at(30)


async def test_upkeep_packs_by_itself(place: StorePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pbx_bridge.store.upkeep._STEP_S", 0.01)
    monkeypatch.setattr("pbx_bridge.store.upkeep._REST_S", 0.01)
    async with open_store(place, folding=False) as store:
        await store.journal.add(whole("1.1"))
    async with open_store(place, clock=lambda: at(10**6)), asyncio.timeout(10):
        while (await counts(place))["fact_pack"] == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
any_raw = st.builds(
    RawFact,
    node=st.just(NODE),
    file=any_text,
    offset=st.integers(0, 2**62),
    kind=st.sampled_from(FactKind),
    at=st.integers(0, 2**52).map(from_us),
    channel=any_text,
    linkedid=any_text,
    body=any_text,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(any_raw, min_size=1, max_size=8, unique_by=lambda raw: (raw.file, raw.offset)))
def test_whatever_is_packed_comes_out_the_same(facts: list[RawFact]) -> None:
    body = packs._encode(NODE, ("1.1",), facts)
    assert body is not None
    assert packs._facts(packs._decode(body)) == facts
