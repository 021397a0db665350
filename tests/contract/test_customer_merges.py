"""Two customers become one and two again: what moves, what comes back, what cannot, and where the old code leads."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from crm_folder import import_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_facts import NOON, begun, ended, quick_store, revisions, step, whole
from store_places import query

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.store import Store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.customer_merges import MOVED, STAYING, MergeRefused
from pbx_bridge.store.customers import Person, Sheet
from pbx_bridge.store.migrate import migrate, shipped
from pbx_bridge.store.requests import NewCallback, NewTicket

FILES = {
    "customers": "1001,Aria,fa,gold\n1002,Aria Ltd,en,\n1003,Parsa,,silver",
    "contacts": "\n".join(
        (
            "1001,Sara,09121234567",
            "1001,Desk,02188776655",
            "1002,Front desk,02188776655",
            "1002,Omid,09350000002",
            "1003,Omid,09350000002",
        )
    ),
    "contracts": "\n".join(
        (
            "1001,A-1,1404/01/01,1404/12/29,gold",
            "1002,A-1,1405/01/01,1405/12/29,",
            "1002,B,1405/01/01,1405/12/29,",
        )
    ),
}
CODES = ("1001", "1002", "1003")
# Written anew by whatever happens; of a call what tells how often it was written.
_PASSING = {"customer_merge", "relink", "outbox", "facet", "audit"}
_SUMS = {"moment_day"}  # a sum of nothing is nothing
_COUNTS = {"call": {"revision", "changed_at_us"}}


def tables() -> Mapping[str, list[str]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        migrate(db, shipped())
        names = [
            name
            for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            if not name.startswith("sqlite_") and name != "migration"
        ]
        return {name: [row[1] for row in db.execute(f"PRAGMA table_info({name})")] for name in names}


TABLES = tables()


def everything(place: StorePlace) -> Mapping[str, Sequence[Any]]:
    """Every row of the store that a merge and its undoing may not change."""
    told = {}
    with closing(sqlite3.connect(place) if isinstance(place, Path) else psycopg.connect(place.url)) as db:
        for name, columns in TABLES.items():
            if name not in _PASSING:
                shown = ", ".join(column for column in columns if column not in _COUNTS.get(name, ()))
                rows = db.execute(f"SELECT {shown} FROM {name}").fetchall()  # noqa: S608
                told[name] = sorted((row for row in rows if name not in _SUMS or row[-1] != 0), key=repr)
    return told


@pytest.fixture
async def store(place: StorePlace, tmp_path: Path) -> AsyncIterator[Store]:
    async with quick_store(place) as opened:
        await import_files(opened, tmp_path, FILES)
        await _live(opened)
        yield opened


async def _live(store: Store) -> None:
    """Calls by number and by code, tickets, callbacks, favourites."""
    keyed = step("1.9", 0, 1, kind=StepKind.CUSTOMER, code="1002", name="Aria Ltd", by="code")
    numbers = ("09121234567", "02188776655", "09350000002")
    facts = [fact for n, number in enumerate(numbers) for fact in whole(f"1.{n}", n * 60, number)]
    await revisions(store, [*facts, *begun("1.9"), keyed, *ended("1.9")], 4)
    for code in CODES:
        await store.requests.open_ticket(NewTicket(origin=f"t:{code}", customer_code=code, subject=f"of {code}"))
        await store.phone_book.add("sara", code=code)
        await store.requests.ask_for_callback(
            NewCallback(
                origin=f"b:{code}",
                node="pbx1",
                channel=code,
                number=f"+98935000000{code[-1]}",
                queue="support",
                wanted_at=NOON + timedelta(hours=1),
                customer_code=code,
            )
        )
    await store.relinker.finish()


def test_a_table_with_a_customers_code_moves_or_is_said_to_stay() -> None:
    ours = {name for name, columns in TABLES.items() if "customer_code" in columns}
    assert ours == {moved.name for moved in MOVED} | STAYING
    for moved in MOVED:
        told = {*moved.key, *moved.twice, *moved.numbers, *([moved.about] if moved.about else [])}
        assert told <= set(TABLES[moved.name]), moved.name


async def calls_of(store: Store, code: str) -> int:
    return len(await store.calls.lines(customer=code))


async def test_all_goes_over_and_is_found_under_either_code(store: Store, place: StorePlace) -> None:
    assert [await calls_of(store, code) for code in CODES] == [1, 1, 0]
    moving = await store.merges.moving("1002")
    assert {name: count for name, count in moving.items() if count} == {
        "contact": 2,
        "contract": 2,
        "ticket": 1,
        "callback": 1,
        "call": 1,
    }
    merge = await store.merges.merge("1002", "1001", "lead")
    await store.relinker.finish()
    assert await calls_of(store, "1001") == 3  # the number of both is one customer's now; one was keyed
    assert await calls_of(store, "1002") == 0
    kept = await store.customers.get("1002")
    assert kept is not None
    assert (kept.code, kept.sheet.name) == ("1001", "Aria")
    assert kept.sheet.people == (
        Person(phone_e164="+982188776655", name="Desk"),
        Person(phone_e164="+989121234567", name="Sara"),
        Person(phone_e164="+989350000002", name="Omid"),
    )
    assert query(place, "SELECT customer_code, number FROM contract ORDER BY number") == [
        ("1001", "A-1"),
        ("1001", "A-1 (1002)"),
        ("1001", "B"),
    ]
    customer = await store.crm.customer_by_code("1002")
    assert customer is not None
    assert customer.code == "1001"
    assert [hit.code for hit in (await store.finder.find("1002")).hits] == ["1001"]
    assert [hit.code for hit in (await store.finder.find("ltd")).hits] == []
    assert [line.code for line in await store.phone_book.of("sara")].count("1001") == 1
    (told,) = await store.merges.of("1001")
    assert (told.id, told.user, told.newest, told.undone_at) == (merge.id, "lead", True, None)
    assert (await store.customers.create("1002", Sheet(name="x"))).why == "merged"
    assert await store.customers.delete("1001") != ""
    # A call that keys the old code from now on is the one customer's.
    keyed = step("1.10", 0, 1, kind=StepKind.CUSTOMER, code="1002", name="Aria Ltd", by="code")
    await revisions(store, [*begun("1.10", 600), keyed, *ended("1.10", 600)], 1)
    assert await calls_of(store, "1001") == 4


async def test_undone_it_is_as_it_was(store: Store, place: StorePlace) -> None:
    before = everything(place)
    merge = await store.merges.merge("1002", "1001", "lead")
    await store.relinker.finish()
    assert everything(place) != before
    undone = await store.merges.undo(merge.id, "admin")
    await store.relinker.finish()
    assert everything(place) == before
    assert (undone.undone_by, undone.stayed) == ("admin", {})
    with pytest.raises(MergeRefused, match="undone"):
        await store.merges.undo(merge.id, "admin")


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(deeds=st.lists(st.tuples(st.sampled_from(CODES), st.sampled_from(CODES), st.booleans()), max_size=5))
async def test_any_sequence_leads_back_to_the_state_before(
    store: Store, place: StorePlace, deeds: Sequence[tuple[str, str, bool]]
) -> None:
    states: list[tuple[str, Any]] = []
    for gone, kept, at_once in deeds:
        before = everything(place)
        try:
            merge = await store.merges.merge(gone, kept, "lead")
        except MergeRefused:
            assert everything(place) == before
            continue
        await store.relinker.finish()
        states.append((merge.id, before))
        if at_once:
            await _undo(store, place, states)
    while states:
        await _undo(store, place, states)


async def _undo(store: Store, place: StorePlace, states: list[tuple[str, Any]]) -> None:
    for earlier, _ in states[:-1]:  # of three customers, no merge is apart from the later ones
        standing = everything(place)
        with pytest.raises(MergeRefused, match="later"):
            await store.merges.undo(earlier, "lead")
        assert everything(place) == standing
    name, before = states.pop()
    assert (await store.merges.undo(name, "lead")).stayed == {}
    await store.relinker.finish()
    assert everything(place) == before


async def test_what_was_changed_since_stays_and_is_told(store: Store, place: StorePlace, tmp_path: Path) -> None:
    merge = await store.merges.merge("1002", "1001", "lead")
    kept = await store.customers.get("1001")
    assert kept is not None
    # A number taken out, one more written; a ticket given to another customer by an import.
    people = (*kept.sheet.people[:2], Person(phone_e164="+989990000000", name="New"))
    assert (await store.customers.save("1001", kept.sheet, Sheet(name="Aria 2", people=people))).done
    [(number,)] = query(place, "SELECT tracking_number FROM ticket WHERE subject = 'of 1002'")
    await store.desk.tickets()
    ticket = f"{number},1003,of 1002,closed,1405/08/01,1405/08/02,"
    await import_files(store, tmp_path, {"tickets": ticket})
    undone = await store.merges.undo(merge.id, "lead")
    assert undone.stayed == {"contact": 1, "ticket": 1}
    one, two = await store.customers.get("1001"), await store.customers.get("1002")
    assert one is not None
    assert two is not None
    assert one.sheet == Sheet(name="Aria 2", people=people)
    assert (two.sheet.name, two.sheet.people) == (
        "Aria Ltd",
        (Person(phone_e164="+982188776655", name="Front desk"),),
    )
    (told,) = await store.merges.of("1001")
    assert (told.newest, told.stayed) == (False, {"contact": 1, "ticket": 1})


async def test_a_ticket_that_only_went_on_comes_back(store: Store, place: StorePlace) -> None:
    merge = await store.merges.merge("1002", "1001", "lead")
    await store.writer.submit(
        lambda tx: tx.db.execute("UPDATE ticket SET status = 'closed' WHERE subject = 'of 1002'").rowcount
    )
    assert (await store.merges.undo(merge.id, "lead")).stayed == {}
    assert query(place, "SELECT customer_code, status FROM ticket WHERE subject = 'of 1002'") == [("1002", "closed")]


async def test_no_import_brings_the_old_one_back(store: Store, place: StorePlace, tmp_path: Path) -> None:
    await store.merges.merge("1002", "1001", "lead")
    before = everything(place)
    tickets = "2047155,1002,x,new,1405/08/01,1405/08/01,"
    done = await import_files(store, tmp_path, {**FILES, "tickets": tickets})
    assert (done.customers, done.merged) == (2, 1)
    after = everything(place)
    assert {name for name in before if before[name] != after[name]} == {"ticket"}
    assert query(place, "SELECT customer_code FROM ticket WHERE tracking_number = '2047155'") == [("1001",)]


async def test_what_callers_began_before_is_the_customers_they_became(store: Store, place: StorePlace) -> None:
    await store.merges.merge("1002", "1001", "lead")
    assert await store.requests.open_ticket(NewTicket(origin="t:late", customer_code="1002", subject="late"))
    await store.requests.ask_for_callback(
        NewCallback(
            origin="b:late",
            node="pbx1",
            channel="9",
            number="+989350000099",
            queue="support",
            wanted_at=NOON,
            customer_code="1002",
        )
    )
    assert query(place, "SELECT customer_code FROM ticket WHERE subject = 'late'") == [("1001",)]
    assert query(place, "SELECT customer_code FROM callback WHERE number = '+989350000099'") == [("1001",)]


@pytest.mark.parametrize(("gone", "kept", "why"), [("1001", "1001", "same"), ("9", "1001", "unknown")])
async def test_what_cannot_be_merged(store: Store, place: StorePlace, gone: str, kept: str, why: str) -> None:
    before = everything(place)
    with pytest.raises(MergeRefused, match=why):
        await store.merges.merge(gone, kept, "lead")
    with pytest.raises(MergeRefused, match="unknown"):
        await store.merges.undo("no such", "lead")
    assert everything(place) == before
