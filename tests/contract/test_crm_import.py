"""`crm import`: all of a folder or nothing of it, again and again, while the daemon runs."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from crm_folder import import_files, write_files
from store_facts import begun, quick_store
from store_places import query

from pbx_bridge.errors import ImportRefused
from pbx_bridge.store import Store, open_store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.crm_import import import_folder
from pbx_bridge.store.demo import demo_callers, load_demo
from pbx_bridge.values import phone, tracking

CUSTOMER = "1001,Aria,fa,gold"
GOOD = {
    "customers": CUSTOMER,
    "contacts": "1001,Sara,09121234567",
    "contracts": "1001,C-1,1404/01/01,1404/12/29,24x7",
    "tickets": "2047155,1001,No dial tone,new,2026-11-20,2026-11-21,2026-11-25",
}


@pytest.fixture
async def store(place: StorePlace) -> AsyncIterator[Store]:
    async with open_store(place, folding=False) as opened:
        yield opened


def everything(place: StorePlace) -> list[list[object]]:
    tables = ("customer", "contact", "contract", "ticket")
    return [query(place, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]  # noqa: S608


async def test_counts(store: Store, tmp_path: Path) -> None:
    done = await import_files(store, tmp_path, GOOD)
    assert (done.customers, done.contacts, done.contracts, done.tickets, done.numbered) == (1, 1, 1, 1, ())


async def test_the_same_again_changes_nothing(store: Store, tmp_path: Path, place: StorePlace) -> None:
    await import_files(store, tmp_path, GOOD)
    before = everything(place)
    await import_files(store, tmp_path, GOOD)
    assert everything(place) == before


async def test_changed_rows_replace_and_others_stay(store: Store, tmp_path: Path) -> None:
    await import_files(store, tmp_path, GOOD)
    await import_files(store, tmp_path, {"customers": "1001,Aria Steel,,\n1002,Parsa,en,"})
    ticket = "2047155,1001,No dial tone,resolved,2026-11-20,2026-11-22,"
    await import_files(store, tmp_path, {"tickets": ticket, "contracts": "1001,C-1,1404/01/01,1405/12/29,8x5"})

    customer = await store.crm.customer_by_phone("+989121234567")
    assert customer is not None
    assert (customer.name, customer.language, customer.tier) == ("Aria Steel", None, "")
    found = await store.crm.ticket("2047155")
    assert found is not None
    assert (found.status, found.promised_on) == ("resolved", None)
    contract = await store.crm.contract("1001", date(2026, 11, 21))
    assert contract is not None
    assert contract.ends_on == date(2027, 3, 20)


async def test_persian_digits_jalali_dates_and_what_excel_writes(store: Store, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "crm", {"contacts": "۱۰۰۱,سارا,۰۹۱۲ ۱۲۳ ۴۵۶۷"})
    (folder / "customers.csv").write_bytes(
        '\ufeffcode,name,language,tier\r\n۱۰۰۱,"آریا ""صنعت""",FA,\r\n\r\n,,,\r\n'.encode()
    )
    (folder / "tickets.csv").write_text(
        "promised_on,status,subject,customer_code,tracking_number,created_at,updated_at\n"
        "۱۴۰۵/۰۹/۰۳,New,قطع تماس,۱۰۰۱,۲۰۴ ۷۱۵۵,۱۴۰۵/۰۸/۲۴ ۰۹:۱۵,\n",
        encoding="utf-8",
    )
    await import_folder(store.writer, folder)

    customer = await store.crm.customer_by_phone("+989121234567")
    assert customer is not None
    assert (customer.code, customer.name, customer.language) == ("1001", 'آریا "صنعت"', "fa")
    ticket = await store.crm.ticket("2047155")
    assert ticket is not None
    assert ticket.promised_on == date(2026, 11, 24)
    assert ticket.created_at == ticket.updated_at == datetime(2026, 11, 15, 5, 45, tzinfo=UTC)


async def test_an_empty_tracking_number_gets_one_once(store: Store, tmp_path: Path, place: StorePlace) -> None:
    rows = ",1001,No dial tone,new,2026-11-20,,\n,1001,Noise,new,2026-11-20,,\n2047155,1001,Other,new,2026-11-20,,"
    first = await import_files(store, tmp_path, {"customers": CUSTOMER, "tickets": rows})
    again = await import_files(store, tmp_path, {"tickets": rows.replace("new", "closed")})

    assert [(n.line, n.new) for n in first.numbered] == [(2, True), (3, True)]
    assert [(n.line, n.new) for n in again.numbered] == [(2, False), (3, False)]
    assert [n.tracking_number for n in first.numbered] == [n.tracking_number for n in again.numbered]
    for one in first.numbered:
        assert tracking.parse(one.tracking_number) == one.tracking_number
        assert len(one.tracking_number) == 7
        found = await store.crm.ticket(one.tracking_number)
        assert found is not None
        assert found.status == "closed"
    assert len(everything(place)[3]) == 3


