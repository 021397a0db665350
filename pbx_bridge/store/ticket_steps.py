"""What people may do with a ticket, and what becomes of it. Pure: the store and the pages' memory do the same.

    new ──assign──► assigned          any open state ──► in progress, waiting for the customer, resolved
     ▲───unassign──────┘              resolved ──► closed          new, assigned, waiting ──► closed: nothing is to do
    resolved, closed ──reopen──► assigned, or new if nobody has it

A complaint goes by its own steps instead (requests_desk.py): received, acknowledged, answered, closed. A ticket is
responded to by the first step of a person of ours that its customer can see or hear: a change of its state other than
its assignment, a promised day, a word for callers. Whom it is given to and notes for colleagues are no response.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import assert_never

from pbx_bridge.calls.promises import DAY, RESOLVE, RESPOND, Promise, Promises
from pbx_bridge.errors import RequestRefused
from pbx_bridge.store.crm import TicketStatus
from pbx_bridge.values.dates import end_of_day
from pbx_bridge.values.hostile import clean

LONGEST_NOTE = 2000  # letters of a note for colleagues
LONGEST_WORD = 200  # letters that callers are told, as an import has it: 20 s of Persian
COMPLAINT = "complaint"

_NEW, _ASSIGNED, _DOING = TicketStatus.NEW, TicketStatus.ASSIGNED, TicketStatus.IN_PROGRESS
_WAITING, _RESOLVED, _CLOSED = TicketStatus.WAITING_CUSTOMER, TicketStatus.RESOLVED, TicketStatus.CLOSED

NEXT: Mapping[TicketStatus, tuple[TicketStatus, ...]] = {
    _NEW: (_DOING, _WAITING, _RESOLVED, _CLOSED),
    _ASSIGNED: (_DOING, _WAITING, _RESOLVED, _CLOSED),
    _DOING: (_WAITING, _RESOLVED),
    _WAITING: (_DOING, _RESOLVED, _CLOSED),
    _RESOLVED: (_CLOSED,),
    _CLOSED: (),
}
"""Which state may follow by a Move; Assign and Reopen lead to the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FullTicket:
    """A ticket with everything people know of it; times are aware UTC.

    Attributes:
        promised_on: the day that callers are told; promised_by: its end.
        note: what callers are told. message: the recording it came with; empty: none.
        opened_by: the user who opened it; empty: a caller in the menus, or an import.
        assigned_to: the user who has it; empty: nobody.
        reopened: how often.
        stopped_at: since when the promise to resolve it stands still; None: it runs.
        revision: grows with every change: who changes an older one is told so.
    """

    tracking_number: str
    customer_code: str
    customer_name: str
    subject: str
    kind: str
    status: TicketStatus
    created_at: datetime
    updated_at: datetime
    promised_on: date | None = None
    promised_by: datetime | None = None
    note: str = ""
    message: str = ""
    opened_by: str = ""
    assigned_to: str = ""
    reopened: int = 0
    respond_by: datetime | None = None
    resolve_by: datetime | None = None
    responded_at: datetime | None = None
    stopped_at: datetime | None = None
    resolved_at: datetime | None = None
    revision: int = 1

    @property
    def promises(self) -> Iterator[Promise]:
        """What was promised of it."""
        if self.respond_by:
            met = self.responded_at is not None
            yield Promise(what=RESPOND, due=self.respond_by, stopped_at=self.responded_at, met=met)
        if self.resolve_by:
            met = self.resolved_at is not None
            yield Promise(what=RESOLVE, due=self.resolve_by, stopped_at=self.stopped_at, met=met)
        if self.promised_by and self.kind != COMPLAINT:  # of a complaint it is the day of the answer
            met = self.resolved_at is not None
            yield Promise(what=DAY, due=self.promised_by, stopped_at=self.stopped_at, met=met)


@dataclass(frozen=True, slots=True)
class Move:
    """To another state."""

    to: TicketStatus


@dataclass(frozen=True, slots=True)
class Reopen:
    """The customer is not content."""


@dataclass(frozen=True, slots=True)
class Assign:
    """To somebody; empty: to nobody."""

    to: str


@dataclass(frozen=True, slots=True)
class PromiseDay:
    """The day that customers are told; None: none any more."""

    day: date | None


@dataclass(frozen=True, slots=True)
class TellCallers:
    """What callers are told; empty: nothing any more."""

    text: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A note for colleagues."""

    text: str


Step = Move | Reopen | Assign | PromiseDay | TellCallers | Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A line of a ticket's history. `user` is empty where no person of ours did it. Texts are clean, not escaped."""

    at: datetime
    user: str
    what: str
    before: str = ""
    after: str = ""
    text: str = ""


