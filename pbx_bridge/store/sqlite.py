"""SQLite: one connection in its own thread. A whole piece of work crosses to that thread once, not per statement.

The hop between the event loop and the thread costs more CPU than most statements do.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import aiosqlite

from pbx_bridge.errors import StoreError
from pbx_bridge.store.migrate import migrate, shipped

if TYPE_CHECKING:
    from pbx_bridge.store.database import Db

T = TypeVar("T")

_BUSY_MS = 5000
OPERATIONAL = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    }
)


class Reading:
    """What is read, over whatever runs it."""

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """See Database."""
        raise NotImplementedError

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """See Database."""
        try:
            return await self.run(work)
        except sqlite3.Error as error:
            raise StoreError(f"the store cannot be read: {error}") from error

    async def rows(self, statement: str, /, **values: Any) -> list[Any]:
        """See Database."""
        return await self.read(lambda db: db.execute(statement, values).fetchall())


class SqliteDatabase(Reading, aiosqlite.Connection):
    """The Database protocol: an aiosqlite connection that also runs a whole function in its thread."""

    stopping: asyncio.Future[Any] | None = None

    def stop(self) -> asyncio.Future[Any] | None:
        """See aiosqlite. It does not wait for this itself when a connection cannot be opened: `connect` does, or the
        thread would answer a loop that is closed by then.
        """
        self.stopping = super().stop()
        return self.stopping

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """See Database."""
        result: T = await self._execute(work, self._conn)  # type: ignore[no-untyped-call]
        return result

    async def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """See Database."""
        return await self.run(lambda db: _transact(db, work))

    def version(self, db: Db) -> int:
        """See Database."""
        found: int = db.execute("PRAGMA data_version").fetchone()[0]
        return found

    async def migrate(self) -> int:
        """See Database."""
        return await self.run(_migrate)


@asynccontextmanager
async def connect_sqlite(path: Path, *, reading: bool = False) -> AsyncIterator[SqliteDatabase]:
    """An open connection, for reading only or for writing. Raises StoreError."""
    database = SqliteDatabase(lambda: _connect(path, reading=reading), iter_chunk_size=64)
    try:
        _ = await database
    except BaseException as error:
        if database.stopping is not None:
            await database.stopping
        if isinstance(error, sqlite3.Error | OSError):
            raise StoreError(f"{path}: the store cannot be opened: {error}") from error
        raise
    try:
        yield database
    finally:
        await database.close()


def _migrate(db: sqlite3.Connection) -> int:
    applied = migrate(db, shipped())
    # From here on no index is made, for which memory might not do. What a savepoint would bring back goes to a file
    # else: writing that costs a tenth of what a call does.
    db.execute("PRAGMA temp_store = MEMORY")
    return applied


def _transact(db: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    db.execute("BEGIN IMMEDIATE")
    try:
        result = work(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # SQLite itself rolls back on some errors
            db.execute("ROLLBACK")
        raise
    return result


def _connect(path: Path, *, reading: bool) -> sqlite3.Connection:
    if not reading:
        _make_private(path)
    uri = f"{path.absolute().as_uri()}?mode={'ro' if reading else 'rw'}"
    # Connections made here are used in one thread only; autocommit: transactions are begun by name.
    db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_MS / 1000, check_same_thread=False)
    try:
        for pragma in _pragmas(reading):
            db.execute(f"PRAGMA {pragma}").fetchall()
    except BaseException:
        db.close()
        raise
    return db


def _pragmas(reading: bool) -> tuple[str, ...]:
    if reading:
        return ("query_only = ON",)
    return (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "journal_size_limit = 67108864",
        "wal_autocheckpoint = 4000",
    )


def _make_private(path: Path) -> None:
    # Customers and password hashes: readable by the owner only, from the first byte.
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
