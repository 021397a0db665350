"""What people do with what callers left: lists of tickets, complaints and callbacks, and how each ends.

A complaint is handled in the order of ISO 10002, clause 7: received, acknowledged, answered, closed; each with its
time, and with what was done. Nothing here makes anybody conform to that standard.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pbx_bridge.errors import InputError
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store.crm import TicketStatus
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, maybe_us, to_us
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.writer import Writer
from pbx_bridge.values import tracking
from pbx_bridge.values.hostile import clean, on_terminal

_LONGEST = 1000  # letters of what was done
_LEAST_ID = 4  # of a callback's id, where only its beginning is given


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketLine:
    """A ticket as a list shows it. `kind`: request or complaint."""

    tracking_number: str
    customer_code: str
    kind: str
    status: TicketStatus
    created_at: datetime
    updated_at: datetime
    subject: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """A complaint and how far its handling is; times are aware UTC, None where that has not been done.

    Attributes:
        done: what was done about it; empty until it is answered.
    """

    tracking_number: str
    customer_code: str
    subject: str
    reason: str
    message: str
    received_at: datetime
    acknowledge_by: datetime
    answer_by: datetime
    acknowledged_at: datetime | None
    answered_at: datetime | None
    closed_at: datetime | None
    done: str

    @property
    def stands(self) -> str:
        """`received`, `acknowledged`, `answered` or `closed`."""
        if self.closed_at:
            return "closed"
        if self.answered_at:
            return "answered"
        return "acknowledged" if self.acknowledged_at else "received"

    def is_late(self, now: datetime) -> bool:
        """Whether a deadline has passed and what it was for is still to be done."""
        if self.answered_at:
            return False
        return self.answer_by < now or (self.acknowledged_at is None and self.acknowledge_by < now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """A callback; `done_by` is an extension, or empty."""

    id: str
    number: str
    customer_code: str
    queue: str
    asked_at: datetime
    wanted_at: datetime
    done_at: datetime | None
    done_by: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits for people: open callbacks and when the first of them is wanted, and complaints that are late."""

    callbacks: int
    oldest: datetime | None
    late_complaints: int


class Handling(enum.Enum):
    """What a person can do with a complaint."""

    ACKNOWLEDGE = "acknowledged"
    ANSWER = "answered"
    CLOSE = "closed"


class RequestDesk:
    """The people's side. Every method may raise StoreError."""

    def __init__(self, writer: Writer, reader: Database, clock: Clock = utc_now) -> None:
        self._writer, self._reader, self._clock = writer, reader, clock

    async def tickets(self, *, unfinished: bool = False) -> list[TicketLine]:
        """Tickets, the newest first; only those neither resolved nor closed if `unfinished`."""
        rows = await self._reader.rows(SQL["list_open_tickets" if unfinished else "list_tickets"])
        return [_ticket(row) for row in rows]

    async def complaints(self, *, late: bool = False) -> list[Complaint]:
        """Complaints, the nearest deadline first; only those with a missed one if `late`."""
        rows = await self._reader.rows(SQL["complaints"], tracking_number="")
        now = self._clock()
        return [told for told in map(_complaint, rows) if not late or told.is_late(now)]

    async def callbacks(self, *, everything: bool = False) -> list[Callback]:
        """Open callbacks, the longest wanted first; with `everything` those done after them."""
        rows = await self._reader.rows(SQL["list_callbacks" if everything else "list_open_callbacks"])
        return [_callback(row) for row in rows]

    async def waiting(self) -> Waiting:
        """What waits for people, for a page."""
        [row] = await self._reader.rows(SQL["requests_waiting"], now_us=to_us(self._clock()))
        callbacks, oldest_us, late = row
        oldest = None if oldest_us is None else from_us(oldest_us)
        return Waiting(callbacks=callbacks, oldest=oldest, late_complaints=late)

    async def handle(self, number: str, what: Handling, done: str = "") -> Complaint:
        """Take a complaint one step on. Raises InputError: there is none, or it stands elsewhere.

        Args:
            number: its tracking number, as a person types it.
            done: what was done about it, kept with the complaint; an answer needs it.
        """
        plain, now, told = tracking.parse(number), self._clock(), clean(done, _LONGEST)
        if plain is None:
            raise InputError(f"{on_terminal(number[:40])!r} is no tracking number: its digits do not fit together")
        return await self._writer.submit(lambda tx: _handle(tx, plain, what, told, now))

    async def finish(self, start: str, *, by: str = "", result: str = "") -> Callback:
        """A callback is done. Raises InputError: there is none of this id, or it was done before.

        Args:
            start: its id, or the beginning of it. by: the extension of who called. result: what came of it.
        """
        name, now = start.strip().lower(), self._clock()
        if len(name) < _LEAST_ID:
            raise InputError(
                f"{on_terminal(start[:40])!r}: name a callback by at least {_LEAST_ID} letters of its id"
            )
        told = {"at_us": to_us(now), "by": clean(by, 40), "result": clean(result, _LONGEST)}
        return await self._writer.submit(lambda tx: _finish(tx.db, name, told))


