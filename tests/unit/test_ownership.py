"""Whose ticket, and whose PIN: the answers, and that they take the same reads and the same hashing either way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest

from pbx_bridge.ivr.guard import in_thread
from pbx_bridge.ivr.known import Answer, CustomerFacts, TicketFacts
from pbx_bridge.ivr.lookups import CrmLookups, at_once
from pbx_bridge.ivr.questions import NewestTicketOf, Owner, PinOfCustomer, Question, TicketOfNumber
from pbx_bridge.store.crm import Contact, Customer, MemoryCrm, Ticket, TicketStatus
from pbx_bridge.values import pin
from pbx_bridge.values.dates import TEHRAN
from pbx_bridge.values.tracking import with_check_digit

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINE, THEIRS, NONE = (with_check_digit(payload) for payload in ("471296", "527964", "999999"))


def ticket(number: str, code: str) -> Ticket:
    return Ticket(
        tracking_number=number,
        customer_code=code,
        subject="x",
        status=TicketStatus.NEW,
        created_at=NOON,
        updated_at=NOON,
        promised_on=None,
    )


class CountingCrm(MemoryCrm):
    """The CRM in memory, and what it was asked for."""

    def __init__(self) -> None:
        super().__init__(
            customers=[
                Customer(code="1001", name="آریا", language="fa", tier="gold", pin_hash=pin.hashed("2468")),
                Customer(code="1002", name="Parsa", language=None, tier=""),
            ],
            contacts=[
                Contact(customer_code="1001", name="a", phone_e164="+989121234567"),
                Contact(customer_code="1001", name="b", phone_e164="+982188776655"),
                Contact(customer_code="1002", name="c", phone_e164="+982144550000"),
            ],
            tickets=[ticket(MINE, "1001"), ticket(THEIRS, "1002")],
        )
        self.reads: list[str] = []

    async def ticket(self, tracking_number: str) -> Ticket | None:
        self.reads.append("ticket")
        return await super().ticket(tracking_number)

    async def phones_of(self, customer_code: str) -> list[str]:
        self.reads.append("phones")
        return await super().phones_of(customer_code)

    async def customer_by_code(self, code: str) -> Customer | None:
        self.reads.append("customer")
        return await super().customer_by_code(code)


def ask(question: Question) -> tuple[Answer, Sequence[str]]:
    """The answer and what was done for it."""
    crm = CountingCrm()

    async def check(keyed: str, kept: str) -> bool:
        crm.reads.append("hash")
        return await at_once(keyed, kept)

    return asyncio.run(CrmLookups(crm, zone=TEHRAN, region="IR", is_pin=check).answer(question)), crm.reads


MY_CODE, MY_PHONE = Owner(customer_code="1001"), Owner(phone_end="4567")


@pytest.mark.parametrize("owner", [None, MY_CODE, MY_PHONE, Owner(phone_end="6655"), Owner(phone_end="21234567")])
def test_who_owns_a_ticket_hears_it(owner: Owner | None) -> None:
    answer, _ = ask(TicketOfNumber(MINE, owner))
    assert answer == TicketFacts(tracking_number=MINE, status="new", updated_on=date(2026, 11, 22))


@pytest.mark.parametrize("owner", [MY_CODE, MY_PHONE, Owner(), Owner(phone_end="0001"), Owner(customer_code="9")])
def test_no_such_ticket_and_not_yours_are_answered_alike(owner: Owner) -> None:
    not_mine, done_for_it = ask(TicketOfNumber(THEIRS, owner))
    no_such, done_for_nothing = ask(TicketOfNumber(NONE, owner))
    assert not_mine is no_such is None
    assert done_for_it == done_for_nothing == (["ticket", "phones"] if owner.phone_end else ["ticket"])


def test_whoever_is_nobody_owns_nothing() -> None:
    assert ask(TicketOfNumber(MINE, Owner()))[0] is None


@pytest.mark.parametrize(
    ("code", "keyed", "is_right"),
    [
        ("1001", "2468", True),
        ("1001", "1111", False),
        ("1002", "2468", False),
        ("9999", "2468", False),
        ("", "", False),
    ],
)
def test_a_pin_takes_the_same_whatever_it_is(code: str, keyed: str, is_right: bool) -> None:
    answer, done = ask(PinOfCustomer(code, keyed))
    assert isinstance(answer, CustomerFacts) is is_right
    assert done == ["customer", "hash"]
    if isinstance(answer, CustomerFacts):
        assert (answer.code, answer.tier) == ("1001", "gold")


def test_a_daemon_checks_a_pin_in_a_thread_with_the_same_answer() -> None:

    async def one() -> bool:
        lookups = CrmLookups(CountingCrm(), zone=TEHRAN, region="IR", is_pin=in_thread)
        return await lookups.answer(PinOfCustomer("1001", "2468")) is not None

    assert asyncio.run(one())


def test_the_newest_open_ticket_of_a_customer() -> None:
    answer, _ = ask(NewestTicketOf("1002"))
    assert isinstance(answer, TicketFacts)
    assert answer.tracking_number == THEIRS
    assert ask(NewestTicketOf("9999"))[0] is None
