"""The CRM side: customers, contracts, tickets, and the small protocol they are looked up by."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from pbx_bridge.values import digits


class TicketStatus(enum.StrEnum):
    """Where a ticket stands."""

    NEW = "new"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    WAITING_CUSTOMER = "waiting_customer"
    RESOLVED = "resolved"
    CLOSED = "closed"

    @property
    def is_open(self) -> bool:
        """Whether there is still something to be done."""
        return self not in (TicketStatus.RESOLVED, TicketStatus.CLOSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A company we serve.

    Attributes:
        language: fa or en, None if unknown.
        agent: the extension of their own agent, empty if they have none.
        pin_hash: as values.pin keeps it, empty if they have none.
    """

    code: str
    name: str
    language: str | None
    tier: str
    agent: str = ""
    pin_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person, or a desk, of a customer and its number."""

    customer_code: str
    name: str
    phone_e164: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A support contract; valid on both its first and its last day, in the customer's zone."""

    customer_code: str
    number: str
    starts_on: date
    ends_on: date
    level: str

    def valid_on(self, day: date) -> bool:
        """True from the first to the last day, both included."""
        return self.starts_on <= day <= self.ends_on


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket.

    Attributes:
        created_at, updated_at: aware UTC.
        promised_on: None when nothing was promised.
        kind: request or complaint.
        note: free text that callers are told; hostile, as all texts.
    """

    tracking_number: str
    customer_code: str
    subject: str
    status: TicketStatus
    created_at: datetime
    updated_at: datetime
    promised_on: date | None
    kind: str = "request"
    note: str = ""


class Crm(Protocol):
    """What callers and flows ask. Every lookup may raise StoreError."""

    async def customer_by_code(self, code: str) -> Customer | None:
        """The customer of a code, as keyed or typed."""

    async def customers_by_phone(self, phone: str) -> list[Customer]:
        """Every customer with this E.164 number, by code."""

    async def customer_by_phone(self, phone: str) -> Customer | None:
        """The one customer with this E.164 number; None when there is none, or more than one."""

    async def phones_of(self, customer_code: str) -> list[str]:
        """The E.164 numbers of a customer's contacts; none of one that is not there."""

    async def ticket(self, tracking_number: str) -> Ticket | None:
        """The ticket of a tracking number."""

    async def newest_open_ticket(self, customer_code: str) -> Ticket | None:
        """Of a customer's tickets that are neither resolved nor closed, the one made last."""

    async def contract(self, customer_code: str, today: date) -> Contract | None:
        """The best standing one: valid today with the latest end, else the last to have ended; None if none began."""


class MemoryCrm:
    """A Crm of what it is given. For flow simulation and tests."""

    def __init__(
        self,
        *,
        customers: Iterable[Customer] = (),
        contacts: Iterable[Contact] = (),
        contracts: Iterable[Contract] = (),
        tickets: Iterable[Ticket] = (),
    ) -> None:
        self._customers = {customer.code: customer for customer in customers}
        self._contacts = list(contacts)
        self._contracts = list(contracts)
        self._tickets = {ticket.tracking_number: ticket for ticket in tickets}

    async def customer_by_code(self, code: str) -> Customer | None:
        """See Crm."""
        return self._customers.get(plain_code(code))

    async def customers_by_phone(self, phone: str) -> list[Customer]:
        """See Crm."""
        codes = {contact.customer_code for contact in self._contacts if contact.phone_e164 == phone}
        return [self._customers[code] for code in sorted(codes)]

    async def customer_by_phone(self, phone: str) -> Customer | None:
        """See Crm."""
        return the_only(await self.customers_by_phone(phone))

    async def phones_of(self, customer_code: str) -> list[str]:
        """See Crm."""
        return sorted(contact.phone_e164 for contact in self._contacts if contact.customer_code == customer_code)

    async def ticket(self, tracking_number: str) -> Ticket | None:
        """See Crm."""
        return self._tickets.get(tracking_number)

    async def newest_open_ticket(self, customer_code: str) -> Ticket | None:
        """See Crm."""
        theirs = [t for t in self._tickets.values() if t.customer_code == customer_code and t.status.is_open]
        return max(theirs, key=lambda ticket: (ticket.created_at, ticket.tracking_number), default=None)

    async def contract(self, customer_code: str, today: date) -> Contract | None:
        """See Crm."""
        begun = [c for c in self._contracts if c.customer_code == customer_code and c.starts_on <= today]
        return max(begun, key=lambda contract: (contract.ends_on, contract.starts_on), default=None)


def plain_code(text: str) -> str:
    """A customer code as it is kept: digits 0-9, no spaces around."""
    return digits.to_ascii(text).strip()


def the_only(customers: list[Customer]) -> Customer | None:
    """One customer, or None: two with the same number are both or neither."""
    return customers[0] if len(customers) == 1 else None
