"""What callers leave for people to do: tickets, complaints, callbacks. Each is written once for its origin.

An origin is what asked for it, the same at each repetition: a daemon that was killed asks again. What is there
already is given back as it is, with the number that the caller may have heard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from pbx_bridge.calls.promises import Promises, Terms
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store.database import Db
from pbx_bridge.store.heirs import heir
from pbx_bridge.store.numbering import fresh_number
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.ticket_rows import note
from pbx_bridge.store.ticket_steps import COMPLAINT, Event
from pbx_bridge.store.times import from_us, maybe_us, to_us
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.writer import Writer
from pbx_bridge.values.hostile import clean
from pbx_bridge.values.tracking import TrackingNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTicket:
    """A ticket to be opened. `message` names a recording, or is empty; `by`: the user who opens it, if it is one."""

    origin: str
    customer_code: str
    subject: str
    message: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewComplaint:
    """A complaint to be filed, with a ticket of its own.

    Attributes:
        reason: what it is about, beside the ticket's subject; may be empty.
        acknowledge_by, answer_by: aware. answer_on: the last day for the answer, as the customer is told.
    """

    ticket: NewTicket
    reason: str
    acknowledge_by: datetime
    answer_by: datetime
    answer_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCallback:
    """A callback to be promised.

    Attributes:
        number: E.164, or an extension, as `call_body.number_key` has it.
        wanted_at: aware; not before then.
    """

    origin: str
    node: str
    channel: str
    number: str
    queue: str
    wanted_at: datetime
    customer_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A ticket that is there now. `promised_on`: of a complaint, the last day for the answer."""

    tracking_number: TrackingNumber
    at: datetime
    promised_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """A callback that is there now. `again`: an open one to that number for that queue was moved to this time."""

    id: str
    number: str
    wanted_at: datetime
    again: bool = False


class RequestBook(Protocol):
    """What flows ask. Every method may raise StoreError."""

    async def open_ticket(self, new: NewTicket) -> Opened | None:
        """The ticket of this origin, opened if it is not there. None: there is no such customer."""

    async def file_complaint(self, new: NewComplaint) -> Opened | None:
        """The complaint of this origin, filed if it is not there. None: there is no such customer."""

    async def ask_for_callback(self, new: NewCallback) -> Promised:
        """The callback of this origin. A number has one open callback for a queue: a new wish moves it."""


class Requests:
    """The RequestBook in the store. `promises`: what is promised of a ticket when it is opened."""

    def __init__(self, writer: Writer, clock: Clock = utc_now, promises: Promises | None = None) -> None:
        self._writer, self._clock, self.promises = writer, clock, promises or Promises()

    async def open_ticket(self, new: NewTicket) -> Opened | None:
        """See RequestBook."""
        now = self._clock()
        return await self._writer.submit(lambda tx: _ticket(tx.db, new, now, self.promises))

    async def file_complaint(self, new: NewComplaint) -> Opened | None:
        """See RequestBook."""
        now = self._clock()
        return await self._writer.submit(lambda tx: _complaint(tx.db, new, now))

    async def ask_for_callback(self, new: NewCallback) -> Promised:
        """See RequestBook."""
        now = self._clock()
        return await self._writer.submit(lambda tx: _callback(tx, new, now))


def callback_id(origin: str) -> str:
    """The id of the callback that this origin asked for."""
    return hashlib.sha256(origin.encode("utf-8", "replace")).hexdigest()[:16]


def _ticket(db: Db, new: NewTicket, now: datetime, promises: Promises) -> Opened | None:
    kind = "request"

    def terms(customer: Any) -> Terms:
        grades = (_level(db, customer[0], promises.today(now)), customer[3])  # its tier
        return promises.terms(kind, grades, now)

    # Whoever opens it for a caller has the caller's ear: that is the first response.
    return _open(db, new, now, kind=kind, terms=terms, responded_at=now if new.by else None)


def _level(db: Db, code: str, today: date) -> str:
    """The level of the contract that is valid today; empty: there is none."""
    row = db.execute(SQL["contract"], {"code": code, "today": today.isoformat()}).fetchone()
    return row[4] if row and row[3] >= today.isoformat() else ""


def _open(
    db: Db,
    new: NewTicket,
    now: datetime,
    *,
    kind: str,
    terms: Callable[[Any], Terms],
    responded_at: datetime | None = None,
    day: date | None = None,
) -> Opened | None:
    message = clean(new.message)
    if there := db.execute(SQL["ticket_of_origin"], {"origin": new.origin}).fetchone():
        # Asked again after the answer was lost: what the caller recorded last is what they want to be heard.
        db.execute(SQL["set_message"], {"origin": new.origin, "message": message})
        return _opened(there)
    # A caller's flow may have begun before that customer became another one.
    customer = db.execute(SQL["customer_by_code"], {"code": heir(db, new.customer_code)}).fetchone()
    if not customer:
        return None
    number, promised, subject = fresh_number(db), terms(customer), clean(new.subject)
    values = {
        "tracking_number": number,
        "customer_code": customer[0],
        "subject": subject,
        "at_us": to_us(now),
        "promised_on": day.isoformat() if day else None,
        "kind": kind,
        "message": message,
        "origin": new.origin,
        "opened_by": new.by,
        "respond_by_us": maybe_us(promised.respond_by),
        "resolve_by_us": maybe_us(promised.resolve_by),
        "responded_at_us": maybe_us(responded_at),
    }
    db.execute(SQL["insert_request"], values)
    note(db, number, Event(at=now, user=new.by, what="opened", text=subject))
    return Opened(tracking_number=number, at=now, promised_on=day)


def _complaint(db: Db, new: NewComplaint, now: datetime) -> Opened | None:
    terms = Terms(respond_by=new.acknowledge_by, resolve_by=new.answer_by)
    opened = _open(db, new.ticket, now, kind=COMPLAINT, terms=lambda _: terms, day=new.answer_on)
    if opened is not None:
        values = {
            "tracking_number": opened.tracking_number,
            "reason": clean(new.reason),
            "received_at_us": to_us(now),
            "acknowledge_by_us": to_us(new.acknowledge_by),
            "answer_by_us": to_us(new.answer_by),
        }
        db.execute(SQL["insert_complaint"], values)
    return opened


def _opened(row: Any) -> Opened:
    number, created_at_us, promised_on = row
    day = date.fromisoformat(promised_on) if promised_on else None
    return Opened(tracking_number=TrackingNumber(number), at=from_us(created_at_us), promised_on=day)


def _callback(transaction: Transaction, new: NewCallback, now: datetime) -> Promised:
    db, asked_by = transaction.db, callback_id(new.origin)
    if there := db.execute(SQL["callback_of"], {"id": asked_by}).fetchone():
        return _promised(there, asked_by)
    wanted = {"id": asked_by, "number": new.number, "queue": new.queue, "wanted_at_us": to_us(new.wanted_at)}
    if moved := db.execute(SQL["move_callback"], wanted).fetchone():
        return _promised(moved, asked_by)
    code = heir(db, new.customer_code)
    rest = {"node": new.node, "channel": new.channel, "customer_code": code, "asked_at_us": to_us(now)}
    return _promised(db.execute(SQL["insert_callback"], wanted | rest).fetchone(), asked_by)


def _promised(row: Any, asked_by: str) -> Promised:
    name, number, wanted_at_us = row
    return Promised(id=name, number=number, wanted_at=from_us(wanted_at_us), again=name != asked_by)
