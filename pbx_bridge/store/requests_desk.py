"""What people do with what callers left: lists of tickets, complaints and callbacks, and how each ends.

What a step with a complaint means stands in complaint_steps.py: `handle` is its one way in, of commands and pages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Any

from pbx_bridge.errors import InputError, RequestRefused
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store import ticket_rows
from pbx_bridge.store.complaint_steps import Complaint, Handling, handled, reasoned, taken_up, ticket_of
from pbx_bridge.store.crm import TicketStatus
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.ticket_steps import Event, is_theirs
from pbx_bridge.store.times import from_us, maybe_us, to_us
from pbx_bridge.store.writer import Writer
from pbx_bridge.values import tracking
from pbx_bridge.values.hostile import clean, on_terminal

_LONGEST = 1000  # letters of what came of a callback
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
class Callback:
    """A callback; `done_by` is an extension, or empty.

    Attributes:
        kind: `asked` by a caller, or `follow_up`, set by one of us. owner: who is to call; empty: anybody.
        why: of a follow-up. tries: in vain.
    """

    id: str
    number: str
    customer_code: str
    queue: str
    asked_at: datetime
    wanted_at: datetime
    done_at: datetime | None
    done_by: str
    result: str
    kind: str
    owner: str
    why: str
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits for people: open callbacks and when the first of them is wanted, and complaints that are late."""

    callbacks: int
    oldest: datetime | None
    late_complaints: int


class RequestDesk:
    """The people's side. Every method may raise StoreError."""

    def __init__(self, writer: Writer, reader: Database, clock: Clock = utc_now, zone: tzinfo = UTC) -> None:
        self._writer, self._reader, self._clock, self._zone = writer, reader, clock, zone

    async def tickets(self, *, unfinished: bool = False) -> list[TicketLine]:
        """Tickets, the newest first; only those neither resolved nor closed if `unfinished`."""
        rows = await self._reader.rows(SQL["list_open_tickets" if unfinished else "list_tickets"])
        return [_ticket(row) for row in rows]

    async def complaints(self, *, late: bool = False) -> list[Complaint]:
        """Complaints, the nearest deadline first; only those with a missed one if `late`."""
        rows = await self._reader.rows(SQL["complaints"], tracking_number="")
        now = self._clock()
        return [told for told in map(complaint_of, rows) if not late or told.is_late(now)]

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

    async def complaint(self, number: str) -> Complaint | None:
        """The complaint of a tracking number."""
        rows = await self._reader.rows(SQL["complaints"], tracking_number=number)
        return complaint_of(rows[0]) if number and rows else None

    async def handle(
        self,
        number: str,
        what: Handling,
        done: str = "",
        *,
        by: str = "",
        revision: int | None = None,
        satisfaction: str = "",
    ) -> Complaint:
        """Take a complaint one step on. Raises RequestRefused: there is none, or it stands elsewhere.

        Args:
            number: its tracking number, as a person types it.
            done: what was done about it, kept with the complaint; an answer needs it.
            by: the user who does it. revision: of its ticket, as they saw it; None: whatever it is now.
            satisfaction: one of SATISFACTION, when it is closed.
        """
        plain, now = tracking.parse(number), self._clock()
        if plain is None:
            wrong = f"{on_terminal(number[:40])!r} is no tracking number: its digits do not fit together"
            raise RequestRefused("number", wrong)

        def work(before: Complaint) -> tuple[Complaint, Event]:
            return handled(before, what, done, by=by, now=now, satisfaction=satisfaction)

        return await self._writer.submit(lambda tx: _change(tx.db, plain, work, revision, self._zone))

    async def take_up(self, number: str, level: int, *, by: str, revision: int | None = None) -> Complaint:
        """Tell the next level of a complaint. Raises RequestRefused."""
        now = self._clock()

        def work(before: Complaint) -> tuple[Complaint, Event]:
            return taken_up(before, level, by=by, now=now)

        return await self._writer.submit(lambda tx: _change(tx.db, number, work, revision, self._zone))

    async def give_reason(self, number: str, reason: str, *, by: str, revision: int | None = None) -> Complaint:
        """Say anew what a complaint is about. Raises RequestRefused."""
        now = self._clock()

        def work(before: Complaint) -> tuple[Complaint, Event]:
            return reasoned(before, reason, by=by, now=now)

        return await self._writer.submit(lambda tx: _change(tx.db, number, work, revision, self._zone))

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


def _change(
    db: Db, number: str, work: Callable[[Complaint], tuple[Complaint, Event]], revision: int | None, zone: tzinfo
) -> Complaint:
    """Keep a complaint, its ticket and the line of its history as one change."""
    row = db.execute(SQL["complaints"], {"tracking_number": number}).fetchone()
    ticket = ticket_rows.one(db, number)
    if row is None or ticket is None:
        raise RequestRefused("unknown", f"{number}: no complaint has this tracking number")
    is_theirs(ticket, revision)
    after, event = work(complaint_of(row))
    values = {
        "tracking_number": number,
        "acknowledged_at_us": maybe_us(after.acknowledged_at),
        "answered_at_us": maybe_us(after.answered_at),
        "closed_at_us": maybe_us(after.closed_at),
        "answer_by_us": to_us(after.answer_by),
        "done": after.done,
        "reason": after.reason,
        "level": after.level,
        "satisfaction": after.satisfaction,
    }
    db.execute(SQL["handle_complaint"], values)
    ticket_rows.write(db, ticket, ticket_of(after, ticket, event, zone), event)
    return after


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


def complaint_of(row: Any) -> Complaint:
    """The complaint of a row of the query `complaints`."""
    number, code, subject, reason, message, received, acknowledge_by, answer_by, *reached, done, level, said = row
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
        level=level,
        satisfaction=said,
    )


def _callback(row: Any) -> Callback:
    name, number, code, queue, asked_at_us, wanted_at_us, done_at_us, done_by, result, *more = row
    kind, owner, why, tries = more
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
        kind=kind,
        owner=owner,
        why=why,
        tries=tries,
    )
