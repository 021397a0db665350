"""What the pages of tickets need of the rest of the system. The store has it; `memory` has it for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO, Protocol

from aiohttp import web

from pbx_bridge.calls.escalation import Level
from pbx_bridge.calls.promises import Promises
from pbx_bridge.spool.sounds import Sound
from pbx_bridge.spool.waveform import Waveform
from pbx_bridge.store.complaint_steps import Complaint, Handling
from pbx_bridge.store.complaints_list import ComplaintKey, ComplaintLine
from pbx_bridge.store.crm import Customer
from pbx_bridge.store.promises import Kept
from pbx_bridge.store.requests import NewComplaint, NewTicket, Opened
from pbx_bridge.store.ticket_rows import TicketSearch
from pbx_bridge.store.ticket_steps import Event, FullTicket, Step
from pbx_bridge.values.tracking import TrackingNumber


class Tickets(Protocol):
    """The tickets; see pbx_bridge.store.tickets. Every method may raise StoreError."""

    @property
    def promises(self) -> Promises:
        """What is promised of a ticket."""

    async def search(self, wanted: TicketSearch) -> Sequence[FullTicket]:
        """The tickets that are meant, the newest first."""

    async def get(self, number: str) -> FullTicket | None:
        """The ticket of a tracking number."""

    async def history(self, number: str) -> Sequence[Event]:
        """What was done with a ticket, the latest first."""

    async def open_of(self, customer_code: str) -> Sequence[FullTicket]:
        """A customer's tickets that are neither resolved nor closed, the newest first."""

    async def change(self, number: str, step: Step, *, by: str, revision: int | None = None) -> FullTicket:
        """A step with a ticket; the ticket after it. Raises RequestRefused."""


class Complaints(Protocol):
    """What is done with complaints; see pbx_bridge.store.requests_desk. Every method may raise StoreError.

    Those that change one raise RequestRefused.
    """

    async def complaint(self, number: str) -> Complaint | None:
        """The complaint of a tracking number."""

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
        """Take a complaint one step on."""

    async def take_up(self, number: str, level: int, *, by: str, revision: int | None = None) -> Complaint:
        """Tell the next level of a complaint."""

    async def give_reason(self, number: str, reason: str, *, by: str, revision: int | None = None) -> Complaint:
        """Say anew what a complaint is about."""


class ComplaintPages(Protocol):
    """The complaints as a list."""

    async def page(
        self, state: str, *, reason: str = "", after: ComplaintKey | None = None, limit: int = 50
    ) -> Sequence[ComplaintLine]:
        """Complaints in one of complaints_list.STATES. Raises StoreError."""


class KeptPromises(Protocol):
    """How promises were kept."""

    async def kept(self, start: datetime, end: datetime, customer_code: str = "") -> Sequence[Kept]:
        """Tickets opened in [start, end) by kind; of one customer, or of all. Raises StoreError."""


class MessageSounds(Protocol):
    """What callers recorded."""

    async def of_message(self, name: str) -> Sound | None:
        """The message of that name. Raises StoreError."""

    def open(self, sound: Sound) -> BinaryIO:
        """The sound, to be read and sought in. Raises OSError. Blocking."""

    async def waveform(self, sound: Sound) -> Waveform | None:
        """Its waveform; None: it has none."""


class Opening(Protocol):
    """Opens tickets. Both may raise StoreError; None: there is no such customer."""

    async def open_ticket(self, new: NewTicket) -> Opened | None:
        """The ticket of this origin, opened if it is not there."""

    async def file_complaint(self, new: NewComplaint) -> Opened | None:
        """The complaint of this origin, filed if it is not there."""


class Customers(Protocol):
    """Who is served."""

    async def customer_by_code(self, code: str) -> Customer | None:
        """The customer of a code, as typed. Raises StoreError."""

    async def phones_of(self, customer_code: str) -> Sequence[str]:
        """The E.164 numbers of a customer's contacts. Raises StoreError."""


class Links(Protocol):
    """The tickets of calls."""

    async def link(self, call_id: str, number: TrackingNumber, user: str) -> bool:
        """Link a ticket to a call. Raises StoreError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintRules:
    """How complaints filed on a page are handled.

    Attributes:
        acknowledge_within: until the customer is told that it is looked at.
        answer_days: days after today at whose end the answer must be there.
        reasons: those to choose from.
        levels: who is told next.
    """

    acknowledge_within: timedelta = timedelta(hours=24)
    answer_days: int = 10
    reasons: Sequence[str] = ()
    levels: Sequence[Level] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketParts:
    """What stands behind the pages of tickets."""

    tickets: Tickets
    complaints: Complaints
    complaint_pages: ComplaintPages
    kept: KeptPromises
    sounds: MessageSounds
    opening: Opening
    customers: Customers
    links: Links
    rules: ComplaintRules = field(default_factory=ComplaintRules)


PARTS = web.AppKey("ticket_parts", TicketParts)
