"""What people add to a call and what stands around it, in SQLite and in PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from crm_folder import import_files
from harness.postgres import Server
from hypothesis import given
from hypothesis import strategies as st
from store_facts import NODE, QUICK, SOON, at, begun, cel, ended, revisions, step, whole
from store_places import query

from pbx_bridge.calls.call import Call, call_id
from pbx_bridge.calls.facts import FactKind
from pbx_bridge.errors import StoreError
from pbx_bridge.store import CallRow, Store, TicketStatus, open_store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.call_notes import LONGEST, clean_note
from pbx_bridge.store.complaint_steps import Handling
from pbx_bridge.store.copy import copy_store
from pbx_bridge.store.requests import NewComplaint, NewTicket
from pbx_bridge.values import tracking

SARA, REZA = "09121234567", "09351112233"
DAY = 86_400.0
CALL = str(call_id(NODE, "1.1"))


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = at(3600)

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@asynccontextmanager
async def a_store(place: StorePlace, clock: Clock) -> AsyncIterator[Store]:
    async with open_store(place, pace=SOON, limits=QUICK, clock=lambda: clock.now) as store:
        yield store


@pytest.fixture
async def store(place: StorePlace, clock: Clock) -> AsyncIterator[Store]:
    async with a_store(place, clock) as store:
        yield store


async def kept(store: Store, channel: str, seconds: float = 0.0, caller: str = SARA) -> Call:
    """A call on record."""
    (row,) = await revisions(store, whole(channel, seconds, caller), 1)
    assert isinstance(row, CallRow)
    return row.call


# --- notes ---


async def test_notes_are_kept_in_order_with_who_and_when(store: Store, clock: Clock) -> None:
    first = await store.notes.add(CALL, "sara", "called back,\nhe is content")
    clock.later(minutes=3)
    second = await store.notes.add(CALL, "reza", "«یک یادداشت»")
    assert await store.notes.notes(CALL) == [first, second]
    assert first is not None
    assert (first.user, first.at, first.text) == ("sara", at(3600), "called back,\nhe is content")
    assert await store.notes.notes("another") == []


async def test_a_form_sent_twice_is_one_note(store: Store, clock: Clock) -> None:
    assert await store.notes.add(CALL, "sara", "the same")
    assert await store.notes.add(CALL, "sara", "the same") is None
    assert await store.notes.add(CALL, "reza", "the same")
    clock.later(minutes=2)
    assert await store.notes.add(CALL, "sara", "the same")
    assert await store.notes.add(CALL, "sara", " \n\u202e\n ") is None
    assert len(await store.notes.notes(CALL)) == 3


async def test_a_note_is_taken_back_by_its_writer_for_ten_minutes(store: Store, clock: Clock) -> None:
    note, late = await store.notes.add(CALL, "sara", "wrong call"), await store.notes.add(CALL, "sara", "stays")
    assert note is not None
    assert late is not None
    assert await store.notes.remove(CALL, note.id, "reza") is None
    assert await store.notes.remove("another", note.id, "sara") is None
    clock.later(minutes=9, seconds=59)
    assert await store.notes.remove(CALL, note.id, "sara") == note
    assert await store.notes.remove(CALL, note.id, "sara") is None
    clock.later(seconds=1)
    assert await store.notes.remove(CALL, late.id, "sara") is None
    assert await store.notes.notes(CALL) == [late]


@given(st.text(max_size=3000))
def test_a_note_is_clean_whatever_was_typed(text: str) -> None:
    told = clean_note(text)
    assert len(told) <= LONGEST
    assert told == told.strip()
    assert not set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\x00\x1b\r").intersection(told)
    assert clean_note(told) == told


def test_persian_keeps_its_joiners_and_a_note_its_lines() -> None:
    assert clean_note("می‌خواهد\r\n\r\nبرگردد \u202e") == "می‌خواهد\n\nبرگردد"


# --- tickets ---


async def test_a_ticket_is_linked_once_and_only_if_it_is_there(store: Store, clock: Clock, tmp_path: Path) -> None:
    await import_files(store, tmp_path, {"customers": "1001,Aria,fa,"})
    opened = await store.requests.open_ticket(NewTicket(origin="o", customer_code="1001", subject="s"))
    assert opened is not None
    number = opened.tracking_number
    assert not await store.notes.link(CALL, tracking.with_check_digit("999999"), "sara")
    assert await store.notes.link(CALL, number, "sara")
    clock.later(minutes=1)
    assert await store.notes.link(CALL, number, "reza")
    (link,) = await store.notes.links(CALL)
    assert (link.tracking_number, link.user, link.at) == (number, "sara", at(3600))
    assert not await store.notes.unlink(CALL, number, "reza")
    assert await store.notes.unlink(CALL, number, "sara")
    assert await store.notes.links(CALL) == []


async def test_a_customers_open_tickets_and_complaints_with_what_is_due(store: Store, tmp_path: Path) -> None:
    await import_files(store, tmp_path, {"customers": "1001,Aria,fa,\n1002,Parsa,fa,"})
    plain = await store.requests.open_ticket(NewTicket(origin="1", customer_code="1001", subject="fax"))
    other = await store.requests.open_ticket(NewTicket(origin="2", customer_code="1002", subject="other"))
    filed = await store.requests.file_complaint(
        NewComplaint(
            ticket=NewTicket(origin="3", customer_code="1001", subject="rude"),
            reason="",
            acknowledge_by=at(7200),
            answer_by=at(5 * DAY),
            answer_on=at(5 * DAY).date(),
        )
    )
    assert plain
    assert other
    assert filed
    found = {case.tracking_number: case for case in await store.context.unfinished("1001")}
    assert set(found) == {plain.tracking_number, filed.tracking_number}
    assert found[filed.tracking_number].due_by == at(7200)
    assert found[plain.tracking_number].due_by is None
    await store.desk.handle(filed.tracking_number, Handling.ACKNOWLEDGE)
    cases = await store.context.cases([filed.tracking_number, "nothing", other.tracking_number])
    assert set(cases) == {filed.tracking_number, other.tracking_number}
    assert cases[filed.tracking_number].due_by == at(5 * DAY)
    await store.desk.handle(filed.tracking_number, Handling.ANSWER, "said sorry")
    (left,) = await store.context.unfinished("1001")
    assert (left.subject, left.kind, left.status) == ("fax", "request", TicketStatus.NEW)
    assert (await store.context.cases([filed.tracking_number]))[filed.tracking_number].due_by is None


async def test_what_was_added_goes_with_a_call_that_becomes_another(store: Store, tmp_path: Path) -> None:
    await import_files(store, tmp_path, {"customers": "1001,Aria,fa,"})
    opened = await store.requests.open_ticket(NewTicket(origin="o", customer_code="1001", subject="s"))
    assert opened
    # Two channels that nothing joins yet: two calls, until a row tells that they are one.
    await store.journal.add([*begun("5.1"), *begun("5.2", 5.0)])
    async with store.calls.watch() as news:
        await store.journal.add([step("5.1", 0, 6.0), step("5.2", 0, 6.0)])
        while len(await store.calls.page()) < 2:
            await news.get()
    later = str(call_id(NODE, "5.2"))
    await store.notes.add(later, "sara", "keep this")
    await store.notes.link(later, opened.tracking_number, "sara")
    joined = [cel("BRIDGE_ENTER", "5.2", 7.0, linkedid="5.1"), *ended("5.2"), *ended("5.1", 40.0)]
    async with store.calls.watch() as news:
        await store.journal.add(joined)
        while len(await store.calls.page()) > 1:
            await news.get()
    (row,) = await store.calls.page()
    assert [note.text for note in await store.notes.notes(row.call.call_id)] == ["keep this"]
    assert [link.tracking_number for link in await store.notes.links(row.call.call_id)] == [opened.tracking_number]


# --- around a call ---


async def test_the_calls_of_the_same_number_before_and_after(store: Store) -> None:
    calls = [await kept(store, f"2.{n}", n * 600.0) for n in range(9)]
    await kept(store, "3.1", 2000.0, REZA)
    around = await store.context.neighbours(calls[4])
    assert [line.call_id for line in around.before] == [call.call_id for call in (calls[3], calls[2], calls[1])]
    assert [line.call_id for line in around.after] == [call.call_id for call in (calls[5], calls[6], calls[7])]
    assert (around.turn, around.number, around.customer) == (5, "+989121234567", "")


async def test_only_calls_of_the_last_seven_days_are_counted(store: Store) -> None:
    await kept(store, "2.1", -7 * DAY - 1)
    await kept(store, "2.2", -7 * DAY)
    call = await kept(store, "2.3")
    assert (await store.context.neighbours(call)).turn == 2


async def test_a_customers_calls_are_found_whatever_the_number(store: Store, tmp_path: Path) -> None:
    contacts = "1001,Sara,09121234567\n1001,Reza,09351112233"
    await import_files(store, tmp_path, {"customers": "1001,Aria,fa,", "contacts": contacts})
    first, second = await kept(store, "2.1", 0.0, SARA), await kept(store, "2.2", 600.0, REZA)
    around = await store.context.neighbours(second)
    assert [line.call_id for line in around.before] == [first.call_id]
    assert (around.customer, around.number, around.turn) == ("1001", "", 2)


async def test_only_those_somebody_may_see(store: Store) -> None:
    calls = [await kept(store, f"2.{n}", n * 600.0) for n in range(5)]
    around = await store.context.neighbours(calls[2], lambda call: call.call_id == calls[4].call_id)
    assert around.before == ()
    assert [line.call_id for line in around.after] == [calls[4].call_id]
    assert around.turn == 1


async def test_a_withheld_number_has_no_neighbours(store: Store) -> None:
    await kept(store, "2.1", 0.0, "")
    call = await kept(store, "2.2", 600.0, "")
    around = await store.context.neighbours(call)
    assert (around.before, around.after, around.turn) == ((), (), 0)


# --- raw facts ---


async def test_every_fact_in_order_of_time_packed_or_not(store: Store, clock: Clock) -> None:
    facts = whole("4.1")
    (row,) = await revisions(store, facts, 1)
    assert isinstance(row, CallRow)
    told = await store.context.facts(row.call.call_id)
    assert {(raw.file, raw.offset) for raw in told} == {(raw.file, raw.offset) for raw in facts}
    assert [raw.at for raw in told] == sorted(raw.at for raw in told)
    assert {raw.kind for raw in told} == {FactKind.CEL, FactKind.STEP}
    clock.later(days=3)
    await store.packer.finish()
    assert await store.context.facts(row.call.call_id) == told
    assert await store.context.facts("none") == []


async def test_a_damaged_pack_is_told_and_nothing_else_breaks(store: Store, place: StorePlace, clock: Clock) -> None:
    call = await kept(store, "4.1")
    clock.later(days=3)
    await store.packer.finish()
    await store.writer.submit(lambda tx: tx.db.execute("UPDATE fact_pack SET body = :b", {"b": b"\x00bad"}).rowcount)
    with pytest.raises(StoreError):
        await store.context.facts(call.call_id)


async def test_a_copy_of_the_store_has_it_all(
    store: Store, place: StorePlace, tmp_path: Path, server: Server
) -> None:
    await store.notes.add(CALL, "sara", "noted")
    if not isinstance(place, Path):
        return
    target = server.new_database()
    await copy_store(place, target)
    assert query(target, "SELECT user_name, body FROM call_note") == [("sara", "noted")]
    server.drop(target)
