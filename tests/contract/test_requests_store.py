"""What callers leave for people: once for its origin whatever is repeated, in SQLite and in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from crm_folder import import_files
from harness.postgres import Server
from store_facts import QUICK
from store_places import query

from pbx_bridge.errors import InputError
from pbx_bridge.store import Store, open_store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.complaint_steps import Handling
from pbx_bridge.store.copy import copy_store
from pbx_bridge.store.requests import NewCallback, NewComplaint, NewTicket
from pbx_bridge.values import tracking

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
TICKET = NewTicket(origin="pbx1:1.1:ticket:0", customer_code="1001", subject="قطع تماس", message="m-1.wav")
COMPLAINT = NewComplaint(
    ticket=replace(TICKET, origin="pbx1:1.1:complaint:0"),
    reason="slow",
    acknowledge_by=NOW + timedelta(hours=24),
    answer_by=NOW + timedelta(days=10),
    answer_on=date(2026, 12, 1),
)
CALLBACK = NewCallback(
    origin="pbx1:1.1:callback:0",
    node="pbx1",
    channel="1.1",
    number="+989121234567",
    queue="support",
    wanted_at=NOW,
    customer_code="1001",
)


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
    async with open_store(place, folding=False, limits=QUICK, clock=clock) as store:
        yield store


@pytest.fixture
async def store(place: StorePlace, clock: Clock, tmp_path: Path) -> AsyncIterator[Store]:
    async with a_store(place, clock) as store:
        await import_files(store, tmp_path, {"customers": "1001,Aria,fa,"})
        yield store


async def test_a_ticket_is_opened_once_for_its_origin(store: Store, place: StorePlace, clock: Clock) -> None:
    first = await store.requests.open_ticket(TICKET)
    assert first is not None
    assert tracking.parse(first.tracking_number) == first.tracking_number
    clock.later(minutes=5)
    assert await store.requests.open_ticket(TICKET) == first
    kept = await store.crm.ticket(first.tracking_number)
    assert kept is not None
    assert (kept.customer_code, kept.subject, kept.kind, kept.created_at) == ("1001", "قطع تماس", "request", NOW)
    assert query(place, "SELECT message, status FROM ticket") == [("m-1.wav", "new")]


async def test_another_origin_is_another_ticket(store: Store) -> None:
    many = [replace(TICKET, origin=f"pbx1:1.1:ticket:{number}") for number in range(30)]
    opened = await asyncio.gather(*(store.requests.open_ticket(new) for new in many))
    assert len({one.tracking_number for one in opened if one is not None}) == 30


async def test_two_daemons_that_ask_the_same_open_one(
    store: Store, place: StorePlace, clock: Clock, tmp_path: Path
) -> None:
    """A daemon that was cut off after its write, and its successor: both ask, many at once."""
    async with a_store(place, clock) as other:
        books = [store.requests, other.requests] * 10
        tickets = await asyncio.gather(*(book.open_ticket(TICKET) for book in books))
        complaints = await asyncio.gather(*(book.file_complaint(COMPLAINT) for book in books))
        callbacks = await asyncio.gather(*(book.ask_for_callback(CALLBACK) for book in books))
    assert len(set(tickets)) == len(set(complaints)) == len(set(callbacks)) == 1
    assert None not in (*tickets, *complaints)
    assert query(place, "SELECT (SELECT COUNT(*) FROM ticket), (SELECT COUNT(*) FROM complaint)") == [(2, 1)]
    assert query(place, "SELECT COUNT(*) FROM callback") == [(1,)]


async def test_what_was_recorded_last_is_kept(store: Store, place: StorePlace) -> None:
    first = await store.requests.open_ticket(TICKET)
    assert await store.requests.open_ticket(replace(TICKET, message="m-2.wav")) == first
    assert query(place, "SELECT message FROM ticket") == [("m-2.wav",)]


async def test_a_customer_who_is_gone_gets_no_ticket(store: Store, place: StorePlace) -> None:
    assert await store.requests.open_ticket(replace(TICKET, customer_code="9999")) is None
    lost = replace(COMPLAINT, ticket=replace(COMPLAINT.ticket, customer_code="9999"))
    assert await store.requests.file_complaint(lost) is None
    assert query(place, "SELECT COUNT(*) FROM ticket") == [(0,)]


async def test_all_of_it_is_copied_to_postgresql(server: Server, clock: Clock, tmp_path: Path) -> None:
    """A complaint needs its ticket, which needs its customer: in that order, whatever the tables are called."""
    target = server.new_database()
    async with a_store(tmp_path / "s.db", clock) as store:
        await import_files(store, tmp_path, {"customers": "1001,Aria,fa,"})
        opened = await store.requests.open_ticket(TICKET)
        filed = await store.requests.file_complaint(COMPLAINT)
        promised = await store.requests.ask_for_callback(CALLBACK)
        await copy_store(tmp_path / "s.db", target)
        complaints, callbacks = await store.desk.complaints(), await store.desk.callbacks()
    async with a_store(target, clock) as store:
        assert await store.desk.complaints() == complaints
        assert await store.desk.callbacks() == callbacks
        assert await store.requests.open_ticket(TICKET) == opened
        assert await store.requests.file_complaint(COMPLAINT) == filed
        assert await store.requests.ask_for_callback(CALLBACK) == promised
    server.drop(target)


async def test_hostile_text_is_kept_harmless(store: Store, place: StorePlace) -> None:
    nasty = "\u202eevil\x00\x1b[31m\ud800" + "x" * 5000
    lost = replace(COMPLAINT, ticket=replace(TICKET, message=nasty), reason=nasty)
    filed = await store.requests.file_complaint(lost)
    assert filed is not None
    [(reason, message)] = query(place, "SELECT reason, message FROM complaint JOIN ticket USING (tracking_number)")
    for text in (reason, message):
        assert text.startswith("evil[31m")
        assert len(text) == 300


# --- complaints ----------------------------------------------------------------------------------------------------


async def test_a_complaint_is_handled_step_by_step(store: Store, clock: Clock) -> None:
    filed = await store.requests.file_complaint(COMPLAINT)
    assert filed is not None
    number = filed.tracking_number
    assert filed.promised_on == date(2026, 12, 1)
    stands = []
    for what, done in ((Handling.ACKNOWLEDGE, ""), (Handling.ANSWER, "line mended"), (Handling.CLOSE, "agreed")):
        clock.later(hours=1)
        stands.append((await store.desk.handle(number, what, done)).stands)
        ticket = await store.crm.ticket(number)
        assert ticket is not None
        stands.append(ticket.status.value)
    assert stands == ["acknowledged", "in_progress", "answered", "resolved", "closed", "closed"]
    [kept] = await store.desk.complaints()
    times = (kept.received_at, kept.acknowledged_at, kept.answered_at, kept.closed_at)
    assert times == tuple(NOW + timedelta(hours=hours) for hours in range(4))
    assert (kept.done, kept.reason, kept.subject) == ("line mended agreed", "slow", "قطع تماس")


async def test_an_answer_acknowledges_too(store: Store) -> None:
    filed = await store.requests.file_complaint(COMPLAINT)
    assert filed is not None
    answered = await store.desk.handle(tracking_as_typed(filed.tracking_number), Handling.ANSWER, "done")
    assert answered.acknowledged_at == answered.answered_at == NOW


def tracking_as_typed(number: str) -> str:
    return f" {number[:3]} {number[3:]}"


@pytest.mark.parametrize(
    ("before", "what", "done", "reason"),
    [
        ([], Handling.ANSWER, "", "--done"),
        ([], Handling.CLOSE, "x", "not answered yet"),
        ([Handling.ACKNOWLEDGE], Handling.ACKNOWLEDGE, "", "acknowledged before"),
        ([Handling.ANSWER], Handling.ACKNOWLEDGE, "", "acknowledged before"),
        ([Handling.ANSWER], Handling.ANSWER, "x", "answered before"),
        ([Handling.ANSWER, Handling.CLOSE], Handling.CLOSE, "", "is closed"),
    ],
)
async def test_a_step_out_of_order_is_refused(
    store: Store, before: list[Handling], what: Handling, done: str, reason: str
) -> None:
    filed = await store.requests.file_complaint(COMPLAINT)
    assert filed is not None
    for step in before:
        await store.desk.handle(filed.tracking_number, step, "done")
    there = await store.desk.complaints()
    with pytest.raises(InputError, match=reason):
        await store.desk.handle(filed.tracking_number, what, done)
    assert await store.desk.complaints() == there


@pytest.mark.parametrize(("number", "reason"), [("1234567", "no tracking number"), ("2047155", "no complaint")])
async def test_a_number_of_no_complaint_is_refused(store: Store, number: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        await store.desk.handle(number, Handling.ACKNOWLEDGE)


async def test_late_is_what_missed_a_deadline(store: Store, clock: Clock) -> None:
    filed = await store.requests.file_complaint(COMPLAINT)
    assert filed is not None

    async def late() -> tuple[int, int]:
        return len(await store.desk.complaints(late=True)), (await store.desk.waiting()).late_complaints

    assert await late() == (0, 0)
    clock.later(hours=25)
    assert await late() == (1, 1)
    await store.desk.handle(filed.tracking_number, Handling.ACKNOWLEDGE)
    assert await late() == (0, 0)
    clock.later(days=10)
    assert await late() == (1, 1)
    await store.desk.handle(filed.tracking_number, Handling.ANSWER, "done")
    assert await late() == (0, 0)


# --- callbacks -----------------------------------------------------------------------------------------------------


async def test_a_number_has_one_open_callback_for_a_queue(store: Store, place: StorePlace, clock: Clock) -> None:
    first = await store.requests.ask_for_callback(CALLBACK)
    clock.later(hours=1)
    later = replace(CALLBACK, origin="pbx1:1.2:callback:0", wanted_at=NOW + timedelta(hours=5))
    moved = await store.requests.ask_for_callback(later)
    assert (first.again, moved.again) == (False, True)
    assert (moved.id, moved.wanted_at) == (first.id, NOW + timedelta(hours=5))
    [kept] = await store.desk.callbacks()
    assert (kept.asked_at, kept.wanted_at) == (NOW, NOW + timedelta(hours=5))
    # The move is once, too: what is asked again with another time changes nothing.
    assert await store.requests.ask_for_callback(replace(later, wanted_at=NOW + timedelta(hours=9))) == moved
    elsewhere = replace(CALLBACK, origin="pbx1:1.3:callback:0", queue="services")
    assert not (await store.requests.ask_for_callback(elsewhere)).again
    assert query(place, "SELECT COUNT(*) FROM callback") == [(2,)]


async def test_after_it_was_done_another_one_is_promised(store: Store) -> None:
    first = await store.requests.ask_for_callback(CALLBACK)
    await store.desk.finish(first.id[:6].upper(), by="101", result="spoke\x1b[31m")
    again = await store.requests.ask_for_callback(replace(CALLBACK, origin="pbx1:1.2:callback:0"))
    assert not again.again
    assert [(one.id, one.done_by, one.result) for one in await store.desk.callbacks(everything=True)] == [
        (again.id, "", ""),
        (first.id, "101", "spoke[31m"),
    ]
    # The daemon that was killed before it heard of the first one asks: it is there, and stays done.
    assert (await store.requests.ask_for_callback(CALLBACK)).id == first.id
    assert [one.id for one in await store.desk.callbacks()] == [again.id]


async def test_a_callback_is_done_once_and_by_a_known_id(store: Store) -> None:
    promised = await store.requests.ask_for_callback(CALLBACK)
    await store.desk.finish(promised.id)
    wrong = ((promised.id, "done before"), ("ffff" * 4, "no callback"), ("ab", "at least 4"), ("%%%%", "no callback"))
    for name, reason in wrong:
        with pytest.raises(InputError, match=reason):
            await store.desk.finish(name)


async def test_what_waits_is_counted(store: Store, clock: Clock) -> None:
    empty = await store.desk.waiting()
    assert (empty.callbacks, empty.oldest, empty.late_complaints) == (0, None, 0)
    await store.requests.ask_for_callback(CALLBACK)
    other = replace(CALLBACK, origin="o", number="+982188776655", wanted_at=NOW + timedelta(days=1))
    await store.requests.ask_for_callback(other)
    waiting = await store.desk.waiting()
    assert (waiting.callbacks, waiting.oldest) == (2, NOW)