BAD: list[tuple[Mapping[str, str], str]] = [
    ({"customers": "1001,Aria,fa"}, "customers.csv:2: 3 columns instead of 4"),
    ({"customers": "1001,Aria,fa,gold,x"}, "customers.csv:2: 5 columns instead of 4"),
    ({"customers": "1001,Aria,de,"}, "customers.csv:2: language: 'de' is no language"),
    ({"customers": "1002,Parsa,,\n\n,Aria,fa,"}, "customers.csv:4: code: it is empty"),
    ({"customers": "1002,,,"}, "customers.csv:2: name: it is empty"),
    ({"customers": "1002,A,,\n۱۰۰۲,B,,"}, "customers.csv:3: the same code stands in line 2 already"),
    ({"customers": '1002,"two\nlines",,\n1003,Nord,xx,'}, "customers.csv:4: language"),
    ({"customers": '1002,"no end,,\n1003,B,,'}, "customers.csv:2: it is no CSV"),
    ({"customers": "1002,bell\x07,,"}, "customers.csv:2: name: there is a control character"),
    ({"contacts": "1001,Sara,12345"}, "contacts.csv:2: phone: '12345' is no phone number"),
    ({"contacts": "1001,Sara,"}, "contacts.csv:2: phone: it is empty"),
    ({"contacts": "1009,Sara,09121234567"}, "contacts.csv:2: customer_code: there is no customer '1009'"),
    ({"contacts": "1001,A,09121234567\n1001,B,+98 912 123 4567"}, "contacts.csv:3: the same phone of this customer"),
    ({"contracts": "1001,C-1,2026-02-30,2026-12-01,"}, "contracts.csv:2: starts_on: '2026-02-30' is no date"),
    ({"contracts": "1001,C-1,1404/13/01,1404/12/01,"}, "contracts.csv:2: starts_on: '1404/13/01' is no date"),
    ({"contracts": "1001,C-1,2026-02-02,,"}, "contracts.csv:2: ends_on: '' is no date"),
    ({"contracts": "1001,C-1,2026-02-02,2026-02-01,"}, "contracts.csv:2: ends_on: it ends before it starts"),
    ({"contracts": "1009,C-1,2026-02-02,2026-02-03,"}, "contracts.csv:2: customer_code: there is no customer '1009'"),
    (
        {"tickets": "2047156,1001,S,new,2026-11-20,,"},
        "tickets.csv:2: tracking_number: '2047156' is no tracking number",
    ),
    ({"tickets": "12,1001,S,new,2026-11-20,,"}, "tickets.csv:2: tracking_number: '12' is no tracking number"),
    ({"tickets": "2047155,1001,S,open,2026-11-20,,"}, "tickets.csv:2: status: 'open' is no status: new, assigned"),
    ({"tickets": "2047155,1001,S,new,,,"}, "tickets.csv:2: created_at: it is empty"),
    ({"tickets": "2047155,1001,S,new,soon,,"}, "tickets.csv:2: created_at: 'soon' is no date"),
    (
        {"tickets": "2047155,1001,S,new,2026-11-20 25:00,,"},
        "tickets.csv:2: created_at: '2026-11-20 25:00' is no time",
    ),
    ({"tickets": "2047155,1001,S,new,2026-11-20,2026-11-19,"}, "tickets.csv:2: updated_at: it was changed before"),
    ({"tickets": "2047155,1001,S,new,2026-11-20,,soon"}, "tickets.csv:2: promised_on: 'soon' is no date"),
    ({"tickets": "2047155,1001,,new,2026-11-20,,"}, "tickets.csv:2: subject: it is empty"),
    ({"tickets": "2047155,1009,S,new,2026-11-20,,"}, "tickets.csv:2: customer_code: there is no customer '1009'"),
    (
        {"tickets": "2047155,1001,S,new,2026-11-20,,\n204 7155,1001,T,new,2026-11-20,,"},
        "tickets.csv:3: the same ticket stands in line 2 already",
    ),
    (
        {"tickets": ",1001,S,new,2026-11-20,,\n,1001,S,closed,2026-11-20 00:00,,"},
        "tickets.csv:3: the same ticket stands in line 2 already",
    ),
]


