"""Contracts in the store: lists by their end, renewals won, lost and undone, use in a term; in both engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest
from crm_folder import import_files
from harness.postgres import Server
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from plain_call import plain_call
from put_calls import put_calls
from store_facts import QUICK

from pbx_bridge.calls.call import Call, Direction, Outcome, SurveyAnswer, call_id
from pbx_bridge.store import Store, open_store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.contracts import Sought
from pbx_bridge.store.contracts_renewal import NewEntry, Refused
from pbx_bridge.store.contracts_rules import Entry, Kind
from pbx_bridge.store.copy import copy_store
from pbx_bridge.store.derived import Derived
from pbx_bridge.store.derived.facets import Facets
from pbx_bridge.store.requests import NewComplaint, NewTicket

NOW = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
END = date(2026, 3, 20)  # 1404/12/29
CRM = {
    "customers": "1001,Aria,fa,gold\n1002,100%_sure!,fa,",
    "contacts": "1001,Ali,09121234567\n1001,Sara,02188776655",
    "contracts": "1001,17,1404/01/01,1404/12/29,gold\n1002,18,1404/01/01,1405/06/31,silver\n"
    "1002,9,1402/01/01,1402/12/29,silver",
}
ALL = Sought()
WON = NewEntry(origin="w", kind=Kind.WON, user="zahra", renewed_to=date(2027, 3, 20))


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(place: StorePlace, clock: Clock, tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(place, folding=False, limits=QUICK, clock=clock) as store:
        await import_files(store, tmp_path, CRM)
        yield store


async def numbers(store: Store, sought: Sought = ALL) -> list[str]:
    return [line.contract.number for line in await store.contracts.list(sought)]


async def outcome(store: Store, number: str = "17") -> str:
    line = await store.contracts.get("1001", number)
    return line.outcome if line else "gone"


async def write(store: Store, new: NewEntry, number: str = "17") -> Entry:
    entry = await store.contracts.write("1001", number, new)
    assert isinstance(entry, Entry), entry
    return entry


# --- lists --------------------------------------------------------------------------------------------------------


async def test_they_are_listed_by_their_last_day_in_both_directions(store: Store) -> None:
    assert await numbers(store) == ["9", "17", "18"]
    assert await numbers(store, Sought(back=True)) == ["18", "17", "9"]
    for back in (False, True):
        seen: list[str] = []
        after = ""
        while page := await store.contracts.list(Sought(back=back, after=after, limit=1)):
            seen.append(page[0].contract.number)
            after = page[0].place
        assert seen == await numbers(store, Sought(back=back))


FOUND: list[tuple[Sought, list[str]]] = [
    (Sought(first=END), ["17", "18"]),
    (Sought(last=END), ["9", "17"]),
    (Sought(begins_to=date(2024, 1, 1)), ["9"]),
    (Sought(text="1002"), ["9", "18"]),
    (Sought(text="ari"), ["17"]),
    (Sought(text="18"), ["18"]),
    (Sought(text="%_s"), ["9", "18"]),
    (Sought(text="%"), ["9", "18"]),
    (Sought(text="_"), ["9", "18"]),
    (Sought(text="nobody"), []),
    (Sought(level="silver"), ["9", "18"]),
    (Sought(outcome="open"), ["9", "17", "18"]),
    (Sought(outcome="won"), []),
    (Sought(after="x"), ["9", "17", "18"]),
    (Sought(after="'; DROP TABLE contract;--||"), ["9", "17", "18"]),
]


async def test_they_are_found(store: Store) -> None:
    for sought, found in FOUND:
        assert await numbers(store, sought) == found, sought


async def test_levels_and_contacts(store: Store) -> None:
    assert await store.contracts.levels() == ["gold", "silver"]
    assert await store.contracts.contacts("1001") == [("Sara", "+982188776655"), ("Ali", "+989121234567")]


# --- renewals -----------------------------------------------------------------------------------------------------


async def test_a_won_one_goes_on_the_day_after_and_undone_it_does_not(store: Store, clock: Clock) -> None:
    won = await write(store, WON)
    assert (won.renewed, won.renewed_to) == ("17-1405", date(2027, 3, 20))
    new = await store.contracts.get("1001", "17-1405")
    assert new is not None
    assert (new.contract.starts_on, new.contract.ends_on, new.contract.level, new.renews) == (
        date(2026, 3, 21),
        date(2027, 3, 20),
        "gold",
        "17",
    )
    assert (await outcome(store), await outcome(store, "17-1405")) == ("won", "open")
    assert await store.contracts.write("1001", "17", replace(WON, origin="w2")) is Refused.SETTLED
    assert (await store.crm.contract("1001", date(2026, 3, 21))) == new.contract
    clock.now += timedelta(minutes=1)
    await write(store, NewEntry(origin="u", kind=Kind.UNDO, user="lead", undoes=won.id))
    assert (await outcome(store), await outcome(store, "17-1405")) == ("open", "gone")
    again = NewEntry(origin="u2", kind=Kind.UNDO, user="lead", undoes=won.id)
    assert await store.contracts.write("1001", "17", again) is Refused.UNDONE
    clock.now += timedelta(minutes=1)
    await write(store, NewEntry(origin="l", kind=Kind.LOST, user="lead", reason="price", text="گران بود"))
    assert await outcome(store) == "lost"
    told = [(entry.user, entry.kind) for entry in await store.contracts.entries("1001", "17")]
    assert told == [("zahra", Kind.WON), ("lead", Kind.UNDO), ("lead", Kind.LOST)]


async def test_a_double_click_and_two_people_win_it_once(store: Store) -> None:
    told = await asyncio.gather(
        *(store.contracts.write("1001", "17", replace(WON, origin=str(n % 2), user=f"u{n % 2}")) for n in range(6))
    )
    won = [entry for entry in told if isinstance(entry, Entry)]
    assert len(won) == 3
    assert len(set(won)) == 1
    assert [entry for entry in told if not isinstance(entry, Entry)] == [Refused.SETTLED] * 3
    assert len(await numbers(store, Sought(text="1001"))) == 2


REFUSED = [
    (replace(WON, renewed_to=END), Refused.END),
    (replace(WON, renewed_to=None), Refused.END),
    (replace(WON, renewed="17"), Refused.TAKEN),
    (NewEntry(origin="a", kind=Kind.NOTE, user="u", text=" \u202e "), Refused.EMPTY),
    (NewEntry(origin="a", kind=Kind.LOST, user="u"), Refused.NO_REASON),
    (NewEntry(origin="a", kind=Kind.STEP, user="u", text="x"), Refused.EMPTY),
    (NewEntry(origin="a", kind=Kind.STEP, user="u", text="x", due=NOW), Refused.NO_PHONE),
    (NewEntry(origin="a", kind=Kind.UNDO, user="u", undoes="nothing"), Refused.UNDONE),
]


async def test_what_cannot_be_is_refused_and_nothing_of_it_is_kept(store: Store) -> None:
    for new, why in REFUSED:
        assert await store.contracts.write("1001", "17", new) is why
        assert await store.contracts.write("1001", "none", new) is Refused.GONE
    assert await store.contracts.entries("1001", "17") == []
    assert await numbers(store) == ["9", "17", "18"]


async def test_a_step_sets_a_follow_up_and_its_undoing_withdraws_that(store: Store) -> None:
    due = NOW + timedelta(days=3)
    new = NewEntry(
        origin="s", kind=Kind.STEP, user="zahra", owner="reza", text="پیشنهاد قیمت", due=due, phone="09121234567"
    )
    step = await write(store, new)
    line = await store.callbacks.get(step.callback)
    assert line is not None
    assert (line.number, line.customer_code, line.about, line.owner, line.made_by, line.wanted_at, line.why) == (
        "+989121234567",
        "1001",
        "contract:1001:17",
        "reza",
        "zahra",
        due,
        "پیشنهاد قیمت",
    )
    await write(store, NewEntry(origin="u", kind=Kind.UNDO, user="zahra", undoes=step.id))
    gone = await store.callbacks.get(step.callback)
    assert gone is not None
    assert gone.result == "withdrawn"


async def test_an_import_wipes_no_outcome(store: Store, tmp_path: Path) -> None:
    await write(store, WON)
    await write(store, NewEntry(origin="n", kind=Kind.NOTE, user="u", text="زنگ زدم"))
    await import_files(store, tmp_path, CRM)
    assert await outcome(store) == "won"
    assert len(await store.contracts.entries("1001", "17")) == 2
    assert await numbers(store) == ["9", "17", "18", "17-1405"]


async def test_a_term_that_an_import_made_longer_is_open_again(store: Store, tmp_path: Path) -> None:
    lost = await write(store, NewEntry(origin="l", kind=Kind.LOST, user="u", reason="price"))
    longer = {"contracts": "1001,17,1404/01/01,1405/12/29,gold"}
    await import_files(store, tmp_path, longer)
    assert await outcome(store) == "open"
    await write(store, NewEntry(origin="u", kind=Kind.UNDO, user="u", undoes=lost.id))
    won = await write(store, replace(WON, renewed_to=date(2028, 3, 19)))
    assert (await outcome(store), won.renewed) == ("won", "17-1406")


async def test_a_renewed_contract_that_was_changed_since_stays(store: Store, tmp_path: Path) -> None:
    won = await write(store, WON)
    await import_files(store, tmp_path, {"contracts": "1001,17-1405,1405/01/01,1406/06/31,gold"})
    await write(store, NewEntry(origin="u", kind=Kind.UNDO, user="u", undoes=won.id))
    assert (await outcome(store), await outcome(store, "17-1405")) == ("open", "open")


async def test_all_of_it_is_copied_to_postgresql(server: Server, clock: Clock, tmp_path: Path) -> None:
    target = server.new_database()
    async with open_store(tmp_path / "s.db", folding=False, limits=QUICK, clock=clock) as store:
        await import_files(store, tmp_path, CRM)
        await write(store, WON)
        step = NewEntry(origin="s", kind=Kind.STEP, user="u", text="x", due=NOW, phone="09121234567")
        callback = (await write(store, step, "17-1405")).callback
        await store.callbacks.take(callback, "u", timedelta(minutes=5))
        await copy_store(tmp_path / "s.db", target)
        entries, line = await store.contracts.entries("1001", "17"), await store.callbacks.get(callback)
    async with open_store(target, folding=False, limits=QUICK, clock=clock) as store:
        assert await store.contracts.entries("1001", "17") == entries
        assert await store.callbacks.get(callback) == line
        assert await outcome(store) == "won"
    server.drop(target)


_STEP = st.tuples(st.sampled_from(["won", "undo", "lost"]), st.integers(0, 3), st.integers(0, 800))
# Won, and the new one won as well; the first undone, and won for longer.
_TWICE = [("won", 0, 90), ("won", 1, 90), ("undo", 0, 0), ("won", 0, 700)]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(_TWICE)
@given(st.lists(_STEP, max_size=12))
async def test_terms_that_people_made_never_overlap(tmp_path: Path, steps: list[tuple[str, int, int]]) -> None:
    """Whatever is won, lost and undone, on any contract of the chain."""
    clock = Clock()
    async with open_store(tmp_path / f"{uuid4()}.db", folding=False, limits=QUICK, clock=clock) as store:
        await import_files(store, tmp_path, CRM)
        for turn, (what, which, days) in enumerate(steps):
            clock.now += timedelta(minutes=1)
            chain = [line.contract for line in await store.contracts.list(Sought(text="1001"))]
            contract = chain[which % len(chain)]
            entries = await store.contracts.entries("1001", contract.number)
            new = NewEntry(origin=str(turn), kind=Kind(what), user="u", reason="price")
            if what == "undo" and entries:
                new = replace(new, undoes=entries[days % len(entries)].id)
            new = replace(new, renewed_to=contract.ends_on + timedelta(days=days))
            await store.contracts.write("1001", contract.number, new)
            lines = [line for line in await store.contracts.list(Sought(text="1001")) if line.contract.number != "x"]
            for old, after in pairwise(sorted(lines, key=lambda line: line.contract.starts_on)):
                assert old.contract.ends_on < after.contract.starts_on
            assert {line.outcome for line in lines} <= {"open", "won", "lost"}


# --- use ----------------------------------------------------------------------------------------------------------


def calls() -> list[Call]:
    def one(number: int, **told: object) -> Call:
        at = NOW - timedelta(days=number)
        return plain_call(at, call_id=call_id("p", str(number)), root=str(number), customer_code="1001", **told)

    def answer(value: int | None, scale: int = 5) -> tuple[SurveyAnswer, ...]:
        return (SurveyAnswer(question="q", answer=value, scale=scale, queue="", agent="", at=NOW),)

    minute = 60_000_000
    return [
        one(1, talk_us=3 * minute, wait_us=minute, survey=answer(4)),
        one(2, talk_us=minute, wait_us=3 * minute, survey=answer(2)),
        one(3, answered_at=None, outcome=Outcome.ABANDONED_QUEUE, wait_us=9 * minute, survey=answer(None)),
        one(4, direction=Direction.OUTBOUND, talk_us=2 * minute),
        one(400, talk_us=99 * minute, survey=answer(1)),  # before the term
    ]


async def test_what_was_used_in_a_term_is_counted(store: Store, clock: Clock) -> None:
    await put_calls(store, calls(), Derived(parts=(Facets(),)))
    ticket = NewTicket(origin="t", customer_code="1001", subject="x")
    opened = await store.requests.open_ticket(ticket)
    complaint = NewComplaint(
        ticket=replace(ticket, origin="c"),
        reason="",
        acknowledge_by=NOW + timedelta(hours=1),
        answer_by=NOW + timedelta(days=1),
        answer_on=date(2026, 3, 10),
    )
    assert await store.requests.file_complaint(complaint)
    assert opened is not None
    statement = "UPDATE ticket SET responded_at_us = created_at_us + 3600000000 WHERE tracking_number = :number"
    await store.writer.submit(lambda tx: tx.db.execute(statement, {"number": opened.tracking_number}).rowcount)
    use = await store.contracts.use("1001", NOW - timedelta(days=340), NOW + timedelta(days=1))
    assert (use.calls, use.inbound, use.answered, use.talk_us, use.wait_us) == (4, 3, 2, 360_000_000, 120_000_000)
    assert use.last_call == NOW - timedelta(days=1)
    assert (use.surveys, use.satisfied, use.scale) == (2, 3.0, 5)
    assert (use.tickets, use.complaints, use.responded, use.respond_us) == (2, 1, 1, 3_600_000_000)
    assert (use.repaired, use.repair_us, use.capped) == (0, None, False)
    assert (await store.contracts.use("1002", NOW, NOW + timedelta(days=9))).calls == 0
