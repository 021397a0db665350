"""From facts to calls: once each, whatever comes when, and whatever breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from store_facts import CEL, NODE, NOON, at, begun, cel, ended, quick_store, revisions, step, whole
from store_places import query

from pbx_bridge.calls.call import Call, call_id
from pbx_bridge.calls.fact_text import boot_fact
from pbx_bridge.calls.facts import FactKind, RawFact
from pbx_bridge.calls.fold import fold
from pbx_bridge.calls.source import Cursor, Unreadable
from pbx_bridge.health import Health, LinkState
from pbx_bridge.store import RESYNC, CallRow, RunGone, RunState, Store, open_store
from pbx_bridge.store.address import StorePlace


@pytest.fixture
async def path(place: StorePlace) -> StorePlace:
    return place


@pytest.fixture
async def store(path: StorePlace) -> AsyncIterator[Store]:
    async with quick_store(path) as opened:
        yield opened


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something no event tells of here."""
    async with asyncio.timeout(10):
        while not await check():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_a_call_is_there_once_it_ended(store: Store) -> None:
    [row] = await revisions(store, whole("1.1"), 1)

    assert isinstance(row, CallRow)
    assert row == await store.calls.get(call_id(NODE, "1.1"))
    assert row.call.ended_at == at(30)
    assert row.revision == 1


async def test_a_call_in_progress_is_there_and_then_gets_its_end(store: Store) -> None:
    [first] = await revisions(store, begun("1.1"), 1)
    [second] = await revisions(store, ended("1.1"), 1)

    assert isinstance(first, CallRow)
    assert isinstance(second, CallRow)
    assert (first.call.ended_at, first.revision) == (None, 1)
    assert (second.call.ended_at, second.revision) == (at(30), 2)


async def test_repeated_facts_change_nothing(path: StorePlace, store: Store) -> None:
    facts = whole("1.1")
    await revisions(store, facts, 1)
    before = query(path, "SELECT * FROM call"), query(path, "SELECT * FROM outbox")

    await store.journal.add(facts)
    await revisions(store, whole("1.2", 60), 1)

    assert len(query(path, "SELECT * FROM fact")) == 2 * len(facts)
    assert (query(path, "SELECT * FROM call WHERE root = '1.1'"), query(path, "SELECT * FROM outbox")[:1]) == before


async def test_every_revision_has_its_outbox_row(path: StorePlace, store: Store) -> None:
    await revisions(store, begun("1.1"), 1)
    await revisions(store, ended("1.1"), 1)

    told = query(path, "SELECT call_id, revision, gone FROM outbox ORDER BY id")
    assert told == [(call_id(NODE, "1.1"), 1, 0), (call_id(NODE, "1.1"), 2, 0)]


async def test_facts_with_the_steps_first(store: Store) -> None:
    await store.journal.add([step("1.1", 0, 5, keys="1")])
    [row] = await revisions(store, [*begun("1.1"), *ended("1.1")], 1)

    assert isinstance(row, CallRow)
    assert len(row.call.steps) == 1


async def test_two_calls_that_turn_out_to_be_one(path: StorePlace, store: Store) -> None:
    await revisions(store, begun("1.1"), 1)
    await revisions(store, begun("1.2", 5), 1)
    assert len(await store.calls.page()) == 2

    joining = cel("ATTENDEDTRANSFER", "1.2", 20, extra='{"channel2_uniqueid":"1.1"}')
    [_, news] = await revisions(store, [joining], 2)  # the transfer on the one, and that the other is gone

    [row] = await store.calls.page()
    assert row.call.call_id == call_id(NODE, "1.1")
    assert news is RESYNC
    assert query(path, "SELECT call_id, revision, gone FROM outbox ORDER BY id DESC LIMIT 1") == [
        (call_id(NODE, "1.2"), 2, 1)
    ]
    assert query(path, "SELECT DISTINCT call_group FROM fact") == query(path, "SELECT id FROM call_group")


async def test_joined_within_one_batch(path: StorePlace, store: Store) -> None:
    joining = cel("ATTENDEDTRANSFER", "1.2", 20, extra='{"channel2_uniqueid":"1.1"}')
    facts = [*begun("1.1"), *begun("1.2", 5), joining, *ended("1.2"), *ended("1.1", 40)]

    [row] = await revisions(store, facts, 1)

    assert isinstance(row, CallRow)
    assert row.call.ended_at == at(40)
    assert [r.call.call_id for r in await store.calls.page()] == [row.call.call_id]
    assert len(query(path, "SELECT * FROM call_group")) == 1


async def test_keys_are_of_their_node(store: Store) -> None:
    other = [
        RawFact(node="pbx2", file=f.file, offset=f.offset, kind=f.kind, at=f.at, channel=f.channel, body=f.body)
        for f in whole("1.1")
    ]
    await revisions(store, [*whole("1.1"), *other], 2)

    assert {row.call.node for row in await store.calls.page()} == {NODE, "pbx2"}


async def test_a_start_of_asterisk_ends_what_was_open(store: Store) -> None:
    await revisions(store, begun("1.1"), 1)
    await revisions(store, begun("1.2", 100), 1)

    [row] = await revisions(store, [boot_fact(node=NODE, at=at(50))], 1)

    assert isinstance(row, CallRow)
    assert (row.call.root, row.call.end_estimated) == ("1.1", True)
    assert row.call.ended_at == at(1)
    untouched = await store.calls.get(call_id(NODE, "1.2"))
    assert untouched is not None
    assert untouched.call.ended_at is None


async def test_facts_of_a_call_read_after_the_start_that_ended_it(store: Store) -> None:
    await store.journal.add([boot_fact(node=NODE, at=at(50))])
    [row] = await revisions(store, begun("1.1"), 1)

    assert isinstance(row, CallRow)
    assert row.call.outcome is not None


