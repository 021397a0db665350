"""The ports of tickets in memory: for tests, and to show the pages without a store. Steps are the store's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from pbx_bridge.calls.promises import Promises
from pbx_bridge.errors import RequestRefused
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.spool.plain_files import open_plain
from pbx_bridge.spool.sounds import Sound
from pbx_bridge.spool.waveform import Waveform
from pbx_bridge.store.complaint_steps import Complaint, Handling, handled, reasoned, taken_up, ticket_of
from pbx_bridge.store.complaints_list import ComplaintKey, ComplaintLine
from pbx_bridge.store.crm import Customer, TicketStatus
from pbx_bridge.store.promises import Kept
from pbx_bridge.store.requests import NewComplaint, NewTicket, Opened
from pbx_bridge.store.ticket_rows import OPEN, TicketSearch
from pbx_bridge.store.ticket_steps import COMPLAINT, Event, FullTicket, Step, is_theirs, take
from pbx_bridge.values import tracking
from pbx_bridge.values.tracking import TrackingNumber
from pbx_bridge.web.tickets.ports import TicketParts


class MemoryTickets:
    """Tickets and complaints that are gone with the process; every port of TicketParts but the sounds."""

    def __init__(self, promises: Promises | None = None, clock: Clock = utc_now) -> None:
        self.promises, self._clock = promises or Promises(), clock
        self.tickets: dict[str, FullTicket] = {}
        self.complaints: dict[str, Complaint] = {}
        self.events: dict[str, list[Event]] = {}
        self.customers: dict[str, Customer] = {}
        self.links: list[tuple[str, str, str]] = []
        self._origins: dict[str, Opened] = {}

    async def search(self, wanted: TicketSearch) -> Sequence[FullTicket]:
        """See Tickets; what a promise is asked for or a page is left to the store."""
        found = [
            ticket
            for ticket in self.tickets.values()
            if (not wanted.status or _is(ticket.status, wanted.status))
            and wanted.assigned_to in (None, ticket.assigned_to)
            and wanted.kind in ("", ticket.kind)
            and wanted.customer in ("", ticket.customer_code)
            and wanted.number in ("", ticket.tracking_number)
            and (wanted.text in f"{ticket.subject} {ticket.customer_name}" or wanted.text == ticket.customer_code)
        ]
        return sorted(found, key=lambda one: (one.created_at, one.tracking_number), reverse=True)[: wanted.limit]

    async def get(self, number: str) -> FullTicket | None:
        """See Tickets."""
        return self.tickets.get(number)

    async def history(self, number: str) -> Sequence[Event]:
        """See Tickets."""
        return self.events.get(number, [])[::-1]

    async def open_of(self, customer_code: str) -> Sequence[FullTicket]:
        """See Tickets."""
        now = self._clock()
        return await self.search(TicketSearch(now=now, near_until=now, status=OPEN, customer=customer_code))

    async def change(self, number: str, step: Step, *, by: str, revision: int | None = None) -> FullTicket:
        """See Tickets."""
        before = self._known(number)
        is_theirs(before, revision)
        return self._keep(before, *take(before, step, self.promises, by=by, now=self._clock()))

    async def complaint(self, number: str) -> Complaint | None:
        """See Complaints."""
        return self.complaints.get(number)

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
        """See Complaints."""
        now = self._clock()
        return self._amend(
            number, revision, lambda before: handled(before, what, done, by=by, now=now, satisfaction=satisfaction)
        )

    async def take_up(self, number: str, level: int, *, by: str, revision: int | None = None) -> Complaint:
        """See Complaints."""
        now = self._clock()
        return self._amend(number, revision, lambda before: taken_up(before, level, by=by, now=now))

    async def give_reason(self, number: str, reason: str, *, by: str, revision: int | None = None) -> Complaint:
        """See Complaints."""
        now = self._clock()
        return self._amend(number, revision, lambda before: reasoned(before, reason, by=by, now=now))

    async def page(
        self, state: str, *, reason: str = "", after: ComplaintKey | None = None, limit: int = 50
    ) -> Sequence[ComplaintLine]:
        """See ComplaintPages; all on one page."""
        now = self._clock()
        wanted: dict[str, Callable[[Complaint], bool]] = {
            "open": lambda one: one.answered_at is None,
            "late": lambda one: one.is_late(now),
            "answered": lambda one: one.stands == "answered",
            "closed": lambda one: one.stands == "closed",
            "all": lambda _: True,
        }
        return [
            ComplaintLine(complaint=one, customer_name=ticket.customer_name, assigned_to=ticket.assigned_to)
            for one in sorted(self.complaints.values(), key=lambda one: one.answer_by)
            for ticket in (self.tickets[one.tracking_number],)
            if wanted[state](one) and reason in ("", one.reason)
        ]

    async def kept(self, start: datetime, end: datetime, customer_code: str = "") -> Sequence[Kept]:
        """See KeptPromises: the store counts."""
        return ()

    async def of_message(self, name: str) -> Sound | None:
        """See MessageSounds."""
        return None

    def open(self, sound: Sound) -> BinaryIO:
        """See MessageSounds."""
        return open_plain(Path(sound.path))

    async def waveform(self, sound: Sound) -> Waveform | None:
        """See MessageSounds."""
        return None

    async def open_ticket(self, new: NewTicket) -> Opened | None:
        """See Opening."""
        customer = self.customers.get(new.customer_code)
        grades = (customer.tier,) if customer else ()
        terms = self.promises.terms("request", grades, self._clock())
        return self._open(new, "request", terms.respond_by, terms.resolve_by)

    async def file_complaint(self, new: NewComplaint) -> Opened | None:
        """See Opening."""
        opened = self._open(new.ticket, COMPLAINT, new.acknowledge_by, new.answer_by)
        if opened is not None and opened.tracking_number not in self.complaints:
            self.complaints[opened.tracking_number] = Complaint(
                tracking_number=opened.tracking_number,
                customer_code=new.ticket.customer_code,
                subject=new.ticket.subject,
                reason=new.reason,
                message=new.ticket.message,
                received_at=opened.at,
                acknowledge_by=new.acknowledge_by,
                answer_by=new.answer_by,
                acknowledged_at=None,
                answered_at=None,
                closed_at=None,
                done="",
            )
        return opened

    async def customer_by_code(self, code: str) -> Customer | None:
        """See Customers."""
        return self.customers.get(code)

    async def phones_of(self, customer_code: str) -> Sequence[str]:
        """See Customers."""
        return ()

    async def link(self, call_id: str, number: TrackingNumber, user: str) -> bool:
        """See Links."""
        self.links.append((call_id, number, user))
        return number in self.tickets

    def _open(
        self, new: NewTicket, kind: str, respond_by: datetime | None, resolve_by: datetime | None
    ) -> Opened | None:
        customer, now = self.customers.get(new.customer_code), self._clock()
        if customer is None or new.origin in self._origins:
            return self._origins.get(new.origin)
        number = tracking.with_check_digit(str(100_000 + len(self._origins)))
        self._origins[new.origin] = opened = Opened(tracking_number=number, at=now)
        self.tickets[number] = FullTicket(
            tracking_number=number,
            customer_code=customer.code,
            customer_name=customer.name,
            subject=new.subject,
            kind=kind,
            status=TicketStatus.NEW,
            created_at=now,
            updated_at=now,
            message=new.message,
            opened_by=new.by,
            respond_by=respond_by,
            resolve_by=resolve_by,
            responded_at=now if new.by and kind != COMPLAINT else None,
        )
        self.events[number] = [Event(at=now, user=new.by, what="opened", text=new.subject)]
        return opened

    def _known(self, number: str) -> FullTicket:
        if number not in self.tickets:
            raise RequestRefused("unknown", f"{number}: no ticket has this tracking number")
        return self.tickets[number]

    def _keep(self, before: FullTicket, after: FullTicket, event: Event) -> FullTicket:
        kept = self.tickets[before.tracking_number] = replace(after, revision=before.revision + 1)
        self.events.setdefault(before.tracking_number, []).append(event)
        return kept

    def _amend(
        self, number: str, revision: int | None, work: Callable[[Complaint], tuple[Complaint, Event]]
    ) -> Complaint:
        ticket = self._known(number)
        is_theirs(ticket, revision)
        after, event = work(self.complaints[number])
        self.complaints[number] = after
        self._keep(ticket, ticket_of(after, ticket, event, self.promises.zone), event)
        return after


def _is(status: TicketStatus, wanted: str) -> bool:
    return status.is_open if wanted == OPEN else status == wanted


def memory_parts(book: MemoryTickets | None = None) -> TicketParts:
    """Those of a book, or of nothing."""
    told = book or MemoryTickets()
    return TicketParts(
        tickets=told,
        complaints=told,
        complaint_pages=told,
        kept=told,
        sounds=told,
        opening=told,
        customers=told,
        links=told,
    )
