"""`db copy`: a store moves from SQLite to PostgreSQL while calls go on, equal to the last byte."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from crm_folder import import_files
from harness.postgres import Server, name_of
from store_facts import NODE, NOON, begun, ended, quick_store, revisions, whole
from store_places import query

from pbx_bridge.calls.facts import FactKind, RawFact
from pbx_bridge.calls.source import Cursor
from pbx_bridge.cli import cli
from pbx_bridge.errors import StoreError
from pbx_bridge.store import RunState, Store
from pbx_bridge.store.address import Address, StorePlace
from pbx_bridge.store.copy import CopyReport, copy_store

CRM = {
    "customers": "1001,Aria,fa,gold",
    "contacts": "1001,Sara,09121234567",
    "tickets": "2047155,1001,No dial tone,new,2026-11-20,2026-11-21,2026-11-25",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.db"


@pytest.fixture
def target(server: Server) -> Iterator[Address]:
    database = server.new_database()
    yield database
    server.drop(database)


async def fill(store: Store, folder: Path, count: int = 40) -> None:
    await import_files(store, folder, CRM)
    await store.users.create("sara", "correct horse", "lead")
    run = RunState(node=NODE, channel="9.9", body=b"\0\xff")
    cursor = Cursor(node=NODE, source="cel", file="cel:1-1", offset=2**40)
    await store.journal.add(begun("9.9"), runs=[run], cursors=[cursor])
    await revisions(store, [fact for n in range(count) for fact in whole(f"1.{n}", n * 86_400)], count)


def rows_of(report: CopyReport) -> dict[str, int]:
    return {one.table: one.rows for one in report.tables}


def calls(place: StorePlace) -> list[object]:
    return query(place, "SELECT call_id, revision, content_hash, started_at_us, body FROM call ORDER BY call_id")


async def test_everything_is_there_and_equal(path: Path, target: Address, tmp_path: Path) -> None:
    async with quick_store(path) as store:
        await fill(store, tmp_path)
    report = await copy_store(path, target)

    found = rows_of(report)
    assert (found["fact"], found["call"], found["customer"], found["user_account"]) == (242, 41, 1, 1)
    assert (
        len(found) == len(query(path, "SELECT 1 FROM sqlite_schema WHERE type = 'table'")) - 2
    )  # migration, sequence
    for table in found:
        assert query(target, f"SELECT COUNT(*) FROM {table}") == [(found[table],)]  # noqa: S608
    assert calls(path) == calls(target)
    assert not report.moved_on

    async with quick_store(target) as store:
        assert await store.users.verify("sara", "correct horse") is not None
        assert await store.runs.all(NODE) == [RunState(node=NODE, channel="9.9", body=b"\0\xff")]
        await revisions(store, ended("9.9"), 1)  # the call that was open goes on there
        [row] = await revisions(store, whole("2.1", 5), 1)
        assert row is not None
    assert query(target, "SELECT COUNT(*) FROM call") == [(42,)]


async def test_again_writes_only_what_changed(path: Path, target: Address, tmp_path: Path) -> None:
    async with quick_store(path) as store:
        await fill(store, tmp_path)
    first = await copy_store(path, target)
    again = await copy_store(path, target)
    async with quick_store(path) as store:
        await revisions(store, ended("9.9"), 1)
    third = await copy_store(path, target)

    assert sum(one.written for one in first.tables) == sum(one.rows for one in first.tables)
    assert sum(one.written for one in again.tables) == 0
    assert [one.digest for one in again.tables] == [one.digest for one in first.tables]
    assert 0 < sum(one.written for one in third.tables) < 20
    assert calls(path) == calls(target)


async def test_what_differs_is_put_right(path: Path, target: Address, server: Server, tmp_path: Path) -> None:
    async with quick_store(path) as store:
        await fill(store, tmp_path)
    await copy_store(path, target)
    database = name_of(target)
    server.sql("DELETE FROM fact WHERE kind = 'step'", database)
    server.sql("UPDATE call SET body = 'other', started_at_us = started_at_us + 40 * 86400000000", database)
    server.sql("INSERT INTO customer (code, name, tier) VALUES ('9', 'nobody', '')", database)

    report = await copy_store(path, target)

    assert sum(one.written for one in report.tables) == 40 + 41 + 1
    assert calls(path) == calls(target)


async def test_while_calls_go_on(path: Path, target: Address, tmp_path: Path) -> None:
    async with quick_store(path) as store:
        await fill(store, tmp_path, 20)
        coming = asyncio.create_task(_calls_come(store))
        during = await copy_store(path, target)
        during = await copy_store(path, target)
        coming.cancel()
        with suppress(asyncio.CancelledError):
            await coming
    last = await copy_store(path, target)

    assert rows_of(during)["call"] >= 20
    assert not last.moved_on
    assert calls(path) == calls(target)
    assert rows_of(last)["fact"] == query(path, "SELECT COUNT(*) FROM fact")[0][0]


async def _calls_come(store: Store) -> None:
    for number in range(10_000):
        await store.journal.add(whole(f"5.{number}", number))


async def test_the_server_goes_away_in_the_middle_and_the_next_run_goes_on(
    path: Path, target: Address, server: Server, tmp_path: Path
) -> None:
    async with quick_store(path) as store:
        await fill(store, tmp_path)
    told: list[int] = []

    def cut_off(done: int, total: int, table: str) -> None:
        told.append(done)
        if table == "call" and len(told) < 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await copy_store(path, target, cut_off)
    report = await copy_store(path, target)
    assert 0 < sum(one.written for one in report.tables) < sum(one.rows for one in report.tables)
    assert calls(path) == calls(target)


async def test_a_database_in_use_is_left_alone(path: Path, target: Address, tmp_path: Path) -> None:
    async with quick_store(path) as store:
        await fill(store, tmp_path)
    await copy_store(path, target)
    async with quick_store(target) as store:
        await store.journal.add(whole("7.7"))
    with pytest.raises(StoreError, match="is in use"):
        await copy_store(path, target)
    assert query(target, "SELECT COUNT(*) FROM fact WHERE channel = '7.7'") == [(6,)]


async def test_texts_postgresql_cannot_keep(path: Path, target: Address) -> None:
    odd = RawFact(node=NODE, file="x", offset=1, kind=FactKind.CEL, at=NOON, channel="1.1", body="a\0b")
    async with quick_store(path) as store:
        await store.journal.add([odd])
    await copy_store(path, target)
    assert query(target, "SELECT body FROM fact") == [("a\ufffdb",)]
    assert sum(one.written for one in (await copy_store(path, target)).tables) == 0


async def test_more_rows_than_one_range(path: Path, target: Address) -> None:
    facts = [
        RawFact(node=NODE, file=f"f{n % 7}", offset=n, kind=FactKind.BOOT, at=NOON, channel="", body="")
        for n in range(3500)
    ]
    async with quick_store(path) as store:
        await store.journal.add(facts)
    report = await copy_store(path, target)
    assert rows_of(report)["fact"] == 3500
    assert query(target, "SELECT COUNT(*), SUM(at_offset) FROM fact") == [(3500, sum(range(3500)))]


async def test_no_store_and_no_server(path: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store to copy"):
        await copy_store(path, Address.parse("postgresql:///x"))
    async with quick_store(path):
        pass
    with pytest.raises(StoreError, match="cannot be opened"):
        await copy_store(path, Address.parse(f"postgresql://pbx@/x?host={tmp_path}"))


def test_the_command(path: Path, target: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def filled() -> None:
        async with quick_store(tmp_path / "store.db") as store:
            await fill(store, tmp_path)

    asyncio.run(filled())
    monkeypatch.setenv("PBX_BRIDGE_HOME", str(tmp_path))
    done = CliRunner().invoke(cli, ["db", "copy", "--to", target.url])
    assert done.exit_code == 0, done.output
    assert "tables are equal" in done.output
    assert "call  " in done.output

    refused = CliRunner().invoke(cli, ["db", "copy", "--to", "postgresql://pbx:geheim@127.0.0.1/pbx"])
    assert refused.exit_code == 1
    assert "secrets/postgres" in refused.output
    assert "geheim" not in refused.output
