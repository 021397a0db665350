"""What agents tell of the calls they had in hand: a note while talking, then a reason, a ticket, the next step.

A row begins when the agent talks, so that it outlives their page, their browser and the daemon. The call may not be
on record by then, or become another one: each write looks where its first channel is now, and takes along what stood
under the id it was begun with.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pbx_bridge.calls.call import Call
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store import call_notes
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.some_ids import PLACES, lots
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, maybe_us, to_us
from pbx_bridge.store.wrap_ups_missed import is_told_of, missed, told_in
from pbx_bridge.store.writer import Writer
from pbx_bridge.values.hostile import clean

MOST = 20  # calls of one agent that wait to be told of; the newest count
LONGEST = 200  # letters of a reason or a next step


class Stand(enum.StrEnum):
    """How far an agent is with a call."""

    OPEN = "open"
    LATER = "later"  # put off
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWrapUp:
    """A call that an agent has in hand now.

    Attributes:
        call_id: as far as it is known. node, channel: its first channel, by which it is found on record.
        number, name: whom it is with, as the card showed; hostile text.
    """

    call_id: str
    user: str
    extension: str
    node: str
    channel: str
    number: str = ""
    name: str = ""
    began_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUp:
    """What an agent told of a call; times are aware UTC.

    Attributes:
        customer_code: as they chose it; empty: as the record has it.
        ended_at: when it left their hands; None: they have it.
        note: as it stands. turn: how often it was written.
        done_at: when they were done; None: they are not.
    """

    call_id: str
    user: str
    extension: str
    node: str
    channel: str
    number: str
    name: str
    customer_code: str
    began_at: datetime
    ended_at: datetime | None = None
    stand: Stand = Stand.OPEN
    reason: str = ""
    next_step: str = ""
    note_id: str
    turn: int = 0
    done_at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What came of writing a note. `kept` false: another page wrote meanwhile; `now` tells what stands there."""

    kept: bool
    now: WrapUp


class WrapUps:
    """Keeps them. Every method may raise StoreError; None: the agent never had such a call."""

    def __init__(self, writer: Writer, reader: Database, clock: Clock = utc_now) -> None:
        self._writer, self._reader, self._clock = writer, reader, clock

    async def begin(self, new: NewWrapUp) -> WrapUp:
        """The agent has this call in hand, perhaps again."""
        return await self._writer.submit(lambda tx: _begin(tx.db, new))

    async def catch_up(self, user: str, extension: str) -> int:
        """Begin those of the agent's calls that ended while no desk was there; how many: see wrap_ups_missed.py."""
        now = self._clock()
        calls = await self._reader.read(lambda db: missed(db, user, extension, now))
        if not calls:
            return 0
        return await self._writer.submit(lambda tx: sum(_begin_late(tx.db, one, user, extension) for one in calls))

    async def to_do(self, user: str) -> list[WrapUp]:
        """The calls of which an agent has not told yet, those in hand among them, the newest first."""
        rows = await self._reader.rows(SQL["wrap_ups_to_do"], user_name=user, limit=MOST)
        return [_wrap_up(row) for row in rows]

    async def of_call(self, call_id: str) -> list[WrapUp]:
        """What every agent told of a call, without their notes, which stand at the call."""
        return [_wrap_up(row) for row in await self._reader.rows(SQL["wrap_ups_of_call"], call_id=call_id)]

    async def of_calls(self, call_ids: Sequence[str]) -> Mapping[str, Sequence[WrapUp]]:
        """The same of some calls, by call id; a call of which nobody told anything is not among them."""

        def read(db: Db) -> list[WrapUp]:
            return [_wrap_up(row) for values in lots(call_ids) for row in db.execute(_OF_CALLS, values)]

        found: dict[str, list[WrapUp]] = {}
        for one in sorted(await self._reader.read(read), key=lambda one: (one.began_at, one.user)):
            found.setdefault(one.call_id, []).append(one)
        return found

    async def write(self, call_id: str, user: str, note: str, turn: int) -> Written | None:
        """The note as it stands now, written on what was the note's `turn`; an empty one takes it away.

        Of two who write at once the later gets what the first wrote, and nothing is kept.
        """
        text, now = call_notes.clean_note(note), self._clock()
        return await self._writer.submit(lambda tx: _write(tx.db, call_id, user, text, turn, now))

    async def left(self, call_id: str, user: str) -> WrapUp | None:
        """The call has left the agent's hands."""
        now = self._clock()
        return await self._change(call_id, user, lambda one: replace(one, ended_at=one.ended_at or now))

    async def choose(self, call_id: str, user: str, customer_code: str) -> WrapUp | None:
        """Of several customers with the number it is with this one."""
        return await self._change(call_id, user, lambda one: replace(one, customer_code=customer_code))

    async def tell(self, call_id: str, user: str, *, reason: str, next_step: str, stand: Stand) -> WrapUp | None:
        """What it was about and what comes next. Once DONE it stays so."""
        now, why, then = self._clock(), clean(reason, LONGEST), clean(next_step, LONGEST)

        def tell(one: WrapUp) -> WrapUp:
            done = Stand.DONE in (one.stand, stand)
            done_at = one.done_at or now if done else None
            stands = Stand.DONE if done else stand
            return replace(one, stand=stands, done_at=done_at, reason=why, next_step=then)

        return await self._change(call_id, user, tell)

    async def _change(self, call_id: str, user: str, change: Callable[[WrapUp], WrapUp]) -> WrapUp | None:
        return await self._writer.submit(lambda tx: _change(tx.db, call_id, user, change))


