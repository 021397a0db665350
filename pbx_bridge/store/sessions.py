"""Who is signed in where. Of the random id that a browser holds only the hash is kept: a copy of the store opens
no session.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from pbx_bridge.store.database import Database
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, to_us
from pbx_bridge.store.writer import Writer
from pbx_bridge.values.hostile import clean

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser in which somebody is signed in.

    Attributes:
        id_hash: the hash of its id, hexadecimal; tells it from others, and opens nothing.
        user: who.
        began, seen: at sign-in, and when it was last in use (to a minute), aware UTC.
        address: where it began. agent: the browser, as it names itself.
    """

    id_hash: str
    user: str
    began: datetime
    seen: datetime
    address: str
    agent: str


class Sessions:
    """The sessions on record."""

    def __init__(self, writer: Writer, reader: Database) -> None:
        self._writer, self._reader = writer, reader
        self.version = 0  # grows with every session that was ended here

    async def add(self, session: Session) -> None:
        """Keep a new session; returns when it is on disk. Raises StoreError."""
        values = {
            "id_hash": session.id_hash,
            "user_name": session.user,
            "began_at_us": to_us(session.began),
            "seen_at_us": to_us(session.seen),
            "address": clean(session.address, 64),
            "agent": clean(session.agent, 200),
        }
        await self._writer.submit(lambda tx: tx.db.execute(SQL["insert_session"], values).rowcount)

    async def find(self, id_hash: str) -> Session | None:
        """One session. Raises StoreError."""
        rows = await self._reader.rows(SQL["session"], id_hash=id_hash)
        return _session(rows[0]) if rows else None

    async def of(self, user: str) -> Sequence[Session]:
        """Somebody's sessions, the last used first. Raises StoreError."""
        return [_session(row) for row in await self._reader.rows(SQL["sessions_of_user"], user_name=user)]

    def touch(self, id_hash: str, seen: datetime) -> None:
        """It is in use. Written soon; a store that refuses costs no page."""
        values = {"id_hash": id_hash, "seen_at_us": to_us(seen)}
        self._writer.put(lambda tx: tx.db.execute(SQL["touch_session"], values).rowcount).add_done_callback(_look)

    async def end(self, user: str, id_hash: str) -> bool:
        """End one of somebody's own; whether it was there. Raises StoreError."""
        return bool(await self._delete("delete_session", {"user_name": user, "id_hash": id_hash}))

    async def end_all(self, user: str, but: str = "") -> int:
        """End all of somebody's, but one where it is named; how many. Raises StoreError."""
        return await self._delete("delete_sessions", {"user_name": user, "id_hash": but})

    async def drop(self, *, began_before: datetime, seen_before: datetime) -> int:
        """Forget what can be used no more, of everybody. Raises StoreError."""
        values = {"began_before_us": to_us(began_before), "seen_before_us": to_us(seen_before)}
        return await self._delete("delete_old_sessions", values)

    async def _delete(self, statement: str, values: dict[str, Any]) -> int:
        try:
            return await self._writer.submit(lambda tx: tx.db.execute(SQL[statement], values).rowcount)
        finally:
            self.version += 1


def _look(written: Any) -> None:
    if not written.cancelled() and (error := written.exception()) is not None:
        log.warning("session_not_touched", reason=str(error))


def _session(row: Sequence[Any]) -> Session:
    id_hash, user, began_at_us, seen_at_us, address, agent = row
    return Session(
        id_hash=id_hash,
        user=user,
        began=from_us(began_at_us),
        seen=from_us(seen_at_us),
        address=address,
        agent=agent,
    )
