"""Tickets as rows: read with their customer's name, found by any conditions, written back with their history.

Called inside the database's thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from pbx_bridge.store.crm import TicketStatus
from pbx_bridge.store.database import Db
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.ticket_steps import Event, FullTicket
from pbx_bridge.store.times import from_us, maybe_us, to_us

_COLUMNS = (
    "t.tracking_number, t.customer_code, c.name, t.subject, t.kind, t.status, t.created_at_us, t.updated_at_us,"
    " t.promised_on, t.note, t.message, t.opened_by, t.assigned_to, t.reopened, t.respond_by_us, t.resolve_by_us,"
    " t.responded_at_us, t.stopped_at_us, t.resolved_at_us, t.promised_by_us, t.revision"
)
_FROM = f"SELECT {_COLUMNS} FROM ticket t JOIN customer c ON c.code = t.customer_code"  # noqa: S608 - our words only
_ONE = f"{_FROM} WHERE t.tracking_number = :tracking_number"
_ORDER = "ORDER BY t.created_at_us DESC, t.tracking_number DESC LIMIT :limit"

_OPEN = "t.status NOT IN ('resolved', 'closed')"
_BROKEN = (
    "(COALESCE(t.responded_at_us, :now_us) > t.respond_by_us"
    " OR COALESCE(t.stopped_at_us, :now_us) > t.resolve_by_us"
    " OR (t.kind <> 'complaint' AND COALESCE(t.stopped_at_us, :now_us) > t.promised_by_us))"
)
_NEAR = (
    "((t.responded_at_us IS NULL AND t.respond_by_us >= :now_us AND t.respond_by_us <= :near_us)"
    " OR (t.stopped_at_us IS NULL AND t.resolve_by_us >= :now_us AND t.resolve_by_us <= :near_us)"
    " OR (t.kind <> 'complaint' AND t.stopped_at_us IS NULL"
    " AND t.promised_by_us >= :now_us AND t.promised_by_us <= :near_us))"
)
_TEXT = "(LOWER(t.subject) LIKE :pattern ESCAPE '!' OR LOWER(c.name) LIKE :pattern ESCAPE '!' OR c.code = :code)"
_EITHER = str.maketrans(dict.fromkeys("يیئكک", "_"))  # one letter, typed as Arabic's or as Persian's
OPEN, BROKEN, NEAR = "open", "broken", "near"


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketKey:
    """Where a page of tickets ended; its text goes into an address and back."""

    created_at_us: int
    tracking_number: str

    @classmethod
    def of(cls, ticket: FullTicket) -> TicketKey:
        """The key of a page's last ticket."""
        return cls(created_at_us=to_us(ticket.created_at), tracking_number=ticket.tracking_number)

    @classmethod
    def parse(cls, text: str) -> TicketKey | None:
        """The key of its text; None: it is none."""
        at, dot, number = text.partition(".")
        if not (dot and all(part.isascii() and part.isdigit() and len(part) < 19 for part in (at, number))):
            return None
        return cls(created_at_us=int(at), tracking_number=number)

    def __str__(self) -> str:
        return f"{self.created_at_us}.{self.tracking_number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketSearch:
    """Which tickets are meant; all of it holds together, and what is empty asks nothing.

    Attributes:
        status: one of TicketStatus, or `open`: neither resolved nor closed.
        assigned_to: a user; "" is nobody, None anybody.
        promise: `broken`, or `near` with `near_until` from Promises.
        text: a part of the subject, of the customer's name, or their code.
        now: the moment at which promises stand so.
    """

    now: datetime
    near_until: datetime
    status: str = ""
    assigned_to: str | None = None
    kind: str = ""
    customer: str = ""
    promise: str = ""
    number: str = ""
    text: str = ""
    after: TicketKey | None = None
    limit: int = 50


def one(db: Db, number: str) -> FullTicket | None:
    """The ticket of a tracking number."""
    row = db.execute(_ONE, {"tracking_number": number}).fetchone()
    return None if row is None else _ticket(row)