_OF_CALLS = f"{SQL['wrap_ups_of_call'].partition('WHERE')[0]} WHERE w.call_id IN ({PLACES})"


def note_id_of(call_id: str, user: str) -> str:
    """The id of the note that an agent writes while they have a call in hand."""
    return hashlib.sha256(f"{call_id}\n{user}".encode("utf-8", "replace")).hexdigest()[:16]


def _begin(db: Db, new: NewWrapUp) -> WrapUp:
    call_id = _on_record(db, new.call_id, new.node, new.channel)
    values = {
        "call_id": call_id,
        "user_name": new.user,
        "extension": new.extension,
        "node": new.node,
        "channel": new.channel,
        "number": clean(new.number, 40),
        "name": clean(new.name, 80),
        "began_at_us": to_us(new.began_at),
        "note_id": note_id_of(call_id, new.user),
    }
    db.execute(SQL["begin_wrap_up"], values)
    return _wrap_up(db.execute(SQL["wrap_up"], values).fetchone())


def _begin_late(db: Db, call: Call, user: str, extension: str) -> bool:
    if is_told_of(db, call, user, extension):
        return False
    began_at, ended_at, number, name = told_in(call, extension)
    new = NewWrapUp(
        call_id=call.call_id,
        user=user,
        extension=extension,
        node=call.node,
        channel=call.root,
        number=number,
        name=name,
        began_at=began_at,
    )
    _keep(db, replace(_begin(db, new), ended_at=ended_at))
    return True


def _write(db: Db, call_id: str, user: str, text: str, turn: int, now: datetime) -> Written | None:
    there = _settled(db, call_id, user)
    if there is None:
        return None
    if text == there.note:  # the answer to the same words was lost, or another page has them as well
        return Written(kept=True, now=there)
    if turn != there.turn:
        return Written(kept=False, now=there)
    row = {"id": there.note_id, "call_id": there.call_id, "at_us": to_us(now), "user_name": user, "body": text}
    if text:
        db.execute(SQL["write_note"], row)
    else:
        db.execute(SQL["drop_note"], {"id": there.note_id})
    written = replace(there, note=text, turn=turn + 1)
    _keep(db, written)
    return Written(kept=True, now=written)


def _change(db: Db, call_id: str, user: str, change: Callable[[WrapUp], WrapUp]) -> WrapUp | None:
    there = _settled(db, call_id, user)
    if there is None:
        return None
    changed = change(there)
    _keep(db, changed)
    return changed


def _keep(db: Db, one: WrapUp) -> None:
    values = {
        "call_id": one.call_id,
        "user_name": one.user,
        "customer_code": one.customer_code,
        "ended_at_us": maybe_us(one.ended_at),
        "state": one.stand.value,
        "reason": one.reason,
        "next_step": one.next_step,
        "note_turn": one.turn,
        "done_at_us": maybe_us(one.done_at),
    }
    db.execute(SQL["change_wrap_up"], values)


def _settled(db: Db, call_id: str, user: str) -> WrapUp | None:
    """The row, under the call's id on record; with all that people added under the id it had before."""
    there = _find(db, call_id, user)
    if there is None:
        return None
    known = _on_record(db, call_id, there.node, there.channel)
    if known == call_id:
        return there
    call_notes.follow(db, call_id, known)
    return _find(db, known, user)


def _on_record(db: Db, call_id: str, node: str, channel: str) -> str:
    """The id of the call that this channel belongs to, if it is on record; else the one it was taken for."""
    if db.execute(SQL["get_call"], {"call_id": call_id}).fetchone() is not None:
        return call_id
    group = db.execute(SQL["group_of_key"], {"node": node, "channel_key": channel}).fetchone()
    rows = db.execute(SQL["bodies_of_group"], {"id": group[0]}).fetchall() if group is not None else []
    return str(rows[0][0]) if len(rows) == 1 else call_id


def _find(db: Db, call_id: str, user: str) -> WrapUp | None:
    row = db.execute(SQL["wrap_up"], {"call_id": call_id, "user_name": user}).fetchone()
    return None if row is None else _wrap_up(row)


def _wrap_up(row: Any) -> WrapUp:
    *texts, began_us, ended_us, stand, reason, next_step, note_id, turn, done_us, note = row
    call_id, user, extension, node, channel, number, name, code = texts
    return WrapUp(
        call_id=call_id,
        user=user,
        extension=extension,
        node=node,
        channel=channel,
        number=number,
        name=name,
        customer_code=code,
        began_at=from_us(began_us),
        ended_at=None if ended_us is None else from_us(ended_us),
        stand=Stand(stand),
        reason=reason,
        next_step=next_step,
        note_id=note_id,
        turn=turn,
        done_at=None if done_us is None else from_us(done_us),
        note=note,
    )
