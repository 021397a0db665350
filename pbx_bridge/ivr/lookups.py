"""What the engine asks the CRM, answered as the few facts a flow may know. Used by real callers and simulations."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from pbx_bridge.health import Clock, utc_now
from pbx_bridge.ivr.known import Answer, ContractFacts, CustomerFacts, TicketFacts
from pbx_bridge.ivr.questions import (
    ContractOfCustomer,
    CustomerOfCaller,
    CustomerOfCode,
    NewestTicketOf,
    Owner,
    PinOfCustomer,
    Question,
    TicketOfNumber,
)
from pbx_bridge.store.crm import Crm, Customer, Ticket
from pbx_bridge.values import phone, pin
from pbx_bridge.values.tracking import TrackingNumber


class Lookups(Protocol):
    """Answers the engine's LookUp effects. May raise anything: that is an `unavailable`."""

    async def answer(self, question: Question) -> Answer:
        """The facts asked for, or None if there is no such thing."""


class RoutedLookups:
    """Each question to whoever answers its kind, the rest to one of them."""

    def __init__(self, rest: Lookups, by_kind: Mapping[type[Question], Lookups]) -> None:
        self._rest, self._by_kind = rest, by_kind

    async def answer(self, question: Question) -> Answer:
        """See Lookups."""
        return await self._by_kind.get(type(question), self._rest).answer(question)


PinCheck = Callable[[str, str], Awaitable[bool]]  # of what was keyed and what is kept


async def at_once(keyed: str, kept: str) -> bool:
    """The PIN check of a simulation, which waits for nothing; a daemon's goes to a thread (guard.py)."""
    return pin.matches(keyed, kept)


class CrmLookups:
    """Lookups in our own CRM store, in the customer's zone.

    A question that a caller could guess at takes the same reads and the same hashing whether or not it hits.
    """

    def __init__(
        self, crm: Crm, *, zone: ZoneInfo, region: str, clock: Clock = utc_now, is_pin: PinCheck = at_once
    ) -> None:
        self._crm, self._zone, self._region, self._clock = crm, zone, region, clock
        self._is_pin = is_pin

    async def answer(self, question: Question) -> Answer:
        """See Lookups."""
        match question:
            case CustomerOfCaller(number):
                return await self._caller(number)
            case CustomerOfCode(code):
                return _customer(await self._crm.customer_by_code(code))
            case TicketOfNumber(number, owner):
                return await self._ticket(TrackingNumber(number), owner)
            case PinOfCustomer(code, keyed):
                return await self._owner_of_pin(code, keyed)
            case NewestTicketOf(code):
                return self._told(await self._crm.newest_open_ticket(code))
            case ContractOfCustomer(code):
                return await self._contract(code)
            case _:
                raise ValueError(f"the CRM knows nothing of {question.what!r}")

    async def _caller(self, number: str) -> CustomerFacts | None:
        e164 = phone.to_e164(number, self._region)
        return _customer(await self._crm.customer_by_phone(e164)) if e164 else None

    async def _ticket(self, number: TrackingNumber, owner: Owner | None) -> TicketFacts | None:
        ticket = await self._crm.ticket(number)
        is_theirs = owner is None or await self._owns(owner, ticket.customer_code if ticket else "")
        return self._told(ticket) if is_theirs else None

    async def _owns(self, owner: Owner, customer_code: str) -> bool:
        """Whether it is this customer's; empty: there is no ticket."""
        if not owner.phone_end:
            return _same(owner.customer_code, customer_code) and bool(customer_code)
        phones = await self._crm.phones_of(customer_code) or [""]
        return sum(_same(number[-len(owner.phone_end) :], owner.phone_end) for number in phones) > 0  # all are held

    async def _owner_of_pin(self, code: str, keyed: str) -> CustomerFacts | None:
        customer = await self._crm.customer_by_code(code)
        is_right = await self._is_pin(keyed, customer.pin_hash if customer else "")
        return _customer(customer) if is_right else None

    def _told(self, ticket: Ticket | None) -> TicketFacts | None:
        if ticket is None:
            return None
        return TicketFacts(
            tracking_number=ticket.tracking_number,
            status=str(ticket.status),
            updated_on=self._day(ticket.updated_at),
            promised_on=ticket.promised_on,
            note=ticket.note,
        )

    async def _contract(self, code: str) -> ContractFacts | None:
        today = self._day(self._clock())
        contract = await self._crm.contract(code, today)
        if contract is None:
            return None
        return ContractFacts(
            number=contract.number, ends_on=contract.ends_on, days_left=(contract.ends_on - today).days
        )

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self._zone).date()


def _customer(customer: Customer | None) -> CustomerFacts | None:
    if customer is None:
        return None
    return CustomerFacts(
        code=customer.code,
        name=customer.name,
        language=customer.language or "",
        tier=customer.tier,
        agent=customer.agent,
    )


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
