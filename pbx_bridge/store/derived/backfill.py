"""Works out what is kept beside calls for those on record from before: oldest first, some in each transaction.

    counts of an earlier walk dropped, some at a time ─►
    place reached ─► next calls ─► each part's `walked` ─► place moved, in the same transaction

The one row of `worked_out` tells how far it came: for which version and zone, up to which place (start, call_id), and
whether it came to the end. A call at or before the place, or any once it is complete, is kept in step by Derived with
each write; one behind it is left to the walk. So each is counted once, wherever the process is killed. With another
version or zone it begins anew: then nothing counts until all that was counted before is gone. The place moves inside
the writer's transaction: a daemon and a command may walk at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from pbx_bridge.store import call_body
from pbx_bridge.store.database import Database
from pbx_bridge.store.derived.derived import Derived, Kept, Part
from pbx_bridge.store.derived.tallies import drop_some_counts
from pbx_bridge.store.reached import BEFORE_ALL, NOWHERE, Reached, reached
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.writer import Writer

_AT_ONCE = 40  # calls in one transaction beside a daemon: some ten milliseconds
_AT_FULL_SPEED = 500
_FORGOTTEN = 50  # counts that are dropped in the time of one call

Progress = Callable[[int, int], None]
"""(calls done, calls in all)"""


class Walked(Part, Protocol):
    """A part of Derived that the walk fills."""

    @property
    def version(self) -> int:
        """Raised when what it works out becomes another: every call is walked anew."""

    def walked(self, transaction: Transaction, before: Sequence[Kept], calls: Sequence[Kept]) -> None:
        """The walk reached these calls, by time, whose rows stand; `before`: as they stand. Raises what it raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What one transaction of the walk did; nothing: there is nothing left to do."""

    calls: int = 0
    forgotten: int = 0


class Backfill:
    """The walk. `zone` is the name of the zone whose days are counted in."""

    def __init__(self, writer: Writer, reader: Database, parts: Sequence[Walked], *, zone: str) -> None:
        self._writer, self._reader, self._parts, self._zone = writer, reader, tuple(parts), zone
        self._derived = Derived(parts)
        self._version = sum(part.version for part in parts)

    async def reached(self) -> Reached:
        """How far it came. Raises StoreError."""
        return await self._reader.read(reached)

    async def progress(self) -> tuple[int, int]:
        """Calls worked out, and calls in all; counted, so not for every page. Raises StoreError."""
        stands = await self.reached()
        rows = await self._reader.rows(
            SQL["count_walked"], at_us=stands.place[0], call_id=stands.place[1], complete=int(stands.complete)
        )
        done, total = rows[0]
        return done, total

    async def step(self, limit: int = _AT_ONCE) -> int:
        """Walk some calls, or forget what was counted of them: how much that was; 0 at the end. Raises StoreError."""
        done = await self._some(limit)
        return done.calls + done.forgotten

    async def finish(self, progress: Progress | None = None) -> int:
        """Walk to the end, at full speed; how many calls that took. Raises StoreError."""
        begun, total = await self.progress()
        done = 0
        while (some := await self._some(_AT_FULL_SPEED)) != _Done():
            done += some.calls
            if progress is not None:
                progress(begun + done, max(total, begun + done))
        return done

    async def _some(self, limit: int) -> _Done:
        return await self._writer.submit(partial(self._go_on, limit), weight=limit)

    def _go_on(self, limit: int, transaction: Transaction) -> _Done:
        stands = self._stands(transaction)
        if stands.complete:
            return _Done()
        forgotten = drop_some_counts(transaction.db, limit * _FORGOTTEN) if stands.place == BEFORE_ALL else 0
        if forgotten == limit * _FORGOTTEN:
            return _Done(forgotten=forgotten)
        return _Done(calls=self._walk(limit, transaction, stands), forgotten=forgotten)

    def _walk(self, limit: int, transaction: Transaction, stands: Reached) -> int:
        db = transaction.db
        values = {"at_us": stands.place[0], "call_id": stands.place[1], "limit": limit}
        rows = db.execute(SQL["calls_to_walk"], values).fetchall()
        before = [_kept(row) for row in rows]
        calls = [self._derived.named(db, kept, kept.call, kept.no) for kept in before]
        for part in self._parts:
            part.walked(transaction, before, calls)
        place = (rows[-1][0], rows[-1][1]) if rows else stands.place
        self._move(transaction, Reached(place=place, complete=len(rows) < limit))
        return len(rows)

    def _stands(self, transaction: Transaction) -> Reached:
        row = transaction.db.execute(SQL["worked_out"]).fetchone()
        if row is not None and (row[0], row[1]) == (self._version, self._zone):
            return Reached(place=(row[2], row[3]), complete=bool(row[4]))
        transaction.counts.clear()  # they are of the earlier walk, too
        self._move(transaction, NOWHERE)
        return NOWHERE

    def _move(self, transaction: Transaction, now: Reached) -> None:
        values = {
            "version": self._version,
            "zone": self._zone,
            "up_to_us": now.place[0],
            "up_to_id": now.place[1],
            "complete": int(now.complete),
        }
        transaction.db.execute(SQL["move_worked_out"], values)
        transaction.reached = now


def _kept(row: Sequence[Any]) -> Kept:
    """As Derived numbers it, where it has no number yet."""
    _, _, body, no, facets, group = row
    return Kept(call=call_body.decode(body), no=group if no is None else no, facets=facets)
