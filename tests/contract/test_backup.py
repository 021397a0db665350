"""A backup is whole and of one moment, made while calls are written; what is put back is what was saved."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from harness.postgres import Server
from store_facts import quick_store, whole

from pbx_bridge import backup
from pbx_bridge.backup import Home
from pbx_bridge.errors import BridgeError, InputError, StoreNewer
from pbx_bridge.process import only_one
from pbx_bridge.store.address import Address, StorePlace
from pbx_bridge.store.database import connect
from pbx_bridge.store.migrate import migrate, shipped

NOW = datetime(2026, 11, 22, 3, 15, tzinfo=UTC)
NAME = "pbx-bridge-20261122-031500"
TABLES = ("fact", "call", "call_group", "call_key", "outbox", "tally", "call_facet", "migration")


def silent(done: int, size: int) -> None:
    """Nobody looks."""


def home_at(folder: Path, store: StorePlace | None = None) -> Home:
    return Home(
        path=folder,
        store=folder / "store.db" if store is None else store,
        sounds={"recordings-kept": folder / "recordings-kept"},
        version="1.2.3",
    )


async def rows_of(place: StorePlace) -> Mapping[str, list[Any]]:
    async with connect(place, reading=True) as reader:
        return {table: sorted(await reader.rows(f"SELECT * FROM {table}")) for table in TABLES}  # noqa: S608


async def fill(home: Home, *calls: str) -> None:
    async with quick_store(home.store) as store:
        for call in calls:
            await store.journal.add(whole(call))
    (home.path / "secrets").mkdir(parents=True, exist_ok=True)
    (home.path / "secrets" / "ami").write_text("a secret\n")
    (home.path / "secrets" / "ami").chmod(0o600)
    (home.path / "pbx_bridge.toml").write_text('region = "IR"\n')
    (home.path / "recordings-kept" / "2026").mkdir(parents=True, exist_ok=True)
    (home.path / "recordings-kept" / "2026" / "a.wav").write_bytes(b"RIFF")


@pytest.fixture
def home(place: StorePlace, tmp_path: Path) -> Home:
    return home_at(tmp_path / "home", place if isinstance(place, Address) else None)


@pytest.fixture
async def saved(tmp_path: Path) -> tuple[Home, Path]:
    """A SQLite system and its backup."""
    home = home_at(tmp_path / "home")
    await fill(home, "1.1", "2.1")
    return home, backup.back_up(home, tmp_path / "kept", NOW, silent, sounds=False)


async def test_what_is_put_back_is_what_was_saved(home: Home, place: StorePlace, tmp_path: Path) -> None:
    await fill(home, "1.1", "2.1")
    before = await rows_of(home.store)
    made = backup.back_up(home, tmp_path / "kept", NOW, silent, sounds=True)
    await fill(home, "3.1")
    (home.path / "secrets" / "ami").write_text("another\n")
    (home.path / "secrets" / "new").write_text("since then\n")

    _, before_it = backup.restore(home, made, NOW, silent, replace=True)

    assert made.name == NAME
    assert await rows_of(home.store) == before
    assert (home.path / "secrets" / "ami").read_text() == "a secret\n"
    assert not (home.path / "secrets" / "new").exists()
    assert (Path(before_it[0]) / "secrets" / "new").read_text() == "since then\n"
    assert (home.path / "recordings-kept" / "2026" / "a.wav").read_bytes() == b"RIFF"
    # Once more: a backup of a server leaves out what an earlier restore put aside.
    again = backup.back_up(home, tmp_path / "again", NOW, silent, sounds=True)
    backup.restore(home, again, NOW + timedelta(seconds=1), silent, replace=True)
    assert await rows_of(home.store) == before


async def test_a_system_that_is_gone_comes_back(saved: tuple[Home, Path]) -> None:
    home, made = saved
    before = await rows_of(home.store)
    shutil.rmtree(home.path)

    backup.restore(home, made, NOW, silent, replace=False)

    assert await rows_of(home.store) == before
    assert (home.path / "secrets" / "ami").stat().st_mode & 0o777 == 0o600
    assert not (home.path / "recordings-kept").exists()  # --sounds was not said


async def test_it_is_of_one_moment_while_calls_are_written(tmp_path: Path) -> None:
    home = home_at(tmp_path / "home")
    await fill(home)
    begun = asyncio.Event()

    async def calls_come() -> None:
        async with quick_store(home.store) as store:
            for number in range(10_000):
                await store.journal.add(whole(f"{number}.1"))
                begun.set()

    coming = asyncio.create_task(calls_come())
    await begun.wait()
    for _ in range(5):
        at = datetime.now(UTC).replace(microsecond=0, tzinfo=UTC)
        made = await asyncio.to_thread(backup.back_up, home, tmp_path / f"kept{_}", at, silent, sounds=False)
        with closing(sqlite3.connect(made / "store.db")) as db:
            # A call's facts are written together, and its group with them.
            torn = "SELECT COUNT(*) FROM fact WHERE call_group NOT IN (SELECT id FROM call_group)"
            assert db.execute(torn).fetchone() == (0,)
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert db.execute("SELECT COUNT(*) FROM call_group").fetchone()[0] > 0
    assert not coming.done()
    coming.cancel()
    await asyncio.gather(coming, return_exceptions=True)


async def test_what_is_there_is_not_replaced_unasked(saved: tuple[Home, Path]) -> None:
    home, made = saved
    with pytest.raises(InputError, match="--replace"):
        backup.restore(home, made, NOW, silent, replace=False)


@pytest.mark.parametrize("lock", ["run.lock", "daemon.lock"])
async def test_a_running_system_is_left_alone(saved: tuple[Home, Path], lock: str) -> None:
    home, made = saved
    before = await rows_of(home.store)
    with only_one(home.path / "run" / lock), pytest.raises(BridgeError, match="stop it first"):
        backup.restore(home, made, NOW, silent, replace=True)
    assert await rows_of(home.store) == before


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _manifest(path: Path, change: Any) -> None:
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda made: _flip(made / "store.db"), "store.db is not what was saved"),
        (lambda made: _flip(made / "secrets" / "ami"), "ami is not what was saved"),
        (lambda made: (made / "secrets" / "ami").unlink(), "No such file"),
        (lambda made: (made / "manifest.json").unlink(), "is no backup"),
        (lambda made: (made / "manifest.json").write_text("{"), "manifest.json"),
        (lambda made: _manifest(made / "manifest.json", lambda told: told.update(format=9)), "format 9"),
        (
            lambda made: _manifest(made / "manifest.json", lambda told: told["files"].pop("store.db")),
            "names no store",
        ),
        (
            lambda made: _manifest(
                made / "manifest.json", lambda told: told["files"].update({"../../x": told["files"]["store.db"]})
            ),
            "does not belong",
        ),
        (
            lambda made: _manifest(
                made / "manifest.json", lambda told: told["files"].update({"asterisk/x": told["files"]["store.db"]})
            ),
            "does not belong",
        ),
        (lambda made: _manifest(made / "manifest.json", lambda told: told.update(store="store.pgdump")), "engine"),
    ],
)
async def test_a_damaged_backup_touches_nothing(saved: tuple[Home, Path], damage: Any, told: str) -> None:
    home, made = saved
    before = await rows_of(home.store)
    damage(made)
    with pytest.raises(InputError, match=told):
        backup.restore(home, made, NOW, silent, replace=True)
    assert await rows_of(home.store) == before
    assert not list(home.path.glob("before-restore-*"))


async def test_a_newer_backup_is_refused(saved: tuple[Home, Path]) -> None:
    home, made = saved
    _manifest(made / "manifest.json", lambda told: told.update(schema=told["schema"] + 1))
    with pytest.raises(StoreNewer, match="use the newer one"):
        backup.restore(home, made, NOW, silent, replace=True)


async def test_nothing_is_left_of_a_backup_that_fails(tmp_path: Path) -> None:
    home = home_at(tmp_path / "home")
    await fill(home, "1.1")
    (home.path / "store.db").write_bytes(b"no store" * 1000)
    with pytest.raises(BridgeError, match="not a database"):
        backup.back_up(home, tmp_path / "kept", NOW, silent, sounds=False)
    assert list((tmp_path / "kept").iterdir()) == []


def test_no_store_no_backup(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no store yet"):
        backup.back_up(home_at(tmp_path / "home"), tmp_path / "kept", NOW, silent, sounds=False)


async def test_an_upgrade_keeps_what_was(tmp_path: Path) -> None:
    home = home_at(tmp_path / "home")
    home.path.mkdir()
    with closing(sqlite3.connect(tmp_path / "home" / "store.db", isolation_level=None)) as db:
        migrate(db, shipped()[:-1])
    last = shipped()[-1].version

    assert f"from version {last - 1} to {last}" in await backup.upgrade(home, tmp_path / "kept", NOW, silent)
    assert (await backup.upgrade(home, tmp_path / "kept", NOW, silent)).endswith("nothing to do")

    shutil.rmtree(home.path)
    manifest, _ = backup.restore(home, tmp_path / "kept" / NAME, NOW, silent, replace=False)
    assert manifest.schema == last - 1


@pytest.fixture(name="server_home")
def _server_home(server: Server, tmp_path: Path) -> Home:
    return home_at(tmp_path / "home", server.address("nowhere"))


def test_a_server_without_that_database_is_told(server_home: Home, tmp_path: Path) -> None:
    with pytest.raises(BridgeError, match="nowhere"):
        backup.back_up(server_home, tmp_path / "kept", NOW, silent, sounds=False)