@pytest.mark.parametrize(("bad", "reason"), BAD, ids=[reason for _, reason in BAD])
async def test_a_bad_row_is_named_and_nothing_is_kept(
    store: Store, tmp_path: Path, place: StorePlace, bad: Mapping[str, str], reason: str
) -> None:
    await import_files(store, tmp_path, GOOD)
    before = everything(place)

    good = {"customers": "1001,Changed,en,\n1002,New,,", "tickets": "3104821,1001,T,new,2026-11-20,,"}
    with pytest.raises(ImportRefused) as refused:
        await import_files(store, tmp_path, {**good, **bad})

    assert f"crm/{reason}" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert everything(place) == before


WRONG_FILES = [
    (b"code,name,language\n", ":1: column tier is missing"),
    (b"code,name,language,tier,tier\n", ":1: column tier stands there twice"),
    (b"code,name,language,colour\n", ":1: there is no column 'colour'"),
    (b"code;name;language;tier\n", ":1: there is no column"),
    (b"", ":1: column code is missing"),
    ("code,name,language,tier\n1001,Aria,,\n1002,آریا,,\n".encode("utf-16"), ":1: it is not UTF-8"),
    ("code,name,language,tier\n1001,Aria,,\n1002,سارا,,\n".encode("cp1256"), ":3: it is not UTF-8"),
    (b"code,name,language,tier\n1001,\x00,,\n", ":2: name: there is a control character"),
    (b"code,name,language,tier\n1001," + b"x" * 200_000 + b",,\n", ":2: it is no CSV: field larger"),
]


@pytest.mark.parametrize(("raw", "reason"), WRONG_FILES, ids=[reason for _, reason in WRONG_FILES])
async def test_a_file_that_is_not_what_it_should_be(store: Store, tmp_path: Path, raw: bytes, reason: str) -> None:
    (tmp_path / "customers.csv").write_bytes(raw)
    with pytest.raises(ImportRefused) as refused:
        await import_folder(store.writer, tmp_path)
    assert f"customers.csv{reason}" in str(refused.value)
    assert len(str(refused.value)) < 500


async def test_folders_without_anything(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="no such folder"):
        await import_folder(store.writer, tmp_path / "nowhere")
    with pytest.raises(ImportRefused, match=r"holds none of customers\.csv"):
        await import_folder(store.writer, tmp_path)
    (tmp_path / "tickets.csv").mkdir()
    with pytest.raises(ImportRefused, match=r"tickets\.csv: it cannot be read: Is a directory"):
        await import_folder(store.writer, tmp_path)


async def test_beside_a_running_daemon(tmp_path: Path) -> None:
    """Another process imports while this one writes; both get through, and this one sees it at once."""
    home = tmp_path / "home"
    folder = write_files(tmp_path / "crm", GOOD | {"tickets": ",1001,No dial tone,new,2026-11-20,,"})
    async with quick_store(home / "store.db") as store:
        await store.journal.add(begun("1.0"))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pbx_bridge.cli", "crm", "import", str(folder)),
            env=os.environ | {"PBX_BRIDGE_HOME": str(home)},
            stdout=asyncio.subprocess.PIPE,
        )
        number = 0
        while process.returncode is None:
            number += 1
            await store.journal.add(begun(f"1.{number}", number))
        assert process.stdout is not None
        told = (await process.stdout.read()).decode()
        assert process.returncode == 0
        assert "imported: 1 customers, 1 contacts, 1 contracts, 1 tickets" in told
        tracking_number = told.split("tracking number ")[1][:7]
        assert await store.crm.ticket(tracking_number) is not None
        assert len([row async for row in store.calls.since()]) <= number + 1


async def test_the_demo(store: Store, tmp_path: Path) -> None:
    today = date(2026, 11, 21)
    for _ in range(2):
        done = await load_demo(store.writer, tmp_path / "demo", today)
        assert done.numbered == ()
    left = {}
    for caller in demo_callers():
        number = phone.to_e164(caller.number)
        assert number is not None
        customer = await store.crm.customer_by_phone(number)
        assert customer is not None
        assert customer.name in caller.customer
        assert customer.code in caller.customer
        contract = await store.crm.contract(customer.code, today)
        left[customer.code] = (contract.ends_on - today).days if contract else None
        for tracking_number in caller.tracking_numbers:
            ticket = await store.crm.ticket(tracking_number)
            assert ticket is not None
            assert ticket.customer_code == customer.code
    assert left == {"1001": 245, "1002": 12, "1003": -246, "1004": 700, "1005": 165, "1006": None}
