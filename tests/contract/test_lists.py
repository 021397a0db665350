"""Lists of calls, page by page: every call once, both ways, whatever began at the same moment and whatever comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from demo_history import NOON, in_menu, make_call, morning, talking
from harness.postgres import Server
from hypothesis import given, settings
from hypothesis import strategies as st
from store_facts import quick_store

from pbx_bridge.calls.call import Call, SegmentKind
from pbx_bridge.store import CallRow, PageKey, Store, call_body
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.agenda import Agenda
from pbx_bridge.store.lines import CallLine, line_of
from pbx_bridge.store.recorder import Recorder
from pbx_bridge.store.sql import SQL

CALLERS = ("09121234567", "02188776655", "101", "")
OFFICE = "02188776655"  # also called: by others, and by itself
CUSTOMER = "C-1042"

# Moments a few microseconds apart, so that many calls begin at the same one.
one_call = st.tuples(st.integers(0, 4), st.sampled_from(CALLERS), st.sampled_from(("100", OFFICE)))
some_calls = st.lists(one_call, max_size=30)
filters = st.sampled_from(
    ({}, {"number": "09121234567"}, {"number": OFFICE}, {"customer": CUSTOMER}, {"start": 1, "end": 3}, {"start": 2})
)


def calls_of(told: Sequence[tuple[int, str, str]], first: int = 0) -> list[Call]:
    return [
        make_call(first + number, started_at=NOON + timedelta(microseconds=at), caller=caller, called=called)
        for number, (at, caller, called) in enumerate(told)
    ]


async def put(store: Store, calls: Sequence[Call]) -> None:
    """The calls as the recorder would write them."""
    columns = Recorder(Agenda())._columns
    rows = []
    for number, call in enumerate(calls):
        _, body, content_hash = call_body.encode(call)
        values = {"body": body, "content_hash": content_hash, "call_group": number + 1, "changed_at_us": 0}
        rows.append(columns(call) | values)
    if rows:
        await store.writer.submit(lambda transaction: transaction.db.executemany(SQL["upsert_call"], rows))


def place(call: Call) -> tuple[Any, str]:
    return call.started_at, call.call_id


def matches(call: Call, where: Mapping[str, Any]) -> bool:
    at = (call.started_at - NOON) // timedelta(microseconds=1)
    return (
        where.get("number", call.caller) in (call.caller, call.called)
        and where.get("customer", call.customer_code) == call.customer_code
        and where.get("start", at) <= at < where.get("end", at + 1)
    )


def asked(where: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: NOON + timedelta(microseconds=at) for name, at in where.items() if name in ("start", "end")}
    return {**where, **times}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def where_to(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> StorePlace:
    """One store of each engine; every example empties it."""
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("server")
        return server.new_database()
    return tmp_path_factory.mktemp("lists") / "s.db"


@asynccontextmanager
async def a_store(where_to: StorePlace, calls: Sequence[Call]) -> AsyncIterator[Store]:
    async with quick_store(where_to) as store:
        await store.writer.submit(lambda transaction: transaction.db.execute("DELETE FROM call"))
        await put(store, calls)
        yield store


async def walk(
    store: Store, where: Mapping[str, Any], limit: int, come: Callable[[int], Sequence[Call]], *, back: bool
) -> list[list[Call]]:
    """Every page in turn; after each, the calls that `come`."""
    key: dict[str, Any] = {"after": PageKey(started_at_us=0, call_id="-")} if back else {}
    pages: list[list[Call]] = []
    while rows := await store.calls.page(**asked(where), **key, limit=limit):
        assert len(rows) <= limit
        assert await store.calls.lines(**asked(where), **key, limit=limit) == [line_of(row) for row in rows]
        pages.append([row.call for row in rows])
        assert len(pages) < 100
        key = {"after": PageKey.of(rows[0])} if back else {"before": PageKey.of(rows[-1])}
        await put(store, come(len(pages)))
    return pages


@settings(max_examples=25, deadline=None)
@given(told=some_calls, where=filters, limit=st.integers(1, 7), back=st.booleans())
async def test_every_call_once(
    where_to: StorePlace, told: list[tuple[int, str, str]], where: Mapping[str, Any], limit: int, back: bool
) -> None:
    calls = calls_of(told)
    wanted = sorted((call for call in calls if matches(call, where)), key=place, reverse=True)
    async with a_store(where_to, calls) as store:
        pages = await walk(store, where, limit, lambda _: (), back=back)
    assert [call for page in (pages[::-1] if back else pages) for call in page] == wanted
    assert all(len(page) == limit for page in pages[:-1])


@settings(max_examples=25, deadline=None)
@given(told=some_calls, later=some_calls, where=filters, limit=st.integers(1, 7), back=st.booleans())
async def test_calls_that_come_meanwhile_double_nothing_and_hide_nothing(
    where_to: StorePlace,
    told: list[tuple[int, str, str]],
    later: list[tuple[int, str, str]],
    where: Mapping[str, Any],
    limit: int,
    back: bool,
) -> None:
    calls, new = calls_of(told), calls_of(later, first=1000)
    async with a_store(where_to, calls) as store:
        pages = await walk(store, where, limit, lambda page: new[2 * page - 2 : 2 * page], back=back)
    seen = [call for page in (pages[::-1] if back else pages) for call in page]
    assert seen == sorted(seen, key=place, reverse=True)
    assert len({call.call_id for call in seen}) == len(seen)
    assert all(matches(call, where) for call in seen)
    assert {call.call_id for call in calls if matches(call, where)} <= {call.call_id for call in seen}


@settings(max_examples=15, deadline=None)
@given(told=st.lists(one_call, min_size=1, max_size=30), at=st.integers(0, 29), limit=st.integers(1, 9))
async def test_older_and_newer_are_the_two_sides_of_a_call(
    where_to: StorePlace, told: list[tuple[int, str, str]], at: int, limit: int
) -> None:
    calls = sorted(calls_of(told), key=place, reverse=True)
    at %= len(calls)
    key = PageKey.of(CallRow(call=calls[at], revision=1))
    async with a_store(where_to, calls) as store:
        older = await store.calls.page(before=key, limit=limit)
        newer = await store.calls.page(after=key, limit=limit)
    assert [row.call for row in older] == calls[at + 1 : at + 1 + limit]
    assert [row.call for row in newer] == calls[max(0, at - limit) : at]


async def test_lines_are_the_same_with_columns_and_without(where_to: StorePlace) -> None:
    calls = [*morning(), in_menu(901, NOON), talking(902, NOON), make_call(903, started_at=NOON, caller_name="Eve\t")]
    async with a_store(where_to, calls) as store:
        wanted = [_without_search(line_of(row)) for row in await store.calls.page(limit=200)]
        assert await _plain_lines(store) == wanted
        assert {line.progress for line in wanted} >= {None, SegmentKind.IVR, SegmentKind.TALK}
        assert any(line.tracking_numbers for line in wanted)
        older = "UPDATE call SET name = NULL, tracking_numbers = NULL"
        await store.writer.submit(lambda transaction: transaction.db.execute(older))
        assert await _plain_lines(store) == wanted


def _without_search(line: CallLine) -> CallLine:
    """What only a search tells is not held against it."""
    return msgspec.structs.replace(line, told=(), agent="")


async def _plain_lines(store: Store) -> list[CallLine]:
    return [_without_search(line) for line in await store.calls.lines(limit=200)]


async def test_a_place_that_is_no_calls_is_a_place_all_the_same(where_to: StorePlace) -> None:
    calls = calls_of([(at, "101", "100") for at in (0, 0, 1, 1)])
    async with a_store(where_to, calls) as store:
        moment = PageKey.of(CallRow(call=calls[2], revision=1)).started_at_us
        for call_id, older in (("", 2), ("-", 2), ("zzz", 4), ("' OR 1=1 --", 2)):
            key = PageKey(started_at_us=moment, call_id=call_id)
            assert len(await store.calls.page(before=key)) == older
            assert len(await store.calls.page(after=key)) == 4 - older


@pytest.mark.parametrize("end", [1, 2, 3])
async def test_the_end_of_a_range_holds_with_a_key_of_that_very_moment(where_to: StorePlace, end: int) -> None:
    calls = calls_of([(at % 4, "101", "100") for at in range(12)])
    until = NOON + timedelta(microseconds=end)
    last = max((call for call in calls if call.started_at == until), key=place)
    key = PageKey.of(CallRow(call=last, revision=1))
    async with a_store(where_to, calls) as store:
        assert len(await store.calls.page(end=until, before=key)) == 3 * end
        assert await store.calls.page(end=until, after=key) == []
        assert len(await store.calls.page(start=until, before=key)) == 2
        assert len(await store.calls.page(start=until, after=key)) == 3 * (3 - end)


async def test_an_export_meets_every_call_once_while_calls_come(where_to: StorePlace) -> None:
    calls = calls_of([(at % 3, "101", "100") for at in range(450)])
    seen = []
    async with a_store(where_to, calls) as store:
        async for row in store.calls.since():
            seen.append(row.call.call_id)
            if len(seen) % 100 == 1:
                await put(store, calls_of([(9, "101", "100")], first=5000 + len(seen)))
    assert seen == [call.call_id for call in sorted(calls, key=place, reverse=True)]
