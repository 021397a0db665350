"""Tickets in the store: changed step by step with their history, found by any filters, promised and counted."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from crm_folder import import_files
from store_facts import QUICK

from pbx_bridge.calls.promises import Promises, Stands
from pbx_bridge.errors import RequestRefused
from pbx_bridge.ivr.known import TicketFacts
from pbx_bridge.ivr.lookups import CrmLookups
from pbx_bridge.ivr.questions import TicketOfNumber
from pbx_bridge.store import Store, TicketStatus, open_store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.complaint_steps import Handling
from pbx_bridge.store.complaints_list import ComplaintKey
from pbx_bridge.store.migrate import migrate, shipped
from pbx_bridge.store.requests import NewComplaint, NewTicket
from pbx_bridge.store.ticket_rows import TicketKey, TicketSearch
from pbx_bridge.store.ticket_steps import Assign, FullTicket, Move, PromiseDay, Remark, Reopen, TellCallers
from pbx_bridge.values.dates import TEHRAN
from pbx_bridge.values.tracking import TrackingNumber

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
PROMISES = Promises(
    respond={"request": timedelta(hours=4), "request:gold": timedelta(hours=1)},
    resolve={"request": timedelta(hours=24), "request:gold": timedelta(hours=8)},
    zone=TEHRAN,
)
CRM = {
    "customers": "1001,Aria,fa,silver\n1002,بیمارستان مهر,fa,Gold\n1003,100% Steel_Works,en,",
    "contracts": "1003,K-1,2026-01-01,2027-01-01,gold\n1001,K-2,2024-01-01,2025-01-01,gold",
}


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@asynccontextmanager
async def a_store(place: StorePlace, clock: Clock) -> AsyncIterator[Store]:
    async with open_store(place, folding=False, limits=QUICK, zone=TEHRAN, clock=clock, promises=PROMISES) as store:
        yield store


@pytest.fixture
async def store(place: StorePlace, clock: Clock, tmp_path: Path) -> AsyncIterator[Store]:
    async with a_store(place, clock) as store:
        await import_files(store, tmp_path, CRM)
        yield store


async def opened(store: Store, subject: str = "no dial tone", code: str = "1001", by: str = "") -> FullTicket:
    new = NewTicket(origin=f"t:{subject}:{code}:{by}", customer_code=code, subject=subject, by=by)
    found = await store.requests.open_ticket(new)
    assert found is not None
    return await known(store, found.tracking_number)


async def filed(store: Store, now: datetime, subject: str = "too slow", days: int = 10) -> FullTicket:
    new = NewTicket(origin=f"c:{subject}", customer_code="1001", subject=subject)
    complaint = NewComplaint(
        ticket=new,
        reason="speed",
        acknowledge_by=now + timedelta(hours=24),
        answer_by=now + timedelta(days=days),
        answer_on=(now + timedelta(days=days)).date(),
    )
    found = await store.requests.file_complaint(complaint)
    assert found is not None
    return await known(store, found.tracking_number)


async def known(store: Store, number: str) -> FullTicket:
    ticket = await store.tickets.get(number)
    assert ticket is not None
    return ticket


async def heard(store: Store, number: str) -> TicketFacts:
    """What the menu knows of a ticket, by the way a caller asks for it."""
    lookups = CrmLookups(store.crm, zone=TEHRAN, region="IR")
    facts = await lookups.answer(TicketOfNumber(TrackingNumber(number), None))
    assert isinstance(facts, TicketFacts)
    return facts


# --- changes ------------------------------------------------------------------------------------------------------


async def test_callers_hear_at_once_what_people_did(store: Store, clock: Clock) -> None:
    number = (await opened(store)).tracking_number
    assert (await heard(store, number)).status == "new"
    clock.later(days=2)
    await store.tickets.change(number, Assign("sara"), by="lead")
    await store.tickets.change(number, Move(TicketStatus.IN_PROGRESS), by="sara")
    await store.tickets.change(number, PromiseDay(date(2026, 12, 1)), by="sara")
    await store.tickets.change(number, TellCallers("تکنسین در راه است"), by="sara")
    told = await heard(store, number)
    assert told.status == "in_progress"
    assert told.updated_on == date(2026, 11, 23)
    assert (told.promised_on, told.note) == (date(2026, 12, 1), "تکنسین در راه است")
    clock.later(days=1)
    await store.tickets.change(number, Remark("not for callers"), by="sara")
    assert await heard(store, number) == told
    await store.tickets.change(number, Move(TicketStatus.RESOLVED), by="sara")
    assert await store.crm.newest_open_ticket("1001") is None
    await store.tickets.change(number, Reopen(), by="lead")
    assert (await heard(store, number)).status == "assigned"


async def test_every_change_stands_in_the_history(store: Store, clock: Clock) -> None:
    number = (await opened(store)).tracking_number
    steps = (
        Assign("sara"),
        Move(TicketStatus.RESOLVED),
        Reopen(),
        Remark("two\nlines"),
        PromiseDay(date(2026, 12, 1)),
    )
    for step in steps:
        clock.later(hours=1)
        await store.tickets.change(number, step, by="lead")
    told = [(e.at, e.user, e.what, e.before, e.after, e.text) for e in reversed(await store.tickets.history(number))]
    hours = [NOW + timedelta(hours=hour) for hour in range(6)]
    assert told == [
        (hours[0], "", "opened", "", "", "no dial tone"),
        (hours[1], "lead", "assigned", "", "sara", ""),
        (hours[2], "lead", "moved", "assigned", "resolved", ""),
        (hours[3], "lead", "reopened", "resolved", "", ""),
        (hours[4], "lead", "noted", "", "", "two\nlines"),
        (hours[5], "lead", "promised", "", "2026-12-01", ""),
    ]


async def test_a_refused_step_leaves_no_trace(store: Store) -> None:
    ticket = await opened(store)
    before = await store.tickets.history(ticket.tracking_number)
    for step, key in (
        (Move(TicketStatus.ASSIGNED), "step"),
        (Reopen(), "open"),
        (TellCallers("x" * 201), "word_long"),
    ):
        with pytest.raises(RequestRefused) as refused:
            await store.tickets.change(ticket.tracking_number, step, by="sara")
        assert refused.value.key == key
    assert await known(store, ticket.tracking_number) == ticket
    assert await store.tickets.history(ticket.tracking_number) == before
    with pytest.raises(RequestRefused, match="no ticket"):
        await store.tickets.change("2047155", Remark("x"), by="sara")


async def test_of_two_at_once_the_second_is_told(store: Store, place: StorePlace, clock: Clock) -> None:
    ticket = await opened(store)
    number, seen = ticket.tracking_number, ticket.revision
    async with a_store(place, clock) as other:
        steps = [
            book.tickets.change(number, Assign(f"{name}{n}"), by=name, revision=seen)
            for n in range(5)
            for name, book in (("sara", store), ("reza", other))
        ]
        done = await asyncio.gather(*steps, return_exceptions=True)
    won = [one for one in done if isinstance(one, FullTicket)]
    lost = [one.key for one in done if isinstance(one, RequestRefused)]
    assert (len(won), lost) == (1, ["changed"] * 9)
    assert (await known(store, number)).assigned_to == won[0].assigned_to
    assert len(await store.tickets.history(number)) == 2


async def test_an_import_that_changes_one_is_in_its_history(store: Store, tmp_path: Path, clock: Clock) -> None:
    ticket = await opened(store)
    number = ticket.tracking_number
    row = f"{number},1001,no dial tone,%s,2026-11-21T08:30:00+00:00,2026-11-22,"
    await import_files(store, tmp_path, {"tickets": row % "new"})
    same = await known(store, number)
    assert (same.revision, len(await store.tickets.history(number))) == (1, 1)
    await import_files(store, tmp_path, {"tickets": row % "resolved"})
    after = await known(store, number)
    assert (after.revision, after.status, after.respond_by) == (2, TicketStatus.RESOLVED, ticket.respond_by)
    assert after.resolved_at is not None
    line = (await store.tickets.history(number))[0]
    assert (line.what, line.user, line.before, line.after) == ("imported", "", "new", "resolved")
    with pytest.raises(RequestRefused):
        await store.tickets.change(number, Assign("sara"), by="lead", revision=1)


def test_what_was_there_before_is_taken_over() -> None:
    """Tickets and complaints of a store of the version before: what is promised of a complaint is its deadlines."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        earlier = [one for one in shipped() if one.version < 12]
        migrate(db, earlier)
        db.execute("INSERT INTO customer (code, name, tier) VALUES ('1', 'Aria', '')")
        states = ("new", "waiting_customer", "resolved", "closed")
        kinds = [("request", state) for state in states] + [("complaint", "in_progress"), ("complaint", "resolved")]
        for number, (kind, state) in enumerate(kinds):
            row = {"n": f"{number}", "s": state, "k": kind}
            db.execute("INSERT INTO ticket VALUES (:n, '1', 'x', :s, 5, 9, NULL, :k, '', '', NULL)", row)
        db.execute("INSERT INTO complaint VALUES ('4', 'r', 5, 20, 30, 7, NULL, NULL, '')")
        db.execute("INSERT INTO complaint VALUES ('5', 'r', 5, 20, 30, 7, 8, NULL, 'x')")
        migrate(db, shipped())
        columns = "respond_by_us, resolve_by_us, responded_at_us, stopped_at_us, resolved_at_us, revision"
        told = db.execute(f"SELECT {columns} FROM ticket ORDER BY tracking_number").fetchall()  # noqa: S608
    assert told == [
        (None, None, None, None, None, 1),
        (None, None, None, 9, None, 1),
        (None, None, None, 9, 9, 1),
        (None, None, None, 9, 9, 1),
        (20, 30, 7, None, None, 1),
        (20, 30, 7, 8, 8, 1),
    ]