def search(db: Db, wanted: TicketSearch) -> list[FullTicket]:
    """The tickets that are meant, the newest first."""
    told = list(_conditions(wanted))
    where = f" WHERE {' AND '.join(text for text, _ in told)}" if told else ""
    values: dict[str, Any] = {"limit": wanted.limit}
    for _, more in told:
        values |= more
    return [_ticket(row) for row in db.execute(f"{_FROM}{where} {_ORDER}", values)]


def write(db: Db, before: FullTicket, after: FullTicket, event: Event) -> FullTicket:
    """Keep a ticket as it is after a step, and the line of its history; the ticket as it is kept."""
    kept = replace(after, revision=before.revision + 1)
    values = {
        "tracking_number": kept.tracking_number,
        "status": kept.status.value,
        "updated_at_us": to_us(kept.updated_at),
        "promised_on": kept.promised_on.isoformat() if kept.promised_on else None,
        "promised_by_us": maybe_us(kept.promised_by),
        "note": kept.note,
        "assigned_to": kept.assigned_to,
        "reopened": kept.reopened,
        "respond_by_us": maybe_us(kept.respond_by),
        "resolve_by_us": maybe_us(kept.resolve_by),
        "responded_at_us": maybe_us(kept.responded_at),
        "stopped_at_us": maybe_us(kept.stopped_at),
        "resolved_at_us": maybe_us(kept.resolved_at),
        "revision": kept.revision,
    }
    db.execute(SQL["write_ticket"], values)
    note(db, kept.tracking_number, event)
    return kept


def note(db: Db, number: str, event: Event) -> None:
    """Keep a line of a ticket's history."""
    values = {
        "tracking_number": number,
        "at_us": to_us(event.at),
        "user_name": event.user,
        "what": event.what,
        "before_text": event.before,
        "after_text": event.after,
        "body": event.text,
    }
    db.execute(SQL["insert_event"], values)


def event(row: Any) -> Event:
    """A line of a ticket's history."""
    at_us, user, what, before, after, text = row
    return Event(at=from_us(at_us), user=user, what=what, before=before, after=after, text=text)


def _conditions(wanted: TicketSearch) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if wanted.status == OPEN:
        yield _OPEN, {}
    elif wanted.status:
        yield "t.status = :status", {"status": wanted.status}
    if wanted.assigned_to is not None:
        yield "t.assigned_to = :assigned_to", {"assigned_to": wanted.assigned_to}
    for name, column in (("kind", "kind"), ("customer", "customer_code"), ("number", "tracking_number")):
        if value := getattr(wanted, name):
            yield f"t.{column} = :{name}", {name: value}
    if wanted.promise == BROKEN:
        yield _BROKEN, {"now_us": to_us(wanted.now)}
    elif wanted.promise == NEAR:
        yield _NEAR, {"now_us": to_us(wanted.now), "near_us": to_us(wanted.near_until)}
    if wanted.text:
        told = {"pattern": f"%{_escaped(wanted.text)}%", "code": wanted.text}
        yield _TEXT, told
    if wanted.after is not None:
        place = {"after_us": wanted.after.created_at_us, "after_number": wanted.after.tracking_number}
        yield "(t.created_at_us, t.tracking_number) < (:after_us, :after_number)", place


def _escaped(text: str) -> str:
    return "".join(f"!{letter}" if letter in "!%_" else letter for letter in text.lower()).translate(_EITHER)


def _ticket(row: Any) -> FullTicket:
    (number, code, name, subject, kind, status, created, updated, promised_on, word, message, opened_by) = row[:12]
    (assigned_to, reopened, respond_by, resolve_by, responded, stopped, resolved, by_day, revision) = row[12:]
    return FullTicket(
        tracking_number=number,
        customer_code=code,
        customer_name=name,
        subject=subject,
        kind=kind,
        status=TicketStatus(status),
        created_at=from_us(created),
        updated_at=from_us(updated),
        promised_on=date.fromisoformat(promised_on) if promised_on else None,
        promised_by=_maybe(by_day),
        note=word,
        message=message,
        opened_by=opened_by,
        assigned_to=assigned_to,
        reopened=reopened,
        respond_by=_maybe(respond_by),
        resolve_by=_maybe(resolve_by),
        responded_at=_maybe(responded),
        stopped_at=_maybe(stopped),
        resolved_at=_maybe(resolved),
        revision=revision,
    )


def _maybe(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)
