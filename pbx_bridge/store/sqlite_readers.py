"""Reads one SQLite database over a few connections: who waits for the disk, or for a long report, holds nobody up.

A caller's lookup and a page are read by the same daemon, and the caller must not hear the page being made.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pbx_bridge.errors import StoreError
from pbx_bridge.store.sqlite import Reading, SqliteDatabase, connect_sqlite

if TYPE_CHECKING:
    from pbx_bridge.store.database import Db

T = TypeVar("T")

READERS = 3  # more would mostly wait for the interpreter, and keep the event loop waiting for it


class SqliteReaders(Reading):
    """The Database protocol for reading. The first connection is there from the beginning, the others when needed."""

    def __init__(self, path: Path, first: SqliteDatabase, opened: AsyncExitStack) -> None:
        self._path, self._opened = path, opened
        self._idle = [first]
        self._turn = asyncio.Semaphore(READERS)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """See Database. Raises StoreError when a further connection cannot be opened."""
        async with self._turn:
            database = self._idle.pop() if self._idle else await self._another()
            try:
                return await database.run(work)
            finally:  # whoever was cancelled left work in its thread: what comes next waits there for it
                self._idle.append(database)

    async def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """See Database: nothing is written here. Raises StoreError."""
        raise StoreError(f"{self._path} is open for reading only")

    def version(self, db: Db) -> int:
        """See Database: only a writer needs to know. Raises StoreError."""
        raise StoreError(f"{self._path} is open for reading only")

    async def migrate(self) -> int:
        """See Database: a reader changes no table. Raises StoreError."""
        raise StoreError(f"{self._path} is open for reading only")

    async def _another(self) -> SqliteDatabase:
        return await self._opened.enter_async_context(connect_sqlite(self._path, reading=True))


@asynccontextmanager
async def connect_sqlite_readers(path: Path) -> AsyncIterator[SqliteReaders]:
    """Open for reading. Raises StoreError."""
    async with AsyncExitStack() as opened:
        first = await opened.enter_async_context(connect_sqlite(path, reading=True))
        yield SqliteReaders(path, first, opened)