# --- promises -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "respond", "resolve"),
    [("1001", 4, 24), ("1002", 1, 8), ("1003", 1, 8)],  # silver, its gold contract over; tier gold; contract gold
)
async def test_what_is_promised_goes_by_tier_and_contract(
    store: Store, code: str, respond: int, resolve: int
) -> None:
    ticket = await opened(store, code=code)
    assert ticket.respond_by == NOW + timedelta(hours=respond)
    assert ticket.resolve_by == NOW + timedelta(hours=resolve)
    assert ticket.responded_at is None


async def test_whoever_opens_it_for_a_caller_has_responded(store: Store) -> None:
    ticket = await opened(store, by="sara")
    assert (ticket.opened_by, ticket.responded_at) == ("sara", NOW)
    assert (await store.tickets.history(ticket.tracking_number))[0].user == "sara"


async def test_promises_are_counted_by_kind(store: Store, clock: Clock) -> None:
    good, late, open_one = [await opened(store, subject) for subject in ("a", "b", "c")]
    complaint = await filed(store, NOW)
    clock.later(hours=2)
    await store.tickets.change(good.tracking_number, Move(TicketStatus.RESOLVED), by="sara")
    await store.desk.handle(complaint.tracking_number, Handling.ACKNOWLEDGE, by="sara")
    clock.later(hours=3)
    await store.tickets.change(late.tracking_number, Move(TicketStatus.WAITING_CUSTOMER), by="sara")
    await store.tickets.change(open_one.tracking_number, Remark("x"), by="sara")
    complaints, requests = await store.promises.kept(NOW, clock.now)
    assert (requests.kind, requests.tickets) == ("request", 3)
    counts = (requests.respond.kept, requests.respond.broken, requests.respond.running)
    assert counts == (1, 2, 0)  # one too late, one not at all
    assert (requests.resolve.kept, requests.resolve.broken, requests.resolve.running) == (1, 0, 2)
    assert (requests.responded, requests.respond_us) == (2, 7 * 3600 * 1_000_000)
    assert (requests.resolved, requests.resolve_us) == (1, 2 * 3600 * 1_000_000)
    assert (complaints.kind, complaints.respond.kept, complaints.resolve.running) == ("complaint", 1, 1)
    assert await store.promises.kept(NOW, clock.now, "1002") == []
    assert await store.promises.kept(NOW - timedelta(days=1), NOW) == []
    assert [one.tickets for one in await store.promises.kept(NOW, clock.now, "1001")] == [1, 3]
    assert await store.reports.promises(date(2026, 11, 21), date(2026, 11, 21)) == [complaints, requests]


