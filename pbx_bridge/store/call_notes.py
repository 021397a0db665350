"""What people add to a call: notes, and the tickets it is about. For ten minutes they may take it back."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, to_us
from pbx_bridge.store.writer import Writer
from pbx_bridge.values.hostile import clean
from pbx_bridge.values.tracking import TrackingNumber

LONGEST = 2000  # letters of a note
TAKE_BACK = timedelta(minutes=10)
_SAME = timedelta(minutes=1)  # the same words again within this time: a form that was sent twice


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note. `text` may have several lines; each is clean, none is escaped. `at` is aware UTC."""

    id: str
    at: datetime
    user: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A ticket that somebody linked to a call, and when (aware UTC)."""

    tracking_number: str
    at: datetime
    user: str


def may_take_back(added: Note | Link, user: str, now: datetime) -> bool:
    """Whether this is theirs, and added a moment ago."""
    return added.user == user and now - added.at < TAKE_BACK


def clean_note(text: str) -> str:
    """A note as it is kept: its lines without control and direction characters, at most LONGEST letters."""
    lines = (clean(line, LONGEST) for line in text[: LONGEST * 8].replace("\r\n", "\n").split("\n"))
    return "\n".join(lines).strip()[:LONGEST]


class CallNotes:
    """Notes and linked tickets. Every method may raise StoreError."""

    def __init__(self, writer: Writer, reader: Database, clock: Clock = utc_now) -> None:
        self._writer, self._reader, self._clock = writer, reader, clock

    async def notes(self, call_id: str) -> list[Note]:
        """A call's notes, the oldest first."""
        return [note_of(row) for row in await self._reader.rows(SQL["notes_of_call"], call_id=call_id)]

    async def links(self, call_id: str) -> list[Link]:
        """The tickets that people linked to a call, the oldest link first."""
        return [_link(row) for row in await self._reader.rows(SQL["links_of_call"], call_id=call_id)]

    async def add(self, call_id: str, user: str, text: str) -> Note | None:
        """Keep a note. None: there is nothing in it, or these very words of theirs came a moment ago."""
        note = Note(id=secrets.token_hex(8), at=self._clock(), user=user, text=clean_note(text))
        if not note.text:
            return None
        return await self._writer.submit(lambda tx: _add(tx.db, call_id, note))

    async def remove(self, call_id: str, note_id: str, user: str) -> Note | None:
        """Take a note back. None: there is no such note, it is not theirs, or its ten minutes are over."""
        values = {"id": note_id, "call_id": call_id, "user_name": user, "since_us": self._since_us()}
        rows = await self._writer.submit(lambda tx: tx.db.execute(SQL["remove_note"], values).fetchall())
        return note_of(rows[0]) if rows else None

    async def link(self, call_id: str, number: TrackingNumber, user: str) -> bool:
        """Link a ticket to a call. False: there is no such ticket. Linked already, it stays as it is."""
        values = {"call_id": call_id, "tracking_number": number, "user_name": user, "at_us": to_us(self._clock())}
        return await self._writer.submit(lambda tx: _link_ticket(tx.db, values))

    async def unlink(self, call_id: str, number: TrackingNumber, user: str) -> bool:
        """Take a link back. False: there is none, it is not theirs, or its ten minutes are over."""
        values = {
            "call_id": call_id,
            "tracking_number": number,
            "user_name": user,
            "since_us": self._since_us(),
        }
        return await self._writer.submit(lambda tx: tx.db.execute(SQL["unlink_ticket"], values).rowcount > 0)

    def _since_us(self) -> int:
        return to_us(self._clock() - TAKE_BACK)


def follow(db: Db, call_id: str, winner: str) -> None:
    """A call is another one now, in the transaction that says so: what people added to it goes along."""
    for name in ("move_notes", "move_links", "drop_links", "move_wrap_ups", "drop_wrap_ups"):
        db.execute(SQL[name], {"call_id": call_id, "winner": winner})


def _add(db: Db, call_id: str, note: Note) -> Note | None:
    values = {"call_id": call_id, "user_name": note.user, "body": note.text}
    if db.execute(SQL["same_note"], {**values, "since_us": to_us(note.at - _SAME)}).fetchone():
        return None
    db.execute(SQL["insert_note"], {**values, "id": note.id, "at_us": to_us(note.at)})
    return note


def _link_ticket(db: Db, values: dict[str, Any]) -> bool:
    if not db.execute(SQL["ticket"], {"tracking_number": values["tracking_number"]}).fetchone():
        return False
    db.execute(SQL["link_ticket"], values)
    return True


def note_of(row: Any) -> Note:
    """The note of a row of `notes_of_call`."""
    note_id, at_us, user, text = row
    return Note(id=note_id, at=from_us(at_us), user=user, text=text)


def _link(row: Any) -> Link:
    number, at_us, user = row
    return Link(tracking_number=number, at=from_us(at_us), user=user)
