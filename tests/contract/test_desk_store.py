"""What agents tell of their calls, and what is known of a call that rings, in SQLite and in PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from crm_folder import import_files
from harness.postgres import Server
from plain_call import plain_call
from put_calls import put_calls
from store_facts import NODE, QUICK, SOON, at, begun, cel, ended, revisions, step, whole

from pbx_bridge.calls.call import Call, Direction, Outcome, Segment, SegmentKind, call_id
from pbx_bridge.calls.fact_text import live_fact
from pbx_bridge.calls.facts import LiveKind, StepKind
from pbx_bridge.store import Store, open_store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.call_notes import TAKE_BACK
from pbx_bridge.store.copy import copy_store
from pbx_bridge.store.derived import Derived
from pbx_bridge.store.derived.facets import Facets
from pbx_bridge.store.desk_cards import Asked
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.wrap_ups import NewWrapUp, Stand, WrapUp
from pbx_bridge.store.wrap_ups_missed import MOST
from pbx_bridge.values import tracking

SARA = "09121234567"
CALL = str(call_id(NODE, "1.1"))
TODAY = date(2026, 11, 21)
_TICKET = tracking.with_check_digit("471208")
CRM = {
    "customers": "C-1,آریا,fa,gold\nC-2,Parsa,en,",
    "contacts": f"C-1,علی,{SARA}\nC-2,Ann,{SARA}\nC-2,Ann,02188776655",
    "contracts": "C-2,7,2026-01-01,2026-12-20,full",
    "tickets": f"{_TICKET},C-2,fax,new,2026-11-01,,",
}


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = at(3600)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(place: StorePlace, clock: Clock) -> AsyncIterator[Store]:
    async with open_store(place, pace=SOON, limits=QUICK, clock=lambda: clock.now) as store:
        yield store


def new(call: str = CALL, channel: str = "1.1", user: str = "sara") -> NewWrapUp:
    return NewWrapUp(
        call_id=call, user=user, extension="101", node=NODE, channel=channel, number=SARA, name="S", began_at=at(10)
    )


def asked(**told: object) -> Asked:
    fields = {
        "call_id": CALL,
        "node": NODE,
        "root": "1.1",
        "steps_of": "",
        "number": SARA,
        "code": "",
        "chosen": "",
        "today": TODAY,
    }
    return Asked(**(fields | told))  # type: ignore[arg-type]


async def one(store: Store, user: str = "sara") -> WrapUp:
    (found,) = await store.wrap_ups.to_do(user)
    return found


async def test_a_call_in_hand_from_its_first_word_to_done(store: Store, clock: Clock) -> None:
    book = store.wrap_ups
    await book.begin(new())
    written = await book.write(CALL, "sara", "printer\r\nagain", 0)
    assert written is not None
    assert (written.kept, written.now.turn, written.now.note) == (True, 1, "printer\nagain")
    (note,) = await store.notes.notes(CALL)
    assert (note.user, note.text) == ("sara", "printer\nagain")
    await book.left(CALL, "sara")
    assert (await one(store)).ended_at == at(3600)
    await book.tell(CALL, "sara", reason="fault", next_step="part", stand=Stand.LATER)
    assert ((await one(store)).stand, (await one(store)).note) == (Stand.LATER, "printer\nagain")
    clock.now += timedelta(minutes=5)
    done = await book.tell(CALL, "sara", reason="fault", next_step="part ordered", stand=Stand.DONE)
    assert done is not None
    assert (done.stand, done.done_at) == (Stand.DONE, at(3900))
    assert await book.to_do("sara") == []
    (told,) = await book.of_call(CALL)
    assert (told.reason, told.next_step, told.user) == ("fault", "part ordered", "sara")
    late = await book.tell(CALL, "sara", reason="fault", next_step="", stand=Stand.LATER)
    assert late is not None
    assert (late.stand, late.done_at) == (Stand.DONE, at(3900))


async def test_of_two_windows_the_later_gets_what_the_first_wrote(store: Store) -> None:
    book = store.wrap_ups
    await book.begin(new())
    await book.write(CALL, "sara", "one", 0)
    lost = await book.write(CALL, "sara", "two", 0)
    assert lost is not None
    assert (lost.kept, lost.now.note, lost.now.turn) == (False, "one", 1)
    again = await book.write(CALL, "sara", "one", 0)  # its answer was lost
    assert again is not None
    assert (again.kept, again.now.turn) == (True, 1)
    emptied = await book.write(CALL, "sara", " ", 1)
    assert emptied is not None
    assert (emptied.kept, emptied.now.note) == (True, "")
    assert await store.notes.notes(CALL) == []


async def test_who_never_had_the_call_writes_nothing(store: Store) -> None:
    book = store.wrap_ups
    await book.begin(new())
    assert await book.write(CALL, "reza", "x", 0) is None
    assert await book.left(CALL, "reza") is None
    assert await book.choose(CALL, "reza", "C-1") is None
    assert await book.tell(CALL, "reza", reason="", next_step="", stand=Stand.DONE) is None


async def test_a_call_that_comes_back_is_in_hand_again(store: Store) -> None:
    book = store.wrap_ups
    await book.begin(new())
    await book.write(CALL, "sara", "one", 0)
    await book.left(CALL, "sara")
    await book.tell(CALL, "sara", reason="", next_step="", stand=Stand.LATER)
    back = await book.begin(new())
    assert (back.ended_at, back.stand, back.note, back.turn) == (None, Stand.OPEN, "one", 1)


async def test_a_note_is_not_taken_for_one_of_a_moment_ago(store: Store, clock: Clock) -> None:
    await store.wrap_ups.begin(new())
    await store.wrap_ups.write(CALL, "sara", "one", 0)
    clock.now += TAKE_BACK
    (note,) = await store.notes.notes(CALL)
    assert await store.notes.remove(CALL, note.id, "sara") is None


async def test_what_was_begun_under_another_id_is_found_with_the_call(store: Store) -> None:
    """The desk took the call for one that begins with 5.2; the record knows that 5.1 began it."""
    guess, known = str(call_id(NODE, "5.2")), str(call_id(NODE, "5.1"))
    book = store.wrap_ups
    await book.begin(new(guess, "5.2"))
    await book.write(guess, "sara", "keep this", 0)
    joined = [cel("BRIDGE_ENTER", "5.2", 7.0, linkedid="5.1"), *ended("5.2"), *ended("5.1", 40.0)]
    async with store.calls.watch() as news:
        await store.journal.add([*begun("5.1"), *begun("5.2", 5.0), *joined])
        while [row.call.call_id for row in await store.calls.page()] != [known]:
            await news.get()
    left = await book.left(guess, "sara")
    assert left is not None
    assert (left.call_id, left.note) == (known, "keep this")
    assert [note.text for note in await store.notes.notes(known)] == ["keep this"]
    assert (await book.begin(new(guess, "5.2"))).call_id == known


async def test_what_was_told_goes_with_a_call_that_becomes_another(store: Store) -> None:
    await store.journal.add([*begun("5.1"), *begun("5.2", 5.0)])
    async with store.calls.watch() as news:
        await store.journal.add([step("5.1", 0, 6.0), step("5.2", 0, 6.0)])
        while len(await store.calls.page()) < 2:
            await news.get()
        later, first = str(call_id(NODE, "5.2")), str(call_id(NODE, "5.1"))
        await store.wrap_ups.begin(new(later, "5.2"))
        await store.journal.add([cel("BRIDGE_ENTER", "5.2", 7.0, linkedid="5.1"), *ended("5.2"), *ended("5.1", 40.0)])
        while len(await store.calls.page()) > 1:
            await news.get()
    assert (await one(store)).call_id == first


async def test_what_is_known_of_a_caller(store: Store, tmp_path: Path) -> None:
    await import_files(store, tmp_path, CRM)
    await revisions(store, whole("1.1"), 1)
    await revisions(store, whole("1.2", 60.0), 1)
    both = await store.cards.facts(asked())
    assert [(one.customer.code, one.contact) for one in both.parties] == [("C-1", "علی"), ("C-2", "Ann")]
    assert [line.call_id for line in both.calls] == [call_id(NODE, "1.2")]
    chosen = await store.cards.facts(asked(chosen="C-2"))
    (party,) = chosen.parties
    assert party.contract is not None
    assert (party.contract.number, [case.tracking_number for case in party.cases]) == ("7", [_TICKET])
    nobody = await store.cards.facts(asked(number="09350000000"))
    assert (nobody.parties, nobody.calls, nobody.number) == ([], [], "09350000000")
    withheld = await store.cards.facts(asked(number=""))
    assert (withheld.parties, withheld.calls) == ([], [])
    found = await store.cards.facts(asked(number="", code="C-1"))
    assert [one.customer.code for one in found.parties] == ["C-1"]


async def test_the_menu_is_told_from_the_journal_before_the_call_is_folded(store: Store, tmp_path: Path) -> None:
    await import_files(store, tmp_path, CRM)
    told = {"code": "C-2", "name": "Parsa", "by": "code"}
    await store.journal.add([step("1.1", 0, 1.0, keys="4"), step("1.1", 1, 2.0, kind=StepKind.CUSTOMER, **told)])
    found = await store.cards.facts(asked(steps_of="1.1"))
    assert [one.kind for one in found.steps] == ["keys", "customer"]
    assert [one.customer.code for one in found.parties] == ["C-2"]  # keyed, though two have the number


async def test_whom_the_daemon_called_is_known_from_the_journal(store: Store, tmp_path: Path) -> None:
    await import_files(store, tmp_path, CRM)
    data = {"dialled": "02188776655", "agent": "101"}
    await store.journal.add([live_fact(node=NODE, channel="c2c", at=at(1), event=LiveKind.ORIGINATE, data=data)])
    found = await store.cards.facts(asked(number="", root="c2c"))
    assert (found.number, [one.customer.code for one in found.parties]) == ("02188776655", ["C-2"])


async def test_a_copied_store_has_what_agents_told(server: Server, tmp_path: Path) -> None:
    source, target = tmp_path / "s.db", server.new_database()
    async with open_store(source, pace=SOON, limits=QUICK) as store:
        await store.wrap_ups.begin(new())
        await store.wrap_ups.write(CALL, "sara", "one", 0)
    await copy_store(source, target)
    async with open_store(target, folding=False) as copy:
        assert (await one(copy)).note == "one"


async def put(store: Store, *calls: Call) -> None:
    """On record as the recorder writes them."""
    await put_calls(store, calls, Derived(parts=(Facets(),)))


def talked(root: str, ends: float, **told: Any) -> Call:
    """A call in which 101 talked, on record under that root."""
    begins, over = at(ends - 60), at(ends)
    talk = Segment(kind=SegmentKind.TALK, started_at=begins, ended_at=over, party="101")
    fields = {"agents": ("101",), "segments": (talk,), "outcome": Outcome.ANSWERED, "caller": SARA}
    named = {"root": root, "call_id": call_id(NODE, root), "started_at": at(ends - 90), "ended_at": over}
    return plain_call(at(ends - 90), **(named | fields | told))


async def test_a_talk_that_no_desk_was_there_for_is_told_of_once(store: Store, clock: Clock) -> None:
    clock.now = at(3 * 3600)
    lately = 3 * 3600 - 600
    await put(
        store,
        talked("2.1", lately),
        talked("2.2", 1800.0),  # too long ago
        talked("2.3", lately, agents=("102",)),
        talked("2.4", lately, direction=Direction.INTERNAL),  # among colleagues
        talked("2.5", lately, ended_at=None, outcome=None),  # goes on
        talked("2.6", lately + 60, direction=Direction.OUTBOUND, caller="101", called="02188776655"),
    )
    assert await store.wrap_ups.catch_up("sara", "101") == 2
    outbound, inbound = await store.wrap_ups.to_do("sara")
    assert (inbound.call_id, inbound.channel, inbound.number) == (call_id(NODE, "2.1"), "2.1", SARA)
    assert (inbound.began_at, inbound.ended_at) == (at(lately - 60), at(lately))
    assert (outbound.number, outbound.stand) == ("02188776655", Stand.OPEN)
    assert await store.wrap_ups.catch_up("sara", "101") == 0
    assert await store.wrap_ups.catch_up("nima", "101") == 0  # at the same phone
    await store.wrap_ups.tell(inbound.call_id, "sara", reason="fault", next_step="", stand=Stand.DONE)
    assert await store.wrap_ups.catch_up("sara", "101") == 0


async def test_what_was_told_before_the_call_was_on_record_is_not_asked_for_again(store: Store, clock: Clock) -> None:
    clock.now = at(3600)
    begun_as = str(call_id(NODE, "3.2"))
    await store.wrap_ups.begin(new(begun_as, "3.2"))
    await store.wrap_ups.tell(begun_as, "sara", reason="fault", next_step="", stand=Stand.DONE)
    await put(store, talked("3.1", 3000))
    kept = str(call_id(NODE, "3.1"))

    def joined(tx: Transaction) -> None:
        (group,) = tx.db.execute(SQL["group_of_call"], {"call_id": kept}).fetchone()
        for key in ("3.1", "3.2"):
            tx.db.execute(SQL["insert_key"], {"node": NODE, "channel_key": key, "call_group": group})

    await store.writer.submit(joined)
    assert await store.wrap_ups.catch_up("sara", "101") == 0
    (told,) = await store.wrap_ups.of_call(kept)
    assert (told.reason, told.stand) == ("fault", Stand.DONE)


async def test_at_most_the_newest_few_are_asked_for(store: Store, clock: Clock) -> None:
    clock.now = at(3600)
    await put(store, *(talked(f"4.{n}", 2000 + 60 * n) for n in range(20)))
    assert await store.wrap_ups.catch_up("sara", "101") == MOST
    assert await store.wrap_ups.catch_up("sara", "101") == 0
    roots = [one.channel for one in await store.wrap_ups.to_do("sara")]
    assert roots == [f"4.{n}" for n in range(19, 19 - MOST, -1)]