# --- complaints ---------------------------------------------------------------------------------------------------


async def test_a_complaint_and_its_ticket_tell_the_same(store: Store, clock: Clock) -> None:
    ticket = await filed(store, NOW)
    number = ticket.tracking_number
    assert (ticket.respond_by, ticket.resolve_by) == (NOW + timedelta(hours=24), NOW + timedelta(days=10))
    for what, done, said in (
        (Handling.ACKNOWLEDGE, "", ""),
        (Handling.ANSWER, "mended", ""),
        (Handling.CLOSE, "", "partly"),
    ):
        clock.later(hours=1)
        await store.desk.handle(number, what, done, by="sara", satisfaction=said)
    complaint, ticket = await store.desk.complaint(number), await known(store, number)
    assert complaint is not None
    assert (complaint.satisfaction, complaint.done) == ("partly", "mended")
    assert ticket.responded_at == complaint.acknowledged_at == NOW + timedelta(hours=1)
    assert ticket.stopped_at == ticket.resolved_at == complaint.answered_at == NOW + timedelta(hours=2)
    assert [one.stands(clock.now, clock.now) for one in ticket.promises] == [Stands.KEPT, Stands.KEPT]
    told = [(e.user, e.what, e.after, e.text) for e in reversed(await store.tickets.history(number))]
    assert told[1:] == [
        ("sara", "acknowledged", "", ""),
        ("sara", "answered", "", "mended"),
        ("sara", "closed", "partly", ""),
    ]