def take(ticket: FullTicket, step: Step, promises: Promises, *, by: str, now: datetime) -> tuple[FullTicket, Event]:
    """The ticket after a step, and the line of its history. Raises RequestRefused."""
    event: tuple[str, str, str, str]
    match step:
        case Move():
            after, event = _moved(ticket, step.to, promises, now), ("moved", ticket.status, step.to, "")
        case Reopen():
            after, event = _reopened(ticket, promises, now), ("reopened", ticket.status, "", "")
        case Assign():
            after, event = _assigned(ticket, step.to, now), ("assigned", ticket.assigned_to, step.to, "")
        case PromiseDay():
            by_then = end_of_day(step.day, promises.zone).astimezone(UTC) if step.day else None
            after = replace(ticket, promised_on=step.day, promised_by=by_then, updated_at=now)
            event = ("promised", _day(ticket.promised_on), _day(step.day), "")
        case TellCallers():
            text = clean(step.text, LONGEST_WORD * 2)
            if len(text) > LONGEST_WORD:
                raise RequestRefused("word_long", f"callers are told at most {LONGEST_WORD} letters")
            after, event = replace(ticket, note=text, updated_at=now), ("told", ticket.note, text, "")
        case Remark():
            text = remark(step.text)
            if not text:
                raise RequestRefused("note_empty", "there is nothing in the note")
            after, event = ticket, ("noted", "", "", text)
        case _:
            assert_never(step)
    what, before, then, text = event
    if before == then and not text:
        raise RequestRefused("same", "that is so already")
    if ticket.kind != COMPLAINT and _is_response(step):  # a complaint is acknowledged instead
        after = replace(after, responded_at=ticket.responded_at or now)
    return after, Event(at=now, user=by, what=what, before=before, after=then, text=text)


def is_theirs(ticket: FullTicket, revision: int | None) -> None:
    """Raises RequestRefused if somebody changed it since its reader saw that revision."""
    if revision is not None and revision != ticket.revision:
        raise RequestRefused("changed", "somebody else changed it meanwhile: look at it again")


def remark(text: str) -> str:
    """A note as it is kept: its lines clean, at most LONGEST_NOTE letters."""
    lines = (clean(line, LONGEST_NOTE) for line in text[: LONGEST_NOTE * 8].replace("\r\n", "\n").split("\n"))
    return "\n".join(lines).strip()[:LONGEST_NOTE]


def stopped(ticket: FullTicket, status: TicketStatus, promises: Promises, now: datetime) -> FullTicket:
    """The ticket in another state, the clock of its promise stopped, or going on with what was left."""
    after = replace(ticket, status=status, updated_at=now, resolved_at=None)
    if not status.is_open:
        after = replace(after, resolved_at=ticket.resolved_at or now)
    if not status.is_open or status is _WAITING:
        return replace(after, stopped_at=ticket.stopped_at or now)
    if ticket.stopped_at is None:
        return after
    due = ticket.resolve_by and promises.moved(ticket.resolve_by, ticket.stopped_at, now)
    return replace(after, stopped_at=None, resolve_by=due)


def _moved(ticket: FullTicket, to: TicketStatus, promises: Promises, now: datetime) -> FullTicket:
    if ticket.kind == COMPLAINT:
        raise RequestRefused("complaint", "a complaint is acknowledged, answered and closed instead")
    if to is ticket.status:
        raise RequestRefused("same", "that is so already")
    if to not in NEXT[ticket.status]:
        raise RequestRefused("step", f"a ticket that is {ticket.status} cannot become {to}")
    return stopped(ticket, to, promises, now)


def _reopened(ticket: FullTicket, promises: Promises, now: datetime) -> FullTicket:
    if ticket.kind == COMPLAINT:
        raise RequestRefused("complaint", "a complaint is acknowledged, answered and closed instead")
    if ticket.status.is_open:
        raise RequestRefused("open", "this ticket is open")
    status = _ASSIGNED if ticket.assigned_to else _NEW
    return replace(stopped(ticket, status, promises, now), reopened=ticket.reopened + 1)


def _assigned(ticket: FullTicket, to: str, now: datetime) -> FullTicket:
    if not ticket.status.is_open:
        raise RequestRefused("over", f"a ticket that is {ticket.status} is given to nobody")
    after = replace(ticket, assigned_to=to)
    if ticket.kind == COMPLAINT or ticket.status not in (_NEW, _ASSIGNED):
        return after
    return replace(after, status=_ASSIGNED if to else _NEW, updated_at=now)


def _is_response(step: Step) -> bool:
    match step:
        case Move():
            return True
        case PromiseDay(day=day):
            return day is not None
        case TellCallers(text=text):
            return bool(clean(text))
        case Reopen() | Assign() | Remark():
            return False


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""
