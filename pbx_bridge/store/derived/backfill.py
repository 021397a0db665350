"""Works out what is kept beside calls for those on record from before: oldest first, some in each transaction.

    place reached ─► next calls ─► each part's `walked` ─► place moved, in the same transaction

The one row of `worked_out` tells how far it came: for which version and zone, up to which place (start, call_id), and
whether it came to the end. A call at or before the place, or any once it is complete, is kept in step by Derived with
each write; one behind it is left to the walk. So each is counted once, wherever the process is killed. With another
version or zone it begins anew. The place moves inside the writer's transaction: a daemon and a command may walk at
once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from pbx_bridge.store import call_body
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.derived.derived import Kept, number_call
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.writer import Writer

BEFORE_ALL = (-(2**63 - 1), "")
_AT_ONCE = 40  # calls in one transaction beside a daemon: some ten milliseconds
_AT_FULL_SPEED = 500

Progress = Callable[[int, int], None]
"""(calls done, calls in all)"""


class Walked(Protocol):
    """A part of Derived that the walk fills."""

    @property
    def version(self) -> int:
        """Raised when what it works out becomes another: every call is walked anew."""

    def began(self, db: Db) -> None:
        """A walk begins anew: forget what was counted so far. Raises what the database raises."""

    def walked(self, db: Db, calls: Sequence[Kept]) -> None:
        """The walk reached these calls, by time, whose rows stand. Raises what the database raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How far the walk came.

    Attributes:
        place: start in microseconds and call_id of the last call that was walked.
        complete: it came to the end: there is nothing left to do, and never will be.
    """

    place: tuple[int, str]
    complete: bool

    def holds(self, started_at_us: int, call_id: str) -> bool:
        """Whether the call at this place is worked out, and has to be kept in step."""
        return self.complete or (started_at_us, call_id) <= self.place

    @property
    def behind(self) -> datetime | None:
        """Calls that began later may not be worked out yet; None: all are. Aware UTC."""
        if self.complete:
            return None
        return from_us(max(self.place[0], 0))


NOWHERE = Reached(place=BEFORE_ALL, complete=False)


def reached(db: Db) -> Reached:
    """As it stands in this transaction. Raises what the database raises."""
    row = db.execute(SQL["worked_out"]).fetchone()
    return NOWHERE if row is None else Reached(place=(row[2], row[3]), complete=bool(row[4]))


class Backfill:
    """The walk. `zone` is the name of the zone whose days are counted in."""

    def __init__(self, writer: Writer, reader: Database, parts: Sequence[Walked], *, zone: str) -> None:
        self._writer, self._reader, self._parts, self._zone = writer, reader, tuple(parts), zone
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
        """Walk some calls: how many there were. Raises StoreError."""
        return await self._writer.submit(partial(self._some, limit), weight=limit)

    async def finish(self, progress: Progress | None = None) -> int:
        """Walk to the end, at full speed; how many calls that took. Raises StoreError."""
        begun, total = await self.progress()
        done = 0
        while some := await self.step(_AT_FULL_SPEED):
            done += some
            if progress is not None:
                progress(begun + done, max(total, begun + done))
        return done

    def _some(self, limit: int, transaction: Transaction) -> int:
        db = transaction.db
        stands = self._stands(db)
        if stands.complete:
            return 0
        values = {"at_us": stands.place[0], "call_id": stands.place[1], "limit": limit}
        rows = db.execute(SQL["calls_to_walk"], values).fetchall()
        calls = [self._kept(db, row) for row in rows]
        for part in self._parts:
            part.walked(db, calls)
        place = (rows[-1][0], rows[-1][1]) if rows else stands.place
        self._move(db, place, complete=len(rows) < limit)
        return len(rows)

    def _stands(self, db: Db) -> Reached:
        row = db.execute(SQL["worked_out"]).fetchone()
        if row is not None and (row[0], row[1]) == (self._version, self._zone):
            return Reached(place=(row[2], row[3]), complete=bool(row[4]))
        for part in self._parts:
            part.began(db)
        return NOWHERE

    def _kept(self, db: Db, row: Sequence[Any]) -> Kept:
        _, _, body, no, facets, group = row
        call = call_body.decode(body)
        if no is None:  # as Derived numbers it
            number_call(db, call, group)
        return Kept(call=call, no=group if no is None else no, facets=facets)

    def _move(self, db: Db, place: tuple[int, str], *, complete: bool) -> None:
        values = {
            "version": self._version,
            "zone": self._zone,
            "up_to_us": place[0],
            "up_to_id": place[1],
            "complete": int(complete),
        }
        db.execute(SQL["move_worked_out"], values)