async def test_who_is_not_content_has_it_opened_again_with_what_was_left(store: Store, clock: Clock) -> None:
    number = (await filed(store, NOW)).tracking_number
    clock.later(days=4)
    await store.desk.handle(number, Handling.ANSWER, "mended", by="sara")
    clock.later(days=20)
    again = await store.desk.handle(number, Handling.REOPEN, by="sara")
    assert (again.stands, again.answer_by, again.done) == ("acknowledged", clock.now + timedelta(days=6), "mended")
    ticket = await known(store, number)
    assert (ticket.status, ticket.reopened, ticket.stopped_at) == (TicketStatus.IN_PROGRESS, 1, None)
    assert ticket.resolve_by == again.answer_by
    told = await heard(store, number)
    assert (told.status, told.promised_on) == ("in_progress", date(2026, 12, 21))  # until noon of that day
    with pytest.raises(RequestRefused, match="is open"):
        await store.desk.handle(number, Handling.REOPEN, by="sara")


@pytest.mark.parametrize(
    ("what", "said", "key"), [(Handling.ANSWER, "yes", "satisfaction"), (Handling.CLOSE, "very", "satisfaction")]
)
async def test_satisfaction_is_one_of_four_and_asked_in_the_end(
    store: Store, what: Handling, said: str, key: str
) -> None:
    number = (await filed(store, NOW)).tracking_number
    if what is Handling.CLOSE:
        await store.desk.handle(number, Handling.ANSWER, "x")
    with pytest.raises(RequestRefused) as refused:
        await store.desk.handle(number, what, "x", satisfaction=said)
    assert refused.value.key == key


