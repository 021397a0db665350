"""The journal: every fact, once, for ever; with how far each source was read and what in it could not be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from pbx_bridge.calls.facts import RawFact
from pbx_bridge.calls.source import Cursor, Unreadable
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store.database import Database
from pbx_bridge.store.runs import RunGone, RunState
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.writer import Writer
from pbx_bridge.values.hostile import encodable


class Journal:
    """Takes facts in, and knows the cursors."""

    def __init__(self, writer: Writer, reader: Database, clock: Clock = utc_now) -> None:
        self._writer, self._reader, self._clock = writer, reader, clock

    async def add(
        self,
        facts: Sequence[RawFact],
        *,
        cursors: Sequence[Cursor] = (),
        runs: Sequence[RunState | RunGone] = (),
        unreadable: Sequence[Unreadable] = (),
    ) -> None:
        """Keep all of it in one transaction; returns when it is on disk. Known facts are passed over.

        Waits while the store is behind or refuses; raises StoreError only when it is closed or these very rows
        cannot be kept.
        """
        write = self._adding(facts, cursors, runs, unreadable)
        # A spool is read on while its rows wait; whoever has no cursor asks for something that is to happen then.
        await self._writer.submit(write, weight=max(1, len(facts)), hurried=not cursors)

    def post(
        self, facts: Sequence[RawFact], *, runs: Sequence[RunState | RunGone] = (), hurried: bool = False
    ) -> asyncio.Future[None]:
        """The same for the few facts of a caller who must not wait: queued at once, in the order of the calls.

        Done when they are on disk, with StoreError if that cannot be. `hurried`: somebody waits for that.
        """
        return self._writer.put(self._adding(facts, (), runs, ()), weight=max(1, len(facts)), hurried=hurried)

    def _adding(
        self,
        facts: Sequence[RawFact],
        cursors: Sequence[Cursor],
        runs: Sequence[RunState | RunGone],
        unreadable: Sequence[Unreadable],
    ) -> Callable[[Transaction], None]:
        def write(transaction: Transaction) -> None:
            transaction.facts.extend(facts)
            for run in runs:
                transaction.runs[run.node, run.channel] = run.body if isinstance(run, RunState) else None
            for cursor in cursors:
                transaction.cursors[cursor.node, cursor.source, cursor.file] = cursor.offset
            if unreadable:
                rows = [_unreadable_row(record, to_us(self._clock())) for record in unreadable]
                transaction.db.executemany(SQL["insert_unreadable"], rows)

        return write

    async def cursors(self, node: str) -> list[Cursor]:
        """How far each file of a node was read, the latest moved last."""
        rows = await self._reader.rows(SQL["cursors"], node=node)
        return [Cursor(node=node, source=source, file=file, offset=offset) for node, source, file, offset in rows]

    async def unreadable(self, limit: int = 100) -> list[Unreadable]:
        """Records that could not be read, the latest found first."""
        rows = await self._reader.rows(SQL["list_unreadable"], limit=limit)
        names = ("node", "file", "offset", "body", "reason")
        return [Unreadable(**dict(zip(names, row, strict=True))) for row in rows]


def _unreadable_row(record: Unreadable, now_us: int) -> dict[str, Any]:
    return {
        "node": record.node,
        "file": record.file,
        "at_offset": record.offset,
        "body": encodable(record.body),
        "reason": encodable(record.reason),
        "found_at_us": now_us,
    }
