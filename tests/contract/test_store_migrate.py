"""Migrations: each once, all or none, never by an older version, never a changed one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from pbx_bridge.errors import StoreError, StoreNewer
from pbx_bridge.store import open_store
from pbx_bridge.store.migrate import Migration, migrate, shipped

FIRST = Migration(version=1, text="CREATE TABLE a (x INTEGER);\nCREATE INDEX a_x ON a (x);\n")
SECOND = Migration(version=2, text="-- a comment; with a semicolon\nALTER TABLE a ADD COLUMN y TEXT DEFAULT ';';\n")
BROKEN = Migration(version=2, text="CREATE TABLE b (x INTEGER);\nCREATE TABLE a (x INTEGER);\n")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
    yield connection
    connection.close()


def schema(db: sqlite3.Connection) -> list[tuple[str, str]]:
    return db.execute("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' ORDER BY name").fetchall()


def test_migrated_is_fresh(tmp_path: Path) -> None:
    """One migration at a time, as the years bring them, gives the tables of a new store."""
    migrations = shipped()
    step, fresh = (sqlite3.connect(tmp_path / name, isolation_level=None) for name in ("step.db", "fresh.db"))
    for count in range(1, len(migrations) + 1):
        assert migrate(step, migrations[:count]) == 1
    assert migrate(fresh, migrations) == len(migrations)
    assert schema(step) == schema(fresh)
    step.close()
    fresh.close()


def test_each_is_applied_once(db: sqlite3.Connection) -> None:
    assert migrate(db, [FIRST]) == 1
    assert migrate(db, [FIRST, SECOND]) == 1
    assert migrate(db, [FIRST, SECOND]) == 0
    db.execute("INSERT INTO a (x) VALUES (1)")
    assert db.execute("SELECT y FROM a").fetchone() == (";",)


def test_a_broken_one_leaves_everything_as_it_was(db: sqlite3.Connection) -> None:
    migrate(db, [FIRST])
    before = schema(db)
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        migrate(db, [FIRST, BROKEN])
    assert schema(db) == before


def test_a_newer_store_is_refused(db: sqlite3.Connection) -> None:
    migrate(db, [FIRST, SECOND])
    with pytest.raises(StoreNewer, match="version 2"):
        migrate(db, [FIRST])


def test_a_changed_migration_is_refused(db: sqlite3.Connection) -> None:
    migrate(db, [FIRST])
    with pytest.raises(StoreError, match="0001 was changed"):
        migrate(db, [Migration(version=1, text="CREATE TABLE a (x TEXT);")])


async def test_the_store_says_which_file_it_is(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with open_store(path):
        pass
    db = sqlite3.connect(path)
    db.execute("INSERT INTO migration VALUES (99, 'later')")
    db.commit()
    db.close()
    with pytest.raises(StoreNewer, match="version 99"):
        async with open_store(path):
            pass


async def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.write_text("not a database at all, but long enough to look at" * 100)
    with pytest.raises(StoreError, match=r"s\.db"):
        async with open_store(path):
            pass


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be opened"):
        async with open_store(tmp_path / "file" / "s.db"):
            pass


async def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    async with open_store(tmp_path / "new" / "s.db"):
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()}
    assert modes == {"s.db": 0o600, "s.db-wal": 0o600, "s.db-shm": 0o600}
