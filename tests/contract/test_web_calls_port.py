"""What the pages ask of the call history: the same answers from memory and from the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from store_facts import NODE, at, quick_store, revisions, whole

from pbx_bridge.calls.call import call_id
from pbx_bridge.store import CallLine, CallRow, PageKey
from pbx_bridge.store.wanted import Wanted
from pbx_bridge.web.memory import MemoryCalls
from pbx_bridge.web.ports import Calls

Put = Callable[[str, float, str], Awaitable[None]]


@dataclass
class History:
    """A history under test, and how a call gets into it."""

    calls: Calls
    put: Put


@pytest.fixture(params=["memory", "store"])
async def history(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[History]:
    """Each kind; the memory is fed what the store made of the same facts."""
    memory = MemoryCalls()
    async with quick_store(tmp_path / "s.db") as store:

        async def put(root: str, seconds: float, caller: str) -> None:
            await revisions(store, whole(root, seconds, caller), 1)
            row = await store.calls.get(call_id(NODE, root))
            assert row
            memory.put(row.call)

        yield History(memory if request.param == "memory" else store.calls, put)


MOBILE, OTHER = "09121234567", "+982188776655"


async def _fill(history: History, count: int = 11) -> list[str]:
    """Newest first; two begin in the same microsecond each."""
    for number in range(count):
        await history.put(f"1.{number}", number // 2, OTHER if number % 4 == 0 else MOBILE)
    return _ids((await history.calls.search(Wanted(), limit=100)).lines)


def _ids(lines: Sequence[CallLine]) -> list[str]:
    return [line.call_id for line in lines]


async def test_older_and_newer_meet_without_gap_or_double(history: History) -> None:
    everything = await _fill(history)
    rows = list((await history.calls.search(Wanted(), limit=100)).lines)
    assert len(everything) == 11
    for place, row in enumerate(rows):
        key = PageKey.of(row)
        older = await history.calls.search(Wanted(), before=key, limit=3)
        assert _ids(older.lines) == everything[place + 1 : place + 4]
        assert (older.more is None) == (place + 4 >= len(rows))
        newer = await history.calls.search(Wanted(), after=key, limit=3)
        assert _ids(newer.lines) == everything[max(0, place - 3) : place]
        assert (newer.more is None) == (place <= 3)


@pytest.mark.parametrize(
    "typed", [MOBILE, "+989121234567", "00989121234567", "۰۹۱۲۱۲۳۴۵۶۷", "0912 123-4567", "100", "777"]
)
async def test_a_search_finds_what_the_live_page_lets_through(history: History, typed: str) -> None:
    await _fill(history)
    search = Wanted(number=typed, start=at(1), end=at(4))
    lines = (await history.calls.search(Wanted(), limit=100)).lines
    everything = [await history.calls.get(line.call_id) for line in lines]
    wanted = [row.call.call_id for row in everything if row and search.matches(row.call, "IR", recorded=False)]
    found = list((await history.calls.search(search, limit=100)).lines)
    assert _ids(found) == wanted
    assert bool(wanted) == (typed != "777")
    if found:
        middle = PageKey.of(found[len(found) // 2])
        newer = await history.calls.search(search, after=middle, limit=2)
        assert _ids(newer.lines) == wanted[: len(found) // 2][-2:]


async def test_a_new_revision_is_told(history: History) -> None:
    async with asyncio.timeout(10), history.calls.watch() as news:
        await history.put("1.1", 0, MOBILE)
        row = await news.get()
        assert isinstance(row, CallRow)
        assert row.call.root == "1.1"


async def test_an_unknown_call_is_none(history: History) -> None:
    assert await history.calls.get("00000000-0000-0000-0000-000000000000") is None
