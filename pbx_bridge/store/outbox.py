"""The outbox: every revision of every call, in order, for consumers who each keep their own place in it.

A revision's row is written in the transaction that makes the revision (see recorder.py). A consumer reads from its
place on, does its work, and acknowledges: killed in between, it reads the same again, so at least once each. Rows are
dropped when every consumer has passed them and they are old; a consumer that has not moved for long is waited for no
more, and is told that it missed something.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us
from pbx_bridge.store.writer import Writer

KEEP = timedelta(days=7)
PATIENCE = timedelta(days=30)  # a consumer gone for longer does not make the outbox grow
DROPPED = "-"  # no consumer: up to where rows were dropped
_AT_ONCE = 2000  # rows dropped in one transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One revision. `position` grows with every row; `gone`: the call became part of another."""

    position: int
    call_id: str
    revision: int
    gone: bool


def note_revision(db: Db, call_id: str, revision: int, *, gone: bool, now_us: int) -> None:
    """Tell consumers of a revision, in the transaction that makes it; `gone` as in OutboxRow."""
    values = {"call_id": call_id, "revision": revision, "gone": int(gone), "created_at_us": now_us}
    db.execute(SQL["insert_outbox"], values)


class Outbox:
    """Ordered reading from a position on, and trimming."""

    def __init__(
        self,
        writer: Writer,
        reader: Database,
        *,
        keep: timedelta = KEEP,
        patience: timedelta = PATIENCE,
        clock: Clock = utc_now,
    ) -> None:
        self._writer, self._reader, self._keep, self._patience, self._clock = writer, reader, keep, patience, clock

    async def join(self, name: str, *, from_start: bool = False) -> int:
        """The position of a consumer; one not known yet begins after the newest row, or before the oldest."""
        values = {"name": name, "now_us": to_us(self._clock()), "from_start": int(from_start)}

        def write(db: Db) -> int:
            db.execute(SQL["join_outbox"], values)
            found: int = db.execute(SQL["outbox_position"], {"name": name}).fetchall()[0][0]
            return found

        return await self._writer.submit(lambda transaction: write(transaction.db))

    async def after(self, position: int, limit: int = 100) -> list[OutboxRow]:
        """The rows behind a position, oldest first."""
        rows = await self._reader.rows(SQL["outbox_after"], position=position, limit=limit)
        return [OutboxRow(position=p, call_id=c, revision=r, gone=bool(g)) for p, c, r, g in rows]

    async def missed(self, position: int) -> bool:
        """Rows behind this position were dropped unread: read all calls once."""
        rows = await self._reader.rows(SQL["outbox_dropped"])
        return bool(rows and rows[0][0] > position)

    async def acknowledge(self, name: str, position: int) -> None:
        """The consumer is done with everything up to this position. An older position changes nothing."""
        values = {"name": name, "position": position, "now_us": to_us(self._clock())}
        await self._writer.submit(lambda transaction: _run(transaction.db, "move_outbox_reader", values))

    async def leave(self, name: str) -> None:
        """Forget a consumer."""
        await self._writer.submit(lambda transaction: _run(transaction.db, "drop_outbox_reader", {"name": name}))

    async def trim(self) -> int:
        """Drop some of what everyone has passed and nobody needs; how many rows that were. Raises StoreError."""
        now = self._clock()
        values = {
            "before_us": to_us(now - self._keep),
            "seen_us": to_us(now - self._patience),
            "limit": _AT_ONCE,
        }

        def write(db: Db) -> int:
            dropped = [row[0] for row in db.execute(SQL["trim_outbox"], values).fetchall()]
            if dropped:
                moved = {"name": DROPPED, "position": max(dropped), "now_us": to_us(now)}
                db.execute(SQL["note_dropped"], moved)
            return len(dropped)

        return await self._writer.submit(lambda transaction: write(transaction.db))


def _run(db: Db, name: str, values: dict[str, Any]) -> None:
    db.execute(SQL[name], values)