async def test_reason_and_level_are_changed_once_and_by_who_saw_it(store: Store) -> None:
    ticket = await filed(store, NOW)
    number = ticket.tracking_number
    assert (await store.desk.take_up(number, 1, by="sara", revision=1)).level == 1
    with pytest.raises(RequestRefused, match="somebody else"):
        await store.desk.give_reason(number, "bill", by="reza", revision=1)
    assert (await store.desk.give_reason(number, "bill\u202e", by="reza", revision=2)).reason == "bill"
    for wrong in (store.desk.take_up(number, 1, by="x"), store.desk.give_reason(number, "bill", by="x")):
        with pytest.raises(RequestRefused, match="so already"):
            await wrong
    assert (await known(store, number)).updated_at == NOW  # callers hear of neither
    await store.desk.handle(number, Handling.ANSWER, "mended")
    with pytest.raises(RequestRefused, match="answered before"):
        await store.desk.take_up(number, 2, by="sara")


async def test_complaints_are_listed_by_their_deadline(store: Store, clock: Clock) -> None:
    near, far, over = [await filed(store, NOW, subject, days) for subject, days in (("n", 2), ("f", 9), ("o", 1))]
    await store.desk.handle(over.tracking_number, Handling.ANSWER, "x")

    async def listed(state: str, **more: Any) -> list[str]:
        return [one.complaint.subject for one in await store.complaints.page(state, **more)]

    assert await listed("open") == ["n", "f"]
    assert (await listed("late"), await listed("answered"), await listed("closed")) == ([], ["o"], [])
    clock.later(days=3)
    assert await listed("late") == ["n", "f"]  # nobody acknowledged either
    await store.desk.handle(far.tracking_number, Handling.ACKNOWLEDGE)
    assert await listed("late") == ["n"]
    assert await listed("all") == ["f", "n", "o"]
    assert (await listed("all", reason="speed"), await listed("all", reason="x")) == (["f", "n", "o"], [])
    [first] = await store.complaints.page("all", limit=1)
    assert await listed("all", after=ComplaintKey.parse(str(ComplaintKey.of(first)))) == ["n", "o"]
    assert (first.customer_name, near.kind) == ("Aria", "complaint")


# --- found --------------------------------------------------------------------------------------------------------


def wanted(clock: Clock, **asked: Any) -> TicketSearch:
    return TicketSearch(now=clock.now, near_until=clock.now + timedelta(hours=1), **asked)


async def numbers(store: Store, search: TicketSearch) -> list[str]:
    return [ticket.subject for ticket in await store.tickets.search(search)]


async def test_every_filter_and_all_together(store: Store, clock: Clock) -> None:
    a = await opened(store, "a")
    clock.later(minutes=1)
    b = await opened(store, "b", "1002")
    clock.later(minutes=1)
    await filed(store, clock.now, "c")
    await store.tickets.change(a.tracking_number, Assign("sara"), by="lead")
    await store.tickets.change(b.tracking_number, Move(TicketStatus.RESOLVED), by="lead")
    asked: Sequence[tuple[dict[str, Any], list[str]]] = [
        ({}, ["c", "b", "a"]),
        ({"status": "open"}, ["c", "a"]),
        ({"status": "resolved"}, ["b"]),
        ({"assigned_to": "sara"}, ["a"]),
        ({"assigned_to": ""}, ["c", "b"]),
        ({"kind": "complaint"}, ["c"]),
        ({"customer": "1001"}, ["c", "a"]),
        ({"number": a.tracking_number}, ["a"]),
        ({"text": "ARI"}, ["c", "a"]),
        ({"text": "بيمارستان"}, ["b"]),  # typed with Arabic's yeh
        ({"text": "1002"}, ["b"]),
        ({"text": "%"}, []),
        ({"status": "open", "assigned_to": "", "kind": "complaint", "customer": "1001", "text": "c"}, ["c"]),
        ({"status": "open", "customer": "1002"}, []),
    ]
    assert [await numbers(store, wanted(clock, **told)) for told, _ in asked] == [found for _, found in asked]


