"""Calls asked for by a click or by a program. Each is sent to Asterisk once or never, whatever dies in between.

    asked ─► sent ─► over        (asked ─► over: refused, or the daemon died before it was sent)

`sent` is on disk before Asterisk is asked, and only whoever wrote it asks. Who finds a row that is `sent` and does
not know what became of it looks; nobody sends it again.
"""

from __future__ import annotations

import enum
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, to_us
from pbx_bridge.store.writer import Writer

LONGEST_KEY = 80  # letters of a key that a program chooses
LONGEST_ABOUT = 120


class DialState(enum.StrEnum):
    """How far a call that was asked for has come, as far as disks are concerned."""

    ASKED = "asked"
    SENT = "sent"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDial:
    """A call that somebody asks for.

    Attributes:
        extension: whose phone rings first. number: as it is dialled then.
        user: who asks. key: the same key of theirs is the same call.
        about: `customer:CODE`, `ticket:NUMBER`, `callback:ID`, `contract:CODE:NUMBER`, or nothing.
    """

    node: str
    extension: str
    number: str
    user: str
    key: str
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """A call that was asked for. Times are aware UTC.

    Attributes:
        channel: the id of the agent's channel, chosen here.
        reason: how it ended; empty while it goes on.
        call_id: on the record, where one came of it; empty before that is known.
    """

    id: str
    node: str
    channel: str
    extension: str
    user: str
    number: str
    about: str
    state: DialState
    reason: str
    asked_at: datetime
    sent_at: datetime | None = None
    ended_at: datetime | None = None
    call_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedDial:
    """What asking came to. `fresh`: this is it; else it is there already: asked before, or the phone's open one."""

    dial: Dial
    fresh: bool


class Dials:
    """Keeps them. Every method may raise StoreError."""

    def __init__(self, writer: Writer, reader: Database, clock: Clock = utc_now) -> None:
        self._writer, self._reader, self._clock = writer, reader, clock

    async def ask(self, new: NewDial) -> AskedDial:
        """Write it down as asked; unless that key was used before, or a call of that phone is still open."""
        dial_id, at_us = secrets.token_hex(8), to_us(self._clock())
        return await self._writer.submit(lambda tx: _ask(tx.db, new, dial_id, at_us))

    async def sent(self, dial_id: str) -> bool:
        """From now on it may be with Asterisk. True for one caller ever: the one who asks Asterisk."""
        values = {"id": dial_id, "sent_at_us": to_us(self._clock())}
        return await self._writer.submit(lambda tx: tx.db.execute(SQL["send_dial"], values).rowcount == 1)

    async def end(self, dial_id: str, reason: str, call_id: str = "") -> bool:
        """It is over. False: it was before, and stays as it is."""
        values = {"id": dial_id, "reason": reason, "call_id": call_id, "ended_at_us": to_us(self._clock())}
        return await self._writer.submit(lambda tx: tx.db.execute(SQL["end_dial"], values).rowcount == 1)

    async def get(self, dial_id: str) -> Dial | None:
        """One of them."""
        rows = await self._reader.rows(SQL["dial"], id=dial_id)
        return _dial(rows[0]) if rows else None

    async def asked(self, user: str, key: str) -> Dial | None:
        """What this user asked for under a key."""
        rows = await self._reader.rows(SQL["dial_of_key"], user_name=user, ask_key=key)
        return _dial(rows[0]) if rows else None

    async def open(self, node: str, extension: str = "") -> Sequence[Dial]:
        """Those of a node that are not over, of one phone or of all, the oldest first."""
        return [_dial(row) for row in await self._reader.rows(SQL["open_dials"], node=node, extension=extension)]

    async def about(self, about: str, limit: int = 20) -> Sequence[Dial]:
        """Those about something, the latest first."""
        return [_dial(row) for row in await self._reader.rows(SQL["dials_about"], about=about, limit=limit)]


def _ask(db: Db, new: NewDial, dial_id: str, at_us: int) -> AskedDial:
    before = db.execute(SQL["dial_of_key"], {"user_name": new.user, "ask_key": new.key}).fetchone()
    if before is None:
        before = db.execute(SQL["open_dials"], {"node": new.node, "extension": new.extension}).fetchone()
    if before is not None:
        return AskedDial(dial=_dial(before), fresh=False)
    values = {
        "id": dial_id,
        "node": new.node,
        "channel": f"{new.node}-c2c-{dial_id}",
        "extension": new.extension,
        "user_name": new.user,
        "ask_key": new.key,
        "number": new.number,
        "about": new.about,
        "asked_at_us": at_us,
    }
    db.execute(SQL["insert_dial"], values)
    return AskedDial(dial=_dial(db.execute(SQL["dial"], {"id": dial_id}).fetchone()), fresh=True)


def _dial(row: Any) -> Dial:
    dial_id, node, channel, extension, user, number, about, state, reason, asked_us, sent_us, ended_us, call_id = row
    return Dial(
        id=dial_id,
        node=node,
        channel=channel,
        extension=extension,
        user=user,
        number=number,
        about=about,
        state=DialState(state),
        reason=reason,
        asked_at=from_us(asked_us),
        sent_at=None if sent_us is None else from_us(sent_us),
        ended_at=None if ended_us is None else from_us(ended_us),
        call_id=call_id,
    )