async def test_a_start_of_another_node_ends_nothing(store: Store) -> None:
    await revisions(store, begun("1.1"), 1)
    await store.journal.add([boot_fact(node="pbx2", at=at(50))])
    await revisions(store, begun("1.2", 60), 1)

    row = await store.calls.get(call_id(NODE, "1.1"))
    assert row is not None
    assert row.call.ended_at is None


async def test_a_group_that_cannot_be_folded_does_not_stop_the_others(
    path: StorePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(facts: Any, boots: Any = ()) -> Call | None:
        call = fold(facts, boots)
        if call is not None and call.root == "1.1":
            raise ZeroDivisionError("half a call")
        return call

    health = Health()
    monkeypatch.setattr("pbx_bridge.store.recorder.fold", broken)
    async with quick_store(path, health) as store:
        await revisions(store, [*whole("1.1"), *whole("1.2", 60)], 1)
        assert [row.call.root for row in await store.calls.page()] == ["1.2"]
        link = next(link for link in health.links() if link.name == "store")
        assert link.state is LinkState.DEGRADED
        assert "1" in link.detail
        assert query(path, "SELECT trouble FROM call_group WHERE dirty_since_us IS NOT NULL") == [
            ("ZeroDivisionError: half a call",)
        ]

    monkeypatch.undo()
    async with quick_store(path, health) as store:
        await until(lambda: _has(store, "1.1"))
        await until(lambda: _is_up(health))


async def _has(store: Store, root: str) -> bool:
    return await store.calls.get(call_id(NODE, root)) is not None


async def _is_up(health: Health) -> bool:
    return next(link for link in health.links() if link.name == "store").state is LinkState.UP


async def test_what_was_left_dirty_is_folded_at_the_next_start(path: StorePlace) -> None:
    async with open_store(path, folding=False) as store:
        await store.journal.add(whole("1.1"))
        assert await store.calls.page() == []

    async with quick_store(path) as store:
        await until(lambda: _has(store, "1.1"))
    assert query(path, "SELECT dirty_since_us FROM call_group") == [(None,)]


async def test_marks_of_another_process_are_noticed(path: StorePlace, store: Store) -> None:
    await revisions(store, begun("1.1"), 1)
    async with open_store(path, folding=False) as other:
        await other.journal.add([cel("ATTENDEDTRANSFER", "1.3", 20, extra='{"channel2_uniqueid":"1.1"}')])

    await store.journal.add(begun("1.2", 30))  # the daemon's next write, whatever it is about
    await until(lambda: _has(store, "1.2"))
    await revisions(store, ended("1.1", 50), 1)

    assert len(query(path, "SELECT * FROM call_group")) == 2


async def test_a_fact_nobody_can_read_is_kept_and_shown(path: StorePlace, store: Store) -> None:
    bad = RawFact(node=NODE, file=CEL, offset=10**9, kind=FactKind.CEL, at=NOON, channel="1.1", body="half a li")
    await revisions(store, [bad, *whole("1.1")], 1)

    assert query(path, "SELECT body FROM fact WHERE call_group IS NULL") == [("half a li",)]
    [aside] = await store.journal.unreadable()
    assert (aside.offset, aside.body) == (10**9, "half a li")
    assert "columns" in aside.reason


async def test_a_step_nobody_can_read_leaves_the_call_without_it(store: Store) -> None:
    bad = RawFact(node=NODE, file="step:1.1", offset=0, kind=FactKind.STEP, at=at(3), channel="1.1", body="{}")
    [row] = await revisions(store, [*begun("1.1"), bad, step("1.1", 1, 5, keys="1"), *ended("1.1")], 1)

    assert isinstance(row, CallRow)
    assert [s.data for s in row.call.steps] == [{"keys": "1"}]


async def test_what_is_remembered_is_bounded(path: StorePlace, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pbx_bridge.store.recorder._KEYS", 3)
    for n in range(10):
        await revisions(store, begun(f"1.{n}", n), 1)
    await revisions(store, [fact for n in range(10) for fact in ended(f"1.{n}", 60)], 10)
    assert len(query(path, "SELECT * FROM call_group")) == 10


async def test_half_a_character_from_a_caller(store: Store) -> None:
    [row] = await revisions(
        store, [*begun("1.1", caller="\ud800 12"), step("1.1", 0, 3, keys="\udfff"), *ended("1.1")], 1
    )

    assert isinstance(row, CallRow)
    assert row.call.caller == "? 12"
    assert row == await store.calls.get(row.call.call_id)


async def test_facts_cursors_and_runs_go_together(path: StorePlace, store: Store) -> None:
    cursor = Cursor(node=NODE, source="cel", file=CEL, offset=600)
    run = RunState(node=NODE, channel="1.1", body=b"\x00\xff")
    aside = Unreadable(node=NODE, file=CEL, offset=300, body="x", reason="no CSV")

    await store.journal.add(begun("1.1"), cursors=[cursor], runs=[run], unreadable=[aside])

    assert await store.journal.cursors(NODE) == [cursor]
    assert await store.journal.cursors("pbx2") == []
    assert await store.runs.all(NODE) == [run]
    assert await store.journal.unreadable() == [aside]

    await store.journal.add((), runs=[RunGone(node=NODE, channel="1.1")])
    assert await store.runs.all(NODE) == []


async def test_a_slow_watcher_is_told_to_read_anew(path: StorePlace, store: Store) -> None:
    async with store.calls.watch() as slow, store.calls.watch() as quick:
        for n in range(300):
            await store.journal.add(whole(f"9.{n}", n))
            await quick.get()
        assert slow.qsize() <= 256
        assert slow.get_nowait() is RESYNC
