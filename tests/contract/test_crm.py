"""The CRM, in memory and in the store: the same answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from crm_folder import import_files
from harness.postgres import Server

from pbx_bridge.store import Contract, Crm, Customer, Ticket, TicketStatus, open_store
from pbx_bridge.store.crm import Contact, MemoryCrm
from pbx_bridge.store.crm_sql import SqlCrm
from pbx_bridge.values.tracking import with_check_digit

TODAY = date(2026, 11, 21)
ARIA = Customer(code="1001", name="آریا صنعت", language="fa", tier="gold")
PARSA = Customer(code="1002", name="Parsa Trading", language=None, tier="")
CONTRACTS = [
    # code, number, starts, ends
    ("1001", "old", date(2024, 1, 1), date(2024, 12, 31)),
    ("1001", "now", date(2026, 1, 1), date(2026, 11, 21)),
    ("1001", "longer", date(2026, 6, 1), date(2026, 12, 31)),
    ("1001", "next", date(2027, 1, 1), date(2027, 12, 31)),
    ("1002", "first", date(2024, 1, 1), date(2024, 12, 31)),
    ("1002", "last", date(2025, 1, 1), date(2026, 3, 20)),
    ("1002", "future", date(2027, 1, 1), date(2027, 12, 31)),
    ("1003", "future", date(2027, 1, 1), date(2027, 12, 31)),
]
TICKET = Ticket(
    tracking_number="2047155",
    customer_code="1001",
    subject="قطع تماس",
    status=TicketStatus.IN_PROGRESS,
    created_at=datetime(2026, 11, 15, 5, 45, tzinfo=UTC),
    updated_at=datetime(2026, 11, 20, 13, 10, tzinfo=UTC),
    promised_on=date(2026, 11, 24),
)
OTHERS = [
    Ticket(
        tracking_number=with_check_digit(payload),
        customer_code=code,
        subject="x",
        status=TicketStatus(status),
        created_at=datetime(2026, 11, day, 6, tzinfo=UTC),
        updated_at=datetime(2026, 11, 20, 6, tzinfo=UTC),
        promised_on=None,
    )
    for payload, code, status, day in [
        ("310999", "1002", "waiting_customer", 1),
        ("527964", "1002", "new", 3),
        ("447129", "1002", "new", 3),
        ("600001", "1002", "resolved", 9),
        ("700002", "1002", "closed", 10),
        ("800003", "1003", "closed", 2),
    ]
]
FILES = {
    "customers": "1001,آریا صنعت,fa,gold\n1002,Parsa Trading,,\n1003,Nord,en,",
    "contacts": "1001,سارا,09121234567\n1001,دفتر,02188776655\n1002,Front desk,02188776655",
    "contracts": "\n".join(f"{code},{number},{starts},{ends},24x7" for code, number, starts, ends in CONTRACTS),
    "tickets": "\n".join(
        [
            "2047155,1001,قطع تماس,in_progress,2026-11-15 09:15,2026-11-20 16:40,2026-11-24",
            *(
                f"{t.tracking_number},{t.customer_code},x,{t.status},{t.created_at:%Y-%m-%d} 09:30,2026-11-20 09:30,"
                for t in OTHERS
            ),
        ]
    ),
}


def contract(code: str, number: str) -> Contract:
    starts_on, ends_on = next((s, e) for c, n, s, e in CONTRACTS if (c, n) == (code, number))
    return Contract(customer_code=code, number=number, starts_on=starts_on, ends_on=ends_on, level="24x7")


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def crm(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Crm]:
    if request.param == "memory":
        yield MemoryCrm(
            customers=[ARIA, PARSA, Customer(code="1003", name="Nord", language="en", tier="")],
            contacts=[
                Contact(customer_code="1001", name="سارا", phone_e164="+989121234567"),
                Contact(customer_code="1001", name="دفتر", phone_e164="+982188776655"),
                Contact(customer_code="1002", name="Front desk", phone_e164="+982188776655"),
            ],
            contracts=[contract(code, number) for code, number, _, _ in CONTRACTS],
            tickets=[TICKET, *OTHERS],
        )
        return
    server: Server | None = request.getfixturevalue("server") if request.param == "postgresql" else None
    async with open_store(server.new_database() if server else tmp_path / "s.db", folding=False) as store:
        await import_files(store, tmp_path, FILES)
        assert isinstance(store.crm, SqlCrm)
        yield store.crm


async def test_by_code(crm: Crm) -> None:
    assert await crm.customer_by_code("1001") == ARIA
    assert await crm.customer_by_code(" ۱۰۰۱ ") == ARIA
    assert await crm.customer_by_code("1002") == PARSA
    assert await crm.customer_by_code("9999") is None


async def test_by_phone(crm: Crm) -> None:
    assert await crm.customer_by_phone("+989121234567") == ARIA
    assert await crm.customer_by_phone("+989990000000") is None


async def test_a_number_two_customers_share_is_neither_of_them(crm: Crm) -> None:
    assert await crm.customer_by_phone("+982188776655") is None
    assert await crm.customers_by_phone("+982188776655") == [ARIA, PARSA]


async def test_a_ticket(crm: Crm) -> None:
    assert await crm.ticket("2047155") == TICKET
    assert await crm.ticket("3104821") is None


async def test_the_newest_open_ticket(crm: Crm) -> None:
    assert await crm.newest_open_ticket("1001") == TICKET
    assert await crm.newest_open_ticket("1002") == OTHERS[1]  # made in the same moment as another: the higher number
    assert await crm.newest_open_ticket("1003") is None  # it is closed
    assert await crm.newest_open_ticket("9999") is None


async def test_the_numbers_of_a_customer(crm: Crm) -> None:
    assert await crm.phones_of("1001") == ["+982188776655", "+989121234567"]
    assert await crm.phones_of("1003") == []
    assert await crm.phones_of("") == []


@pytest.mark.parametrize(
    ("code", "today", "number"),
    [
        ("1001", TODAY, "longer"),  # two are valid: the one that ends later
        ("1001", date(2026, 3, 1), "now"),
        ("1001", date(2026, 1, 1), "now"),  # valid from its first day
        ("1001", date(2024, 12, 31), "old"),  # to its last
        ("1001", date(2025, 6, 1), "old"),  # none is valid: the last to have ended
        ("1002", date(2026, 3, 20), "last"),
        ("1002", TODAY, "last"),
        ("1001", date(2023, 1, 1), None),  # none had begun
        ("1003", TODAY, None),
        ("9999", TODAY, None),
    ],
)
async def test_the_standing_contract(crm: Crm, code: str, today: date, number: str | None) -> None:
    assert await crm.contract(code, today) == (contract(code, number) if number else None)