def _handle(transaction: Transaction, number: str, what: Handling, done: str, now: datetime) -> Complaint:
    db = transaction.db
    row = db.execute(SQL["complaints"], {"tracking_number": number}).fetchone()
    if row is None:
        raise InputError(f"{number}: no complaint has this tracking number")
    before = _complaint(row)
    if why_not := _why_not(before, what, done):
        raise InputError(f"{number}: {why_not}")
    after = _after(before, what, done, now)
    values = {
        "tracking_number": number,
        "acknowledged_at_us": maybe_us(after.acknowledged_at),
        "answered_at_us": maybe_us(after.answered_at),
        "closed_at_us": maybe_us(after.closed_at),
        "done": after.done,
    }
    db.execute(SQL["handle_complaint"], values)
    db.execute(SQL["set_ticket_status"], {"tracking_number": number, "status": _STATUS[what], "at_us": to_us(now)})
    return after


_STATUS = {
    Handling.ACKNOWLEDGE: TicketStatus.IN_PROGRESS.value,
    Handling.ANSWER: TicketStatus.RESOLVED.value,
    Handling.CLOSE: TicketStatus.CLOSED.value,
}


def _why_not(complaint: Complaint, what: Handling, done: str) -> str:
    if complaint.closed_at:
        return "this complaint is closed"
    if what is Handling.ACKNOWLEDGE and complaint.acknowledged_at:
        return "this complaint was acknowledged before"
    if what is Handling.ANSWER and complaint.answered_at:
        return "this complaint was answered before"
    if what is Handling.ANSWER and not done:
        return "what was done about it is missing: --done TEXT"
    if what is Handling.CLOSE and not complaint.answered_at:
        return "this complaint is not answered yet; answer it first"
    return ""


def _after(complaint: Complaint, what: Handling, done: str, now: datetime) -> Complaint:
    told = " ".join(text for text in (complaint.done, done) if text)
    known = replace(complaint, done=told, acknowledged_at=complaint.acknowledged_at or now)
    match what:
        case Handling.ACKNOWLEDGE:
            return known
        case Handling.ANSWER:
            return replace(known, answered_at=now)
        case Handling.CLOSE:
            return replace(known, closed_at=now)


def _finish(db: Db, start: str, told: dict[str, Any]) -> Callback:
    rows: Sequence[Any] = db.execute(SQL["callbacks_beginning"], {"start": start}).fetchall()
    if not rows:
        raise InputError(f"{on_terminal(start[:40])!r}: no callback has this id")
    if len(rows) > 1:
        raise InputError(f"{start!r}: several callbacks begin so; give more of the id")
    found = _callback(rows[0])
    if found.done_at is not None:
        raise InputError(f"{found.id}: this callback was done before")
    db.execute(SQL["finish_callback"], {"id": found.id, **told})
    return replace(found, done_at=from_us(told["at_us"]), done_by=told["by"], result=told["result"])


def _ticket(row: Any) -> TicketLine:
    number, code, kind, status, created_at_us, updated_at_us, subject, message = row
    return TicketLine(
        tracking_number=number,
        customer_code=code,
        kind=kind,
        status=TicketStatus(status),
        created_at=from_us(created_at_us),
        updated_at=from_us(updated_at_us),
        subject=subject,
        message=message,
    )


def _complaint(row: Any) -> Complaint:
    number, code, subject, reason, message, received, acknowledge_by, answer_by, *reached, done = row
    acknowledged_at, answered_at, closed_at = (None if us is None else from_us(us) for us in reached)
    return Complaint(
        tracking_number=number,
        customer_code=code,
        subject=subject,
        reason=reason,
        message=message,
        received_at=from_us(received),
        acknowledge_by=from_us(acknowledge_by),
        answer_by=from_us(answer_by),
        acknowledged_at=acknowledged_at,
        answered_at=answered_at,
        closed_at=closed_at,
        done=done,
    )


def _callback(row: Any) -> Callback:
    name, number, code, queue, asked_at_us, wanted_at_us, done_at_us, done_by, result = row
    return Callback(
        id=name,
        number=number,
        customer_code=code,
        queue=queue,
        asked_at=from_us(asked_at_us),
        wanted_at=from_us(wanted_at_us),
        done_at=None if done_at_us is None else from_us(done_at_us),
        done_by=done_by,
        result=result,
    )
