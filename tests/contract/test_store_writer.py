"""The one writer: acknowledged means on disk, nothing is dropped, whatever stands in the way."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from store_facts import QUICK, begun, quick_store, whole
from store_health import Watched

from pbx_bridge.errors import StoreError
from pbx_bridge.health import LinkState
from pbx_bridge.store import Store
from pbx_bridge.store.database import connect
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.writer import Limits, Writer


@asynccontextmanager
async def watched(path: Path, limits: Limits = QUICK) -> AsyncIterator[tuple[Store, Watched]]:
    health = Watched()
    async with quick_store(path, health, limits=limits) as store:
        yield store, health


def count(path: Path, table: str = "fact") -> int:
    db = sqlite3.connect(path)
    try:
        found: int = db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]  # noqa: S608
    finally:
        db.close()
    return found


def pragma(text: str) -> Any:
    def run(transaction: Transaction) -> None:
        transaction.db.execute(f"PRAGMA {text}")

    return run


async def test_acknowledged_is_on_disk(tmp_path: Path) -> None:
    async with watched(tmp_path / "s.db") as (store, health):
        facts = whole("1.1")
        await store.journal.add(facts)
        assert count(tmp_path / "s.db") == len(facts)
        assert health.store().state is LinkState.UP


async def test_writes_that_wait_together_are_committed_together(tmp_path: Path) -> None:
    async with watched(tmp_path / "s.db", Limits(window_s=0.05)) as (store, _):
        seen = await asyncio.gather(*(store.writer.submit(id) for _ in range(50)))
        assert len(set(seen)) == 1


async def test_enough_waiting_writes_do_not_wait_longer(tmp_path: Path) -> None:
    async with asyncio.timeout(30), watched(tmp_path / "s.db", Limits(window_s=3600, batch=10)) as (store, _):
        await asyncio.gather(*(store.journal.add(begun(f"1.{n}")) for n in range(10)))


async def test_a_write_that_nobody_waits_for_waits_for_one_that_somebody_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pbx_bridge.store.writer._UNHURRIED", 1_000_000)
    async with asyncio.timeout(30), connect(tmp_path / "s.db") as database:
        writer = Writer(database, settle=lambda _: None, committed=lambda _: None, limits=QUICK)
        writer.start()
        alone = writer.put(id)
        done, _ = await asyncio.wait({alone}, timeout=20 * QUICK.window_s)
        assert not done
        assert await writer.submit(id) == await alone  # in one transaction
        await writer.put(id, hurried=True)
        last = writer.put(id)
        await writer.close()
        assert last.done()


async def test_a_bad_write_fails_alone(tmp_path: Path) -> None:
    def bad(transaction: Transaction) -> None:
        transaction.db.execute("INSERT INTO outbox (call_id) VALUES ('half')")

    async with watched(tmp_path / "s.db", Limits(window_s=0.05)) as (store, health):
        done = await asyncio.gather(
            store.journal.add(begun("1.1")),
            store.writer.submit(bad),
            store.journal.add(begun("1.2")),
            return_exceptions=True,
        )
        assert done[0] is None
        assert done[2] is None
        assert isinstance(done[1], StoreError)
        assert isinstance(done[1].__cause__, sqlite3.IntegrityError)
        assert count(tmp_path / "s.db") == 4
        assert health.store().state is LinkState.UP


async def test_a_statement_of_our_own_that_is_wrong_is_not_tried_for_ever(tmp_path: Path) -> None:
    async with watched(tmp_path / "s.db") as (store, _):
        with pytest.raises(StoreError, match="no such table"):
            await store.writer.submit(lambda transaction: transaction.db.execute("DELETE FROM no_such_place"))


async def test_a_store_locked_by_another_process(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with watched(path) as (store, health):
        await store.writer.submit(pragma("busy_timeout = 100"))
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(store.journal.add(begun("1.1")))
        link = await health.until(LinkState.DOWN)
        assert "locked" in link.detail
        _, pending = await asyncio.wait([waiting], timeout=2.0)
        assert pending
        other.execute("ROLLBACK")
        other.close()
        await waiting
        await health.until(LinkState.UP)
    assert count(path) == 2


async def test_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with watched(path) as (store, health):
        await store.writer.submit(pragma("max_page_count = 60"))
        writes = [asyncio.create_task(store.journal.add(whole(f"1.{n}", n))) for n in range(300)]
        link = await health.until(LinkState.DOWN)
        assert "full" in link.detail
        assert any(not write.done() for write in writes)
        await _make_room(store)
        await asyncio.gather(*writes)
        await health.until(LinkState.UP)
    assert count(path) == 300 * 6


async def _make_room(store: Store) -> None:
    # Straight to the connection: the writer's queue stands behind the write that finds no room.
    await store.writer._database.run(lambda db: db.execute("PRAGMA max_page_count = 100000").fetchall())


async def test_a_read_only_store(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with watched(path) as (store, health):
        await store.writer._database.run(lambda db: db.execute("PRAGMA query_only = ON"))
        write = asyncio.create_task(store.journal.add(begun("1.1")))
        assert "readonly" in (await health.until(LinkState.DOWN)).detail
        await store.writer._database.run(lambda db: db.execute("PRAGMA query_only = OFF"))
        await write
        await health.until(LinkState.UP)
    assert count(path) == 2


async def test_a_full_queue_makes_callers_wait(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with watched(path, Limits(window_s=0.002, batch=4, queue=8)) as (store, health):
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        writes = [asyncio.create_task(store.journal.add(begun(f"1.{n}"))) for n in range(20)]
        link = await health.until(LinkState.DEGRADED)
        assert "wait to be written" in link.detail
        assert 8 <= store.writer.waiting <= 10
        other.execute("ROLLBACK")
        other.close()
        await asyncio.gather(*writes)
        await health.until(LinkState.UP)
    assert count(path) == 40


async def test_a_caller_that_gives_up_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with watched(path) as (store, _):
        write = asyncio.create_task(store.journal.add(begun("1.1")))
        await asyncio.sleep(0)
        write.cancel()
        await store.journal.add(begun("1.2"))
    assert count(path) == 4


async def test_closing_writes_what_waits(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with watched(path, Limits(window_s=3600)) as (store, _):
        write = asyncio.create_task(store.journal.add(begun("1.1")))
        await asyncio.sleep(0)
    await write
    assert count(path) == 2


async def test_closing_a_store_that_refuses_ends(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with watched(path, Limits(window_s=0.002, goodbye_s=0.1)) as (store, health):
        await store.writer._database.run(lambda db: db.execute("PRAGMA query_only = ON"))
        writes = [asyncio.create_task(store.journal.add(begun(f"1.{n}"))) for n in range(3)]
        await health.until(LinkState.DOWN)
    for write in writes:
        with pytest.raises(StoreError, match="readonly"):
            await write


async def test_a_command_does_not_wait_for_ever(tmp_path: Path) -> None:
    async with watched(tmp_path / "s.db", Limits(window_s=0.0, patience_s=0.1)) as (store, _):
        await store.writer._database.run(lambda db: db.execute("PRAGMA query_only = ON"))
        with pytest.raises(StoreError, match="readonly"):
            await store.journal.add(begun("1.1"))


async def test_what_was_given_up_stops_nothing_that_comes_later(tmp_path: Path) -> None:
    limits = Limits(window_s=0.0, patience_s=0.1, batch=1)
    async with asyncio.timeout(30), watched(tmp_path / "s.db", limits) as (store, _):
        await store.writer._database.run(lambda db: db.execute("PRAGMA query_only = ON"))
        writes = [asyncio.create_task(store.journal.add(begun(f"1.{n}"))) for n in range(3)]
        for write in writes:
            with pytest.raises(StoreError, match="readonly"):
                await write
        await store.writer._database.run(lambda db: db.execute("PRAGMA query_only = OFF"))
        await store.journal.add(begun("1.4"))
    assert count(tmp_path / "s.db") == 2


async def test_a_writer_that_fails_says_so(tmp_path: Path) -> None:
    """Our own mistake between two commits: nobody may go on as if writes were kept."""

    def fail(_: Transaction) -> None:
        raise ZeroDivisionError("ours")

    health = Watched()
    async with connect(tmp_path / "s.db") as database:
        await database.migrate()
        writer = Writer(database, settle=lambda _: None, committed=fail, health=health, limits=QUICK)
        writer.start()
        writes = [asyncio.create_task(writer.submit(lambda _: None)) for _ in range(3)]
        assert "ours" in (await health.until(LinkState.DOWN)).detail
        with pytest.raises(StoreError, match="closed"):
            await writer.submit(lambda _: None)
        with pytest.raises(ZeroDivisionError):
            await writer.close()
        for write in writes:
            with pytest.raises(StoreError, match="ours"):
                await write


async def test_nothing_is_taken_after_closing(tmp_path: Path) -> None:
    async with watched(tmp_path / "s.db") as (store, _):
        pass
    with pytest.raises(StoreError, match="closed"):
        await store.journal.add(begun("1.1"))
