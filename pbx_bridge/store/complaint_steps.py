"""What people may do with a complaint, and what becomes of it and of its ticket. Pure.

A complaint is handled in the order of ISO 10002, clause 7: received, acknowledged, answered, closed; each with its
time, and with what was done. Nothing here makes anybody conform to that standard.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo

from pbx_bridge.errors import RequestRefused
from pbx_bridge.store.crm import TicketStatus
from pbx_bridge.store.ticket_steps import Event, FullTicket
from pbx_bridge.values.hostile import clean

LONGEST_DONE = 1000  # letters of what was done
LONGEST_REASON = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """A complaint and how far its handling is; times are aware UTC, None where that has not been done.

    Attributes:
        done: what was done about it; empty until it is answered.
        level: how far up people took it; time may have taken it further (calls/escalation.py).
        satisfaction: what the complainant said in the end, one of SATISFACTION; empty: nobody asked.
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
    level: int = 0
    satisfaction: str = ""

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

    @property
    def next_by(self) -> datetime | None:
        """The deadline of what is to be done next; None: it is answered."""
        if self.answered_at:
            return None
        return self.answer_by if self.acknowledged_at else self.acknowledge_by


class Handling(enum.Enum):
    """What a person can do with a complaint."""

    ACKNOWLEDGE = "acknowledged"
    ANSWER = "answered"
    CLOSE = "closed"
    REOPEN = "complaint_reopened"  # the complainant is not content with the answer


SATISFACTION = ("yes", "partly", "no", "unknown")
"""What complainants say when they are asked in the end; `unknown`: they could not be reached, or would not say."""


def handled(
    before: Complaint, what: Handling, done: str, *, by: str, now: datetime, satisfaction: str = ""
) -> tuple[Complaint, Event]:
    """A complaint one step on, and the line of its history. Raises RequestRefused."""
    told = clean(done, LONGEST_DONE)
    _refuse_if(_why_not(before, what, told, satisfaction), before)
    after = replace(_after(before, what, told, now), satisfaction=satisfaction or before.satisfaction)
    if what is Handling.REOPEN:
        after = replace(after, satisfaction="")
    event = Event(at=now, user=by, what=what.value, before=before.stands, after=satisfaction, text=told)
    return after, event


def taken_up(before: Complaint, level: int, *, by: str, now: datetime) -> tuple[Complaint, Event]:
    """A complaint at another level, by hand. Raises RequestRefused."""
    _refuse_if(("answered", "this complaint was answered before") if before.answered_at else None, before)
    _refuse_if(("same", "that is so already") if level <= before.level else None, before)
    event = Event(at=now, user=by, what="escalated", before=str(before.level), after=str(level))
    return replace(before, level=level), event


def reasoned(before: Complaint, reason: str, *, by: str, now: datetime) -> tuple[Complaint, Event]:
    """A complaint that is about something else. Raises RequestRefused."""
    told = clean(reason, LONGEST_REASON)
    _refuse_if(("same", "that is so already") if told == before.reason else None, before)
    return replace(before, reason=told), Event(at=now, user=by, what="reason", before=before.reason, after=told)


_STATUS = {
    "acknowledged": TicketStatus.IN_PROGRESS,
    "answered": TicketStatus.RESOLVED,
    "closed": TicketStatus.CLOSED,
}
_UNSEEN = ("escalated", "reason")  # what the customer neither sees nor hears


def ticket_of(complaint: Complaint, ticket: FullTicket, event: Event, zone: tzinfo) -> FullTicket:
    """The complaint's ticket: its state is what callers hear, its promises are the complaint's deadlines."""
    if event.what in _UNSEEN:
        return ticket
    if event.what == Handling.REOPEN.value:  # callers are told the new day; `zone`: whose day it is
        last = complaint.answer_by.astimezone(zone) - timedelta(microseconds=1)
        ticket = replace(ticket, promised_on=last.date(), reopened=ticket.reopened + 1)
    return replace(
        ticket,
        status=_STATUS[complaint.stands],
        updated_at=event.at,
        resolve_by=complaint.answer_by,
        responded_at=complaint.acknowledged_at,
        stopped_at=complaint.answered_at,
        resolved_at=complaint.answered_at,
    )


def _refuse_if(why_not: tuple[str, str] | None, complaint: Complaint) -> None:
    if why_not is not None:
        key, reason = why_not
        raise RequestRefused(key, f"{complaint.tracking_number}: {reason}")


def _why_not(complaint: Complaint, what: Handling, done: str, satisfaction: str) -> tuple[str, str] | None:
    if satisfaction and (satisfaction not in SATISFACTION or what is not Handling.CLOSE):
        return "satisfaction", f"{satisfaction!r} is not what a complainant says in the end"
    if what is Handling.REOPEN:
        return None if complaint.answered_at else ("open", "this complaint is open")
    if complaint.closed_at:
        return "closed", "this complaint is closed"
    if what is Handling.ACKNOWLEDGE and complaint.acknowledged_at:
        return "acknowledged", "this complaint was acknowledged before"
    if what is Handling.ANSWER and complaint.answered_at:
        return "answered", "this complaint was answered before"
    if what is Handling.ANSWER and not done:
        return "done_empty", "what was done about it is missing: --done TEXT"
    if what is Handling.CLOSE and not complaint.answered_at:
        return "not_answered", "this complaint is not answered yet; answer it first"
    return None


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
        case Handling.REOPEN:
            # What was left when it was answered is left now: nobody could work on it in between.
            left = max(complaint.answer_by - (complaint.answered_at or now), timedelta())
            due = now + left if left else complaint.answer_by
            return replace(known, answered_at=None, closed_at=None, answer_by=due, satisfaction="")
