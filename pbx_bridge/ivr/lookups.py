"""What the engine asks the CRM, answered as the few facts a flow may know. Used by real callers and simulations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from pbx_bridge.health import Clock, utc_now
from pbx_bridge.ivr.questions import (
    ContractOfCustomer,
    CustomerOfCaller,
    CustomerOfCode,
    Question,
    TicketOfNumber,
)
from pbx_bridge.ivr.run import Answer, ContractFacts, CustomerFacts, TicketFacts
from pbx_bridge.store.crm import Crm, Customer
from pbx_bridge.values import phone
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


class CrmLookups:
    """Lookups in our own CRM store, in the customer's zone."""

    def __init__(self, crm: Crm, *, zone: ZoneInfo, region: str, clock: Clock = utc_now) -> None:
        self._crm, self._zone, self._region, self._clock = crm, zone, region, clock

    async def answer(self, question: Question) -> Answer:
        """See Lookups."""
        match question:
            case CustomerOfCaller(number):
                return await self._caller(number)
            case CustomerOfCode(code):
                return _customer(await self._crm.customer_by_code(code))
            case TicketOfNumber(number):
                return await self._ticket(TrackingNumber(number))
            case ContractOfCustomer(code):
                return await self._contract(code)
            case _:
                raise ValueError(f"the CRM knows nothing of {question.what!r}")

    async def _caller(self, number: str) -> CustomerFacts | None:
        e164 = phone.to_e164(number, self._region)
        return _customer(await self._crm.customer_by_phone(e164)) if e164 else None

    async def _ticket(self, number: TrackingNumber) -> TicketFacts | None:
        ticket = await self._crm.ticket(number)
        if ticket is None:
            return None
        return TicketFacts(
            tracking_number=ticket.tracking_number,
            status=str(ticket.status),
            updated_on=self._day(ticket.updated_at),
            promised_on=ticket.promised_on,
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
    return CustomerFacts(code=customer.code, name=customer.name, language=customer.language or "")
