"""Rebuild: the same calls from the same facts, only what differs is written, no one is held up. On both engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from store_facts import NODE, NOON, at, quick_store, revisions, whole

from pbx_bridge.calls.call import call_id
from pbx_bridge.errors import InputError
from pbx_bridge.store import CallRow, Store, upkeep_commands
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.commands import Place
from pbx_bridge.store.database import Db, connect
from pbx_bridge.store.packer import Packer
from pbx_bridge.store.rebuild import Rebuilt

COUNT = 7


@pytest.fixture
async def store(place: StorePlace) -> AsyncIterator[Store]:
    """A store with some calls, the first of them packed."""
    async with quick_store(place) as opened:
        await revisions(opened, whole("1.0"), 1)
        await Packer(opened.writer, opened.packer._reader, clock=lambda: at(10**6)).finish()
        await revisions(opened, [f for n in range(1, COUNT) for f in whole(f"1.{n}", 3600.0 * n)], COUNT - 1)
        yield opened


async def rebuilt(store: Store, **how: Any) -> Rebuilt:
    outcome = Rebuilt()
    await store.rebuilder.run(outcome, workers=1, **how)
    return outcome


async def everything(place: StorePlace) -> list[Any]:
    async with connect(place, reading=True) as database:
        tables = ("call", "outbox", "fact", "fact_pack", "call_group")
        return [sorted(await database.rows(f"SELECT * FROM {table}"), key=repr) for table in tables]  # noqa: S608


async def spoil(store: Store, *roots: str) -> None:
    """These calls as an older version folded them."""

    def write(db: Db) -> None:
        for root in roots:
            values = {"call_id": call_id(NODE, root)}
            db.execute("UPDATE call SET outcome = 'missed', content_hash = 'old' WHERE call_id = :call_id", values)

    await store.writer.submit(lambda transaction: write(transaction.db))


async def test_what_comes_out_the_same_is_not_written(place: StorePlace, store: Store) -> None:
    before = await everything(place)

    outcome = await rebuilt(store)

    assert (outcome.total, outcome.done, outcome.changed, outcome.broken, outcome.bare) == (COUNT, COUNT, 0, 0, 0)
    assert await everything(place) == before


async def test_what_differs_gets_its_next_revision_under_the_same_id_once(place: StorePlace, store: Store) -> None:
    good = {row.call.root: row.call for row in await store.calls.page()}
    await spoil(store, "1.0", "1.3")

    assert (await rebuilt(store)).changed == 2
    after = await everything(place)
    assert (await rebuilt(store)).changed == 0

    assert await everything(place) == after
    rows = {row.call.root: row for row in await store.calls.page()}
    assert {root: row.call for root, row in rows.items()} == good
    assert {root for root, row in rows.items() if row.revision == 2} == {"1.0", "1.3"}
    assert [row.call_id for row in await store.outbox.after(COUNT)] == [
        call_id(NODE, "1.0"),
        call_id(NODE, "1.3"),
    ]


async def test_only_calls_since_then(store: Store) -> None:
    await spoil(store, "1.1", "1.5")

    outcome = await rebuilt(store, since=NOON + timedelta(hours=5))

    assert (outcome.total, outcome.done, outcome.changed) == (COUNT - 5, COUNT - 5, 1)
    row = await store.calls.get(call_id(NODE, "1.5"))
    assert row is not None
    assert row.revision == 2


async def test_a_call_whose_facts_are_gone_stays(place: StorePlace, store: Store) -> None:
    def lose(db: Db) -> None:
        db.execute("DELETE FROM fact WHERE channel = '1.2'")

    await store.writer.submit(lambda transaction: lose(transaction.db))
    before = await everything(place)

    outcome = await rebuilt(store)

    assert (outcome.bare, outcome.changed) == (1, 0)
    assert await everything(place) == before


async def test_a_call_that_cannot_be_folded_is_left_and_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await spoil(store, "1.2", "1.4")
    from pbx_bridge.store import recorder

    tell = recorder.tell

    def broken(db: Any, facts: Any, *house: Any) -> recorder.Told:
        if facts[0].uniqueid == "1.2":
            raise ZeroDivisionError("half a call")
        return tell(db, facts, *house)

    monkeypatch.setattr(recorder, "tell", broken)
    outcome = await rebuilt(store)

    assert (outcome.broken, outcome.changed) == (1, 1)
    row = await store.calls.get(call_id(NODE, "1.2"))
    assert row is not None
    assert row.revision == 1


async def test_cut_off_and_run_again(place: StorePlace, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pbx_bridge.store.rebuild._CHUNK", 2)
    monkeypatch.setattr("pbx_bridge.store.rebuild._AT_ONCE", 1)
    await spoil(store, *(f"1.{n}" for n in range(COUNT)))
    outcome, some = Rebuilt(), asyncio.Event()
    task = asyncio.create_task(
        store.rebuilder.run(outcome, workers=1, progress=lambda done, total: some.set()), name="rebuild"
    )
    async with asyncio.timeout(20):
        await some.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert task.cancelled()
    assert 0 < outcome.changed < COUNT
    assert 0 < outcome.done < COUNT
    again = await rebuilt(store)
    assert again.changed == COUNT - outcome.changed
    assert {row.revision for row in await store.calls.page()} == {2}


async def test_calls_come_in_and_close_meanwhile(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pbx_bridge.store.rebuild._CHUNK", 2)
    await spoil(store, *(f"1.{n}" for n in range(COUNT)))
    rebuilding = asyncio.create_task(rebuilt(store), name="rebuild")

    await store.journal.add(whole("2.1", 90_000))

    async with asyncio.timeout(20):
        outcome = await rebuilding
        while await store.calls.get(call_id(NODE, "2.1")) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert outcome.changed >= COUNT
    rows = {row.call.root: row.revision for row in await store.calls.page()}
    assert rows == {"2.1": 1} | {f"1.{n}": 2 for n in range(COUNT)}


async def test_the_command_tells_what_it_did(place: StorePlace, store: Store) -> None:
    await spoil(store, "1.1")
    where = Place(path=place, region="IR", zone=ZoneInfo("UTC"))
    said: list[str] = []
    seen: list[tuple[int, int]] = []

    def progress(done: int, total: int, _: str) -> None:
        seen.append((done, total))

    assert await upkeep_commands.rebuild_calls(where, said.append, progress, since=None)
    assert said[0].startswith(f"{COUNT} of {COUNT} calls folded anew: 1 revisions, in ")
    assert seen[-1] == (COUNT, COUNT)

    with pytest.raises(InputError, match="--since"):
        await upkeep_commands.rebuild_calls(where, said.append, progress, since="once")

    await upkeep_commands.pack_facts(where, said.append, progress)
    assert said[-1].startswith("packed the facts of ")
    row = await store.calls.get(call_id(NODE, "1.1"))
    assert isinstance(row, CallRow)
