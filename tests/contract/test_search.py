"""Searching the calls: the same answer as looking at every call, whatever is asked and however it is paged."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from put_calls import AGENTS, CUSTOMERS, NODES, NUMBERS, QUEUES, TICKETS, put_calls, random_call
from store_facts import NOON, quick_store

from pbx_bridge.calls.call import Call, Direction, Outcome
from pbx_bridge.calls.facets import Facet, Kind, facets_of
from pbx_bridge.store import PageKey, Store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.database import Db
from pbx_bridge.store.derived import Derived, Kept
from pbx_bridge.store.derived.facets import Facets
from pbx_bridge.store.search import Found, Search, Work
from pbx_bridge.store.times import to_us
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.wanted import Wanted

SPAN = timedelta(minutes=3)
_COUNT = 250
_FACETS: tuple[Facet, ...] = (
    *((Kind.AGENT.value, agent) for agent in (*AGENTS, "999")),
    *((Kind.RANG.value, agent) for agent in AGENTS),
    *((Kind.QUEUE.value, queue) for queue in QUEUES),
    *((Kind.NODE.value, node) for node in NODES),
    *((Kind.TICKET.value, ticket) for ticket in TICKETS),
    *((Kind.DIRECTION.value, one.value) for one in Direction),
    *((Kind.OUTCOME.value, one.value) for one in Outcome),
)
_MOMENTS = st.none() | st.integers(-10, 200).map(lambda seconds: NOON + timedelta(seconds=seconds))

_CODES = st.lists(st.sampled_from([*CUSTOMERS[1:], "C-9"]), max_size=3, unique=True).map(tuple)

wanted = st.builds(
    Wanted,
    start=st.none() | _MOMENTS,
    end=st.none() | _MOMENTS,
    number=st.sampled_from(("", "", "", "", "", *(number for number in (*NUMBERS, "100", "777") if number))),
    customers=st.none() | st.none() | st.none() | _CODES,
    facets=st.lists(st.sampled_from(_FACETS), max_size=2, unique=True).map(tuple),
    own=st.none() | st.none() | st.none() | st.sampled_from(("101", "103", "", "999")),
    recorded=st.sampled_from((False, False, False, True)),
    wait_over_s=st.sampled_from((0, 0, 0, 0, 29, 30, 45, 300, 3000)),
    talk_over_s=st.sampled_from((0, 0, 0, 0, 59, 60, 1800)),
)


@asynccontextmanager
async def full_store(place: StorePlace) -> AsyncIterator[tuple[Store, list[Call], set[str]]]:
    """A store with random calls, newest first, and which of them are recorded."""
    rng = random.Random(7)
    calls = [random_call(rng, number, NOON, SPAN) for number in range(_COUNT)]
    recorded: set[str] = {call.call_id for call in calls if rng.random() < 0.4}
    async with quick_store(place) as store:
        await put_calls(store, calls, Derived(parts=(Facets(),)))
        await store.writer.submit(lambda transaction: _record(transaction.db, recorded))
        yield store, sorted(calls, key=lambda c: (c.started_at, c.call_id), reverse=True), recorded


def _record(db: Db, call_ids: Iterable[str]) -> None:
    db.executemany(
        "INSERT INTO recording (node, file, channel, call_id, started_at_us, state, path, length_us, bytes, sha256)"
        " VALUES ('pbx1', :id, '', :id, 0, 'present', '', 0, 0, '')",
        [{"id": call_id} for call_id in sorted(call_ids)],
    )


def _brute(calls: Sequence[Call], recorded: set[str], one: Wanted) -> list[str]:
    return [call.call_id for call in calls if one.matches(call, "IR", recorded=call.call_id in recorded)]


async def _forth(search: Search, one: Wanted, limit: int) -> tuple[list[str], list[Found]]:
    found = await search.page(one, limit=limit)
    pages = [found]
    while found.more is not None:
        assert found.cut or len(found.lines) == limit
        found = await search.page(one, before=found.more, limit=limit)
        pages.append(found)
    return [line.call_id for page in pages for line in page.lines], pages


async def _back(search: Search, one: Wanted, limit: int) -> list[str]:
    key: PageKey | None = PageKey(started_at_us=0, call_id="0")
    seen: list[str] = []
    while key is not None:
        found = await search.page(one, after=key, limit=limit)
        seen = [*(line.call_id for line in found.lines), *seen]
        key = found.more
    return seen


async def test_a_search_is_what_looking_at_every_call_finds(place: StorePlace) -> None:
    async with full_store(place) as (store, calls, recorded):
        reader = store.calls._reader
        tight = Search(reader, work=Work(tried=3, candidates=9, seconds=0.0))
        wide = Search(reader)
        examples: list[tuple[Wanted, int]] = []

        @settings(max_examples=60, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(wanted, st.integers(1, 40))
        def collect(one: Wanted, limit: int) -> None:
            examples.append((one, limit))

        collect()
        hits = 0
        for one, limit in examples:
            expected = _brute(calls, recorded, one)
            hits += bool(expected)
            for search in (tight, wide):
                assert (await _forth(search, one, limit))[0] == expected, one
                assert await _back(search, one, limit) == expected, one
        assert hits > 20


async def test_a_page_that_is_not_full_says_how_far_was_looked(place: StorePlace) -> None:
    async with full_store(place) as (store, calls, recorded):
        one = Wanted(facets=((Kind.AGENT.value, "101"), (Kind.RANG.value, "102"), (Kind.DIRECTION.value, "inbound")))
        _, pages = await _forth(Search(store.calls._reader, work=Work(candidates=5, seconds=0.0)), one, 10)
        cut = [page for page in pages if page.cut]
        assert cut
        for page in cut:
            assert page.until is not None
            assert page.more is not None
            seen = {line.call_id for before in pages[: pages.index(page) + 1] for line in before.lines}
            newer = [call.call_id for call in calls if call.started_at >= page.until]
            assert set(_brute([c for c in calls if c.call_id in newer], recorded, one)) <= seen


async def test_a_line_tells_what_the_call_tells(place: StorePlace) -> None:
    async with full_store(place) as (store, calls, recorded):
        found = await store.calls.search(Wanted(), limit=_COUNT)
        assert [line.call_id for line in found.lines] == [call.call_id for call in calls]
        for line, call in zip(found.lines, calls, strict=True):
            facets = facets_of(call)
            assert line.told == tuple(f for f in facets if f in line.told)
            assert {kind for kind, _ in facets} - {kind for kind, _ in line.told} <= {
                "direction", "outcome", "ticket", "wait", "talk", "person",
            }  # fmt: skip
            assert line.agent == call.last_agent
            assert line.recorded == (call.call_id in recorded)


async def test_choices_are_what_calls_have(place: StorePlace) -> None:
    async with full_store(place) as (store, _, _):
        choices = await store.calls.choices()
        assert choices[Kind.AGENT] == list(AGENTS)
        assert choices[Kind.QUEUE] == sorted(QUEUES)
        assert choices[Kind.NODE] == sorted(NODES)


async def test_a_changed_call_is_found_by_what_it_is_now(place: StorePlace) -> None:
    derived = Derived(parts=(Facets(),))
    async with full_store(place) as (store, calls, _):
        call = next(one for one in calls if one.agents == ("101",))
        moved = replace(call, agents=("103",), started_at=call.started_at + timedelta(days=40))
        await put_calls(store, [moved], derived)
        new, old = (Wanted(facets=(("agent", agent),)) for agent in ("103", "101"))
        assert (await store.calls.search(new)).lines[0].call_id == call.call_id
        assert call.call_id not in {line.call_id for line in (await store.calls.search(old, limit=_COUNT)).lines}


async def test_facets_of_a_call_that_is_another_one_now_are_gone(place: StorePlace) -> None:
    derived = Derived(parts=(Facets(),))
    async with full_store(place) as (store, calls, _):
        await store.writer.submit(lambda transaction: derived.gone(transaction, calls[0].call_id))
        no = "SELECT COUNT(*) FROM call_facet f JOIN call c ON c.call_no = f.call_no WHERE c.call_id = :id"
        assert (await store.calls._reader.rows(no, id=calls[0].call_id))[0][0] == 0
        assert (await store.calls._reader.rows(no, id=calls[1].call_id))[0][0] > 0


async def test_a_number_given_in_what_was_taken_back_is_not_remembered(place: StorePlace) -> None:
    facets = Facets()
    derived = Derived(parts=(facets,))
    rng = random.Random(3)
    calls = [random_call(rng, number, NOON, SPAN) for number in range(40)]
    async with quick_store(place) as store:
        with pytest.raises(Exception, match="taken back"):
            await put_calls(store, calls[:20], _Refusing(derived))
        await put_calls(store, calls[20:], derived)
        facets.committed()
        await put_calls(store, calls[:20], derived)
        for facet in _FACETS:
            found = await store.calls.search(Wanted(facets=(facet,)), limit=100)
            expected = _brute(sorted(calls, key=lambda c: (c.started_at, c.call_id), reverse=True), set(),
                              Wanted(facets=(facet,)))  # fmt: skip
            assert [line.call_id for line in found.lines] == expected, facet


class _Refusing(Derived):
    """Works out twenty calls and then fails, as a fold may."""

    def __init__(self, derived: Derived) -> None:
        super().__init__(parts=())
        self._derived, self._left = derived, 19

    def named(self, db: Db, before: Kept | None, call: Call, group: int) -> Kept:
        return self._derived.named(db, before, call, group)

    def changed(self, transaction: Transaction, before: Kept | None, after: Kept) -> None:
        self._derived.changed(transaction, before, after)
        if not self._left:
            raise ValueError("taken back")
        self._left -= 1


def test_a_place_between_calls_has_a_text() -> None:
    for older in (True, False):
        key = PageKey.beyond(to_us(NOON), older=older)
        assert PageKey.parse(str(key)) == key
        assert (key.place < (to_us(NOON), "0000")) == older


async def test_calls_that_people_linked_to_a_ticket_are_found_by_it(place: StorePlace) -> None:
    async with full_store(place) as (store, calls, _):
        linked = [calls[5], calls[80], next(call for call in calls if TICKETS[0] in call.tracking_numbers)]
        rows = [{"id": call.call_id, "number": number} for call in linked for number in (TICKETS[0], "9999996")]
        link = "INSERT INTO call_ticket (call_id, tracking_number, at_us, user_name) VALUES (:id, :number, 0, '')"
        await store.writer.submit(lambda transaction: transaction.db.executemany(link, rows).rowcount)
        ids = {call.call_id for call in linked}
        for number, facets in ((TICKETS[0], ()), ("9999996", ()), (TICKETS[0], ((Kind.AGENT.value, "101"),))):
            asked = Wanted(facets=((Kind.TICKET.value, number), *facets))
            others = Wanted(facets=facets)
            expected = [
                call.call_id
                for call in calls
                if (number in call.tracking_numbers or call.call_id in ids)
                and others.matches(call, "IR", recorded=False)
            ]
            assert expected
            search = Search(store.calls._reader, work=Work(tried=2, candidates=9, seconds=0.0))
            assert (await _forth(search, asked, 7))[0] == expected
            assert await _back(search, asked, 7) == expected