async def test_what_is_broken_or_near(store: Store, clock: Clock) -> None:
    gold, plain = await opened(store, "gold", "1002"), await opened(store, "plain")
    near, broken = {"promise": "near"}, {"promise": "broken"}
    assert await numbers(store, wanted(clock, **near)) == ["gold"]  # within the hour, its hour is over
    clock.later(hours=2)
    assert await numbers(store, wanted(clock, **broken)) == ["gold"]
    await store.tickets.change(plain.tracking_number, Move(TicketStatus.WAITING_CUSTOMER), by="sara")
    clock.later(days=9)
    assert await numbers(store, wanted(clock, **broken)) == ["gold"]  # the other one waits for its customer
    await store.tickets.change(gold.tracking_number, Move(TicketStatus.RESOLVED), by="sara")
    assert await numbers(store, wanted(clock, **broken, status="open")) == []
    for found in ("broken", "near"):  # what the list says is what each ticket says
        tickets = await store.tickets.search(wanted(clock, promise=found))
        now, soon = clock.now, clock.now + timedelta(hours=1)
        assert all(found in {one.stands(now, soon).value for one in ticket.promises} for ticket in tickets)


async def test_the_day_that_callers_were_told_is_a_promise(store: Store, clock: Clock, tmp_path: Path) -> None:
    told, kept = await opened(store, "told"), await opened(store, "kept")
    for ticket in (told, kept):
        await store.tickets.change(ticket.tracking_number, PromiseDay(date(2026, 11, 23)), by="sara")
    await import_files(store, tmp_path, {"tickets": "2047155,1002,imported,new,2026-11-20,2026-11-20,2026-11-22"})
    clock.later(days=1)
    await store.tickets.change(kept.tracking_number, Move(TicketStatus.RESOLVED), by="sara")
    broken = wanted(clock, promise="broken", customer="1002")
    assert await numbers(store, broken) == []
    clock.later(hours=12, minutes=1)  # past midnight in Tehran: of the imported one the day is over
    assert await numbers(store, wanted(clock, promise="broken", customer="1002")) == ["imported"]
    clock.later(days=1)
    now = clock.now
    days = {
        ticket.subject: one.stands(now, now)
        for ticket in await store.tickets.search(wanted(clock))
        for one in ticket.promises
        if one.what == "day"
    }
    assert days == {"told": Stands.BROKEN, "kept": Stands.KEPT, "imported": Stands.BROKEN}
    [requests] = await store.promises.kept(NOW - timedelta(days=9), now)
    assert (requests.day.kept, requests.day.broken, requests.day.running) == (1, 2, 0)


async def test_pages_follow_each_other_without_a_gap(store: Store, clock: Clock) -> None:
    for number in range(7):  # three of them in the same moment
        await opened(store, f"{number}")
        clock.later(minutes=1 if number > 2 else 0)
    all_of_them = await numbers(store, wanted(clock))
    found: list[str] = []
    after = None
    while page := await store.tickets.search(wanted(clock, after=after, limit=2)):
        found += [ticket.subject for ticket in page]
        after = TicketKey.parse(str(TicketKey.of(page[-1])))
    assert found == all_of_them
    assert len(set(found)) == 7
    assert [TicketKey.parse(text) for text in ("", "x.y", "1", "1.2.3", "9" * 30 + ".1")] == [None] * 5


async def test_a_customers_open_ones(store: Store) -> None:
    first, second = await opened(store, "one"), await opened(store, "two", "1002")
    assert [one.subject for one in await store.tickets.open_of("1001")] == ["one"]
    await store.tickets.change(first.tracking_number, Move(TicketStatus.RESOLVED), by="sara")
    assert await store.tickets.open_of("1001") == []
    assert replace(second, revision=1) == second
