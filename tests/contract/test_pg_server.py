"""A real PostgreSQL server that goes away, comes back, is full of another's rows, or was never there."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from harness.postgres import Server, name_of, running
from store_facts import NODE, QUICK, SOON, at, begun, cel, ended, quick_store, revisions, whole
from store_health import Watched
from store_places import query

from pbx_bridge.calls.call import call_id
from pbx_bridge.calls.facts import FactKind, RawFact
from pbx_bridge.cli import cli
from pbx_bridge.errors import StoreError
from pbx_bridge.health import LinkState, utc_now
from pbx_bridge.store import CallRow, Store, open_store
from pbx_bridge.store.address import Address
from pbx_bridge.store.postgres.partitions import month_of
from pbx_bridge.store.times import to_us

_offsets = itertools.count()


@pytest.fixture
def target(server: Server) -> Iterator[Address]:
    database = server.new_database()
    yield database
    server.drop(database)


@pytest.fixture
def durable() -> Iterator[Server]:
    """A server that keeps what it has promised, to be killed."""
    with running(durable=True) as started:
        yield started


@asynccontextmanager
async def watched(place: Address) -> AsyncIterator[tuple[Store, Watched]]:
    health = Watched()
    async with quick_store(place, health) as store:
        yield store, health


def fact(moment: datetime, channel: str = "1.1") -> RawFact:
    return RawFact(
        node=NODE, file="f", offset=next(_offsets), kind=FactKind.CEL, at=moment, channel=channel, body="half a li"
    )


def partitions(place: Address, table: str) -> dict[str, int]:
    rows = query(place, f"SELECT CAST(tableoid::regclass AS TEXT), COUNT(*) FROM {table} GROUP BY 1")  # noqa: S608
    return dict(rows)


async def test_facts_wait_while_the_server_is_away(durable: Server) -> None:
    place = durable.new_database()
    async with watched(place) as (store, health):
        await revisions(store, whole("0.0"), 1)
        for round_, how in ((1, signal.SIGQUIT), (2, signal.SIGINT)):  # a crash, and a restart by its owner
            await asyncio.to_thread(durable.stop, how)
            waiting = [asyncio.create_task(store.journal.add(whole(f"{round_}.{n}", n * 60))) for n in range(20)]
            await health.until(LinkState.DOWN)
            with pytest.raises(StoreError, match="cannot be read"):
                await store.calls.page()
            assert not any(task.done() for task in waiting)
            await asyncio.to_thread(durable.start)
            await asyncio.gather(*waiting)
            await health.until(LinkState.UP)
            assert len(await store.calls.page(limit=1)) == 1
        await _until_folded(place, 41)
    assert query(place, "SELECT COUNT(*), COUNT(DISTINCT (node, file, at_offset)) FROM fact") == [(246, 246)]
    assert query(place, "SELECT COUNT(*), COUNT(DISTINCT (call_id, revision)) FROM outbox WHERE gone = 0") == query(
        place, "SELECT SUM(revision), SUM(revision) FROM call"
    )


async def test_the_server_is_killed_while_calls_come(durable: Server) -> None:
    place, count = durable.new_database(), 150
    async with watched(place) as (store, _):
        coming = asyncio.create_task(_calls_come(store, count))
        for _ in range(2):
            await asyncio.sleep(0.2)
            await asyncio.to_thread(durable.crash)
            await asyncio.to_thread(durable.start)
        async with asyncio.timeout(60):
            await coming
        await _until_folded(place, count)
    assert query(place, "SELECT COUNT(*), COUNT(DISTINCT (node, file, at_offset)) FROM fact") == [
        (count * 6, count * 6)
    ]
    assert query(place, "SELECT COUNT(*), COUNT(DISTINCT root) FROM call") == [(count, count)]


async def _calls_come(store: Store, count: int) -> None:
    for number in range(count):
        await store.journal.add(whole(f"1.{number}", number))


async def _until_folded(place: Address, count: int) -> None:
    async with asyncio.timeout(30):
        while query(place, "SELECT COUNT(*) FROM call WHERE ended_at_us IS NOT NULL") != [(count,)]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


class Cutter:
    """Stands between us and the server and cuts the line right after a COMMIT went over, before its answer."""

    def __init__(self, behind: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pbx-cut-"))
        self._behind, self.armed, self.cut = behind, False, 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Cutter]:
        path = str(self.folder / ".s.PGSQL.5432")
        async with await asyncio.start_unix_server(self._serve, path):
            yield self
        os.unlink(path)
        self.folder.rmdir()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_unix_connection(str(self._behind / ".s.PGSQL.5432"))
        back = asyncio.create_task(_pump(inner, writer))
        try:
            while data := await reader.read(65536):
                cut = self.armed and b"COMMIT" in data
                if cut:
                    back.cancel()
                    with suppress(asyncio.CancelledError):
                        await back
                outer.write(data)
                await outer.drain()
                if cut:
                    await inner.read(1)  # the server has done it and says so
                    self.armed, self.cut = False, self.cut + 1
                    break
        finally:
            back.cancel()
            outer.close()
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


async def test_a_commit_whose_answer_is_lost_is_not_done_twice(server: Server, target: Address) -> None:
    database = name_of(target)
    async with Cutter(server.folder).listening() as cutter:
        place = Address.parse(f"postgresql://pbx@/{database}?host={cutter.folder}")
        async with quick_store(place) as store, store.calls.watch() as news:
            cutter.armed = True
            made = await store.users.create("sara", "correct horse", "lead")  # a second try would find her there
            assert (made.name, cutter.cut) == ("sara", 1)
            await store.journal.add(begun("1.1"))
            cutter.armed = True
            await store.journal.add(ended("1.1"))
            async with asyncio.timeout(10):
                while not isinstance(row := await news.get(), CallRow) or row.call.ended_at is None:
                    pass
            assert cutter.cut == 2
    assert query(target, "SELECT COUNT(*) FROM fact") == [(5,)]
    assert query(target, "SELECT COUNT(*) FROM outbox") == query(target, "SELECT SUM(revision) FROM call")


async def test_every_month_has_its_partition_and_a_mad_clock_the_default_one(target: Address) -> None:
    now = utc_now()
    old, mad = now - timedelta(days=400), datetime(1970, 1, 1, 1, tzinfo=UTC)
    moments = [now, old, mad, datetime(2100, 5, 5, tzinfo=UTC)]
    async with quick_store(target) as store:
        await store.journal.add([fact(moment) for moment in moments])
    assert partitions(target, "fact") == {f"fact_{now:%Y_%m}": 1, f"fact_{old:%Y_%m}": 1, "fact_default": 2}
    ahead = query(target, "SELECT COUNT(*) FROM pg_inherits WHERE inhparent = 'call'::regclass")
    assert ahead[0][0] >= 1 + 3  # this month and the next two, and the default one


async def test_rows_of_the_default_partition_move_to_their_own(target: Address) -> None:
    old = utc_now() - timedelta(days=800)
    async with quick_store(target) as store:
        await store.journal.add([fact(utc_now())])
    with psycopg.connect(target.url, autocommit=True) as db:
        db.execute(
            "INSERT INTO fact (node, file, at_offset, kind, at_us, channel, linkedid, body)"
            " VALUES ('n', 'f', 1, 'cel', %s, '', '', '')",
            (to_us(old),),
        )
    assert partitions(target, "fact")["fact_default"] == 1
    async with quick_store(target) as store:
        await store.journal.add([fact(old)])
    assert partitions(target, "fact").get("fact_default") is None
    assert partitions(target, "fact")[f"fact_{old:%Y_%m}"] == 2


async def test_a_backup_that_holds_the_tables_holds_up_nobody(target: Address) -> None:
    old = utc_now() - timedelta(days=300)
    async with quick_store(target) as store:
        await store.journal.add([fact(utc_now())])
        with psycopg.connect(target.url) as backup:
            backup.execute("LOCK TABLE fact, fact_default, call IN ACCESS SHARE MODE")
            async with asyncio.timeout(4):
                await store.journal.add([fact(old)])
    assert partitions(target, "fact")["fact_default"] == 1


async def test_a_call_whose_start_moves_to_another_month_stays_one(target: Address) -> None:
    midnight = (datetime(2026, 12, 1, tzinfo=UTC) - at(0)).total_seconds()
    async with quick_store(target) as store:
        await revisions(store, begun("1.1", midnight + 5), 1)
        earlier = cel("CHAN_START", "1.1", midnight - 5)
        [row] = await revisions(store, [earlier], 1)
        assert isinstance(row, CallRow)
        assert row.revision == 2
        assert await store.calls.get(call_id(NODE, "1.1")) == row
    assert partitions(target, "call") == {"call_2026_11": 1}


def test_months_are_of_utc() -> None:
    low, high = month_of(to_us(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)))
    assert (low, high) == (to_us(datetime(2026, 12, 1, tzinfo=UTC)), to_us(datetime(2027, 1, 1, tzinfo=UTC)))
    assert month_of(-1)[1] == 0


async def test_two_writers_with_the_same_facts(target: Address) -> None:
    facts = [whole(f"1.{n}", n) for n in range(60)]
    async with quick_store(target) as one, quick_store(target) as other:
        await asyncio.gather(*(store.journal.add(batch) for batch in facts for store in (one, other)))
        await _until_folded(target, 60)
    assert query(target, "SELECT COUNT(*) FROM fact") == [(360,)]
    assert query(target, "SELECT COUNT(*), COUNT(DISTINCT root) FROM call") == [(60, 60)]
    assert query(target, "SELECT COUNT(*) FROM call_group") == [(60,)]


async def test_texts_postgresql_cannot_keep(target: Address) -> None:
    async with quick_store(target) as store:
        await store.journal.add([fact(at(0), channel="a\0b"), fact(at(1), channel="\ud800")])
        [row] = await revisions(store, whole("1.\0", 1, caller="09\ud8001"), 1)
        assert isinstance(row, CallRow)
        assert await store.calls.get(row.call.call_id) is not None
    assert query(target, "SELECT channel FROM fact WHERE file = 'f' ORDER BY at_offset") == [("a\ufffdb",), ("?",)]


async def test_a_write_the_server_refuses_fails_alone(target: Address) -> None:
    async with quick_store(target) as store:
        done = await asyncio.gather(
            store.journal.add(begun("1.1")),
            store.writer.submit(lambda tx: tx.db.execute("INSERT INTO outbox (call_id) VALUES ('half')")),
            store.writer.submit(lambda tx: tx.db.execute("DELETE FROM no_such_place")),
            store.journal.add(begun("1.2")),
            return_exceptions=True,
        )
    assert (done[0], done[3]) == (None, None)
    assert "null value" in str(done[1])
    assert "half" not in str(done[1])
    assert "no_such_place" in str(done[2])
    assert query(target, "SELECT COUNT(*) FROM fact") == [(4,)]


async def test_a_lock_and_a_read_only_server_are_waited_for(target: Address) -> None:
    async with watched(target) as (store, health):
        await store.writer._database.run(lambda db: db.execute("SET default_transaction_read_only = on"))
        write = asyncio.create_task(store.journal.add(begun("1.1")))
        assert "read-only" in (await health.until(LinkState.DOWN)).detail
        await store.writer._database.run(lambda db: db.execute("SET default_transaction_read_only = off"))
        await write
        await health.until(LinkState.UP)
        await store.writer._database.run(lambda db: db.execute("SET lock_timeout = '50ms'"))
        with psycopg.connect(target.url) as other:
            other.execute("SELECT * FROM store_turn FOR UPDATE")
            write = asyncio.create_task(store.journal.add(begun("1.2")))
            assert "lock timeout" in (await health.until(LinkState.DOWN)).detail
        await write
    assert query(target, "SELECT COUNT(*) FROM fact") == [(4,)]


async def test_the_password_stands_in_a_file_and_nowhere_else(
    server: Server, target: Address, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    database = name_of(target)
    server.sql("CREATE ROLE locked LOGIN SUPERUSER PASSWORD 'geheim'")
    secret = tmp_path / "postgres"
    place = server.address(database, user="locked", password_file=secret)
    for told, wrong in ((None, "no password"), ("falsch", "password authentication failed"), ("geheim\n", "")):
        if told is not None:
            secret.write_text(told)
        if wrong:
            with pytest.raises(StoreError, match=wrong) as caught:
                await _open(place)
            assert "falsch" not in str(caught.value)
        else:
            await _open(place)
    assert "geheim" not in "".join(capfd.readouterr())


async def _open(place: Address) -> None:
    async with open_store(place, pace=SOON, limits=QUICK) as store:
        await store.journal.add(whole("1.1"))


async def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the store cannot be opened"):
        await _open(Address.parse(f"postgresql://pbx@/x?host={tmp_path}"))


async def test_sqlite_alone_does_not_load_the_driver() -> None:
    code = "import sys, pbx_bridge.store.open, pbx_bridge.app; sys.exit('psycopg' in sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await process.wait() == 0


def test_the_commands_go_where_the_setting_says(
    target: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PBX_BRIDGE_HOME", str(tmp_path))
    monkeypatch.setenv("PBX_BRIDGE_STORE__URL", target.url)
    added = CliRunner().invoke(cli, ["users", "add", "sara"], input="correct horse\ncorrect horse\n")
    assert added.exit_code == 0, added.output
    assert CliRunner().invoke(cli, ["users", "list"]).output == "sara\tlead\n"
    assert query(target, "SELECT name FROM user_account") == [("sara",)]
    assert not (tmp_path / "store.db").exists()

    monkeypatch.setenv("PBX_BRIDGE_STORE__URL", "postgresql://sara:geheim@127.0.0.1/pbx")
    refused = CliRunner().invoke(cli, ["users", "list"])
    assert refused.exit_code == 1
    assert "secrets/postgres" in refused.output
    assert "geheim" not in refused.output
