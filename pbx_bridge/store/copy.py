"""Moves a store from SQLite to PostgreSQL while calls go on, and proves that both are equal.

    pass 1   every table, range by range of its key: what differs in the target is put right
    pass 2   the same inside one snapshot of SQLite's, which stands still while the daemon writes on; what is read
             back of the target is counted and hashed beside the snapshot's

A pass only ever makes ranges equal, so that it may be cut off anywhere and begun again, over a copy of yesterday too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TypeVar

from pbx_bridge.errors import StoreError
from pbx_bridge.store.address import Address
from pbx_bridge.store.copy_table import Pair, Row, Sums, Table, Work
from pbx_bridge.store.database import Database, Db, is_operational
from pbx_bridge.store.postgres import PgError, connect_postgres
from pbx_bridge.store.sqlite import connect_sqlite

T = TypeVar("T")
Progress = Callable[[int, int, str], None]

_BATCH = 1000
_RETRY_S, _PATIENCE_S = 0.5, 60.0
_TABLES = (
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
    " AND name <> 'migration' ORDER BY name"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """One table as both stores have it.

    Attributes:
        table: its name.
        rows: how many.
        digest: the same whatever order the rows are read in.
        written: rows the run had to change in the target.
    """

    table: str
    rows: int
    digest: str
    written: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyReport:
    """A copy that was proved equal. `moved_on`: SQLite was written to after the snapshot that the proof is of."""

    tables: tuple[Copied, ...]
    moved_on: bool

    def lines(self) -> list[str]:
        """What to tell who runs it."""
        width = max(len(one.table) for one in self.tables)
        lines = [f"{one.table:{width}} {one.rows:>10} rows, equal, sum {one.digest}" for one in self.tables]
        written = sum(one.written for one in self.tables)
        lines.append(f"{len(self.tables)} tables are equal; {written} rows were written by this run")
        if self.moved_on:
            lines.append("calls went on meanwhile: stop the daemon, run this once more, then set store.url")
        return lines


def _silent(done: int, total: int, table: str) -> None:
    """No progress is shown."""


async def copy_store(source: Path, target: Address, progress: Progress = _silent) -> CopyReport:
    """Copy, and prove equality.

    Args:
        source: the SQLite file.
        target: the database, new or a copy of before.
        progress: told rows done, rows in all and the table.

    Raises:
        StoreError: one of the two cannot be read or written; the target has had other writers; they are not equal.
    """
    _check(source)
    async with connect_sqlite(source) as database:
        await database.migrate()
    try:
        async with (
            connect_sqlite(source, reading=True) as reading,
            connect_postgres(target, copying=True) as writing,
        ):
            await _patiently(writing.migrate)
            return await _Copy(reading, writing, progress).run()
    except PgError as error:
        raise StoreError(f"{target}: {error}; what was copied stays, and the next run goes on from it") from error


class _Copy:
    """One run."""

    def __init__(self, source: Database, target: Database, progress: Progress) -> None:
        self._source, self._target, self._progress = source, target, progress
        self._done, self._total = 0, 1
        self._written: dict[str, int] = {}

    async def run(self) -> CopyReport:
        tables = await self._source.read(_tables)
        self._total += 2 * await self._source.read(partial(_count, tables))
        await self._transact(_nothing)  # refused at once if it is another's
        for table in tables:
            if not table.needs:  # the row it needs may have come after that row's table was read
                await self._pass(table)
        version = await self._source.read(self._stand_still)
        sums = {table.name: await self._pass(table) for table in tables}
        for table in tables:
            await self._number_on(table)
        moved_on = await self._source.read(self._go_on) != version
        proved = tuple(self._proved(name, sums[name]) for name in sorted(sums))
        self._progress(self._total, self._total, "")
        return CopyReport(tables=proved, moved_on=moved_on)

    def _stand_still(self, db: Db) -> int:
        db.execute("BEGIN")
        db.execute("SELECT COUNT(*) FROM migration").fetchone()  # the snapshot is of the first read
        return self._source.version(db)

    def _go_on(self, db: Db) -> int:
        db.execute("COMMIT")
        return self._source.version(db)

    def _proved(self, name: str, sums: Sums) -> Copied:
        if sums.source != sums.target:
            raise StoreError(f"{name} is not equal: {sums.source[0]} rows here, {sums.target[0]} in the copy")
        rows, digest = sums.source
        return Copied(table=name, rows=rows, digest=f"{digest:032x}", written=self._written.get(name, 0))

    async def _pass(self, table: Table) -> Sums:
        sums = Sums()
        after: Row | None = None
        while True:
            rows = await self._source.read(partial(_range, table, after, None, _BATCH))
            until = table.key_of(rows[-1]) if len(rows) == _BATCH else None
            sums.add(await self._equalled(table, rows, after, until))
            self._tell(len(rows), table.name)
            if until is None:
                return sums
            after = until

    async def _equalled(self, table: Table, rows: list[Row], after: Row | None, until: Row | None) -> Pair:
        there = partial(self._target.run, partial(_range, table, after, until, None))
        pair = Pair(table, rows, await _patiently(there))
        work = pair.work()
        if not work.size:
            return pair
        await self._transact(partial(_apply, table, work))
        self._written[table.name] = self._written.get(table.name, 0) + work.size
        return Pair(table, rows, await _patiently(there))

    async def _transact(self, work: Callable[[Db], None]) -> None:
        await _patiently(partial(self._target.transact, work))

    async def _number_on(self, table: Table) -> None:
        """New rows of the target get numbers that were never given in the source."""
        if table.numbered:
            highest = await self._source.read(table.highest)
            await self._transact(lambda db: table.number_on(db, highest))

    def _tell(self, rows: int, table: str) -> None:
        # Calls go on: there may be more rows by now than there were. The end is told at the end.
        self._done = min(self._done + rows, self._total - 1)
        if self._done:
            self._progress(self._done, self._total, table)


def _check(source: Path) -> None:
    if not source.exists():
        raise StoreError(f"{source}: there is no store to copy")


async def _patiently(work: Callable[[], Awaitable[T]]) -> T:
    """The result of `work`, done again while the server is away for a moment."""
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return await work()
        except PgError as error:
            if not is_operational(error) or time.monotonic() > until:
                raise
        await asyncio.sleep(_RETRY_S)


def _tables(db: Db) -> list[Table]:
    """Every table, after those whose rows its own need."""
    tables = {name: Table.of_sqlite(db, name) for (name,) in db.execute(_TABLES).fetchall()}
    order = TopologicalSorter({name: table.needs for name, table in tables.items()}).static_order()
    return [tables[name] for name in order]


def _count(tables: list[Table], db: Db) -> int:
    return sum(db.execute(f"SELECT COUNT(*) FROM {table.name}").fetchone()[0] for table in tables)  # noqa: S608


def _range(table: Table, after: Row | None, until: Row | None, limit: int | None, db: Db) -> list[Row]:
    return table.range(db, after, until, limit)


def _apply(table: Table, work: Work, db: Db) -> None:
    table.apply(db, work)


def _nothing(db: Db) -> None:
    """Only the turn is taken."""
