"""The ring of new revisions: nothing missed in silence, nobody held up."""

from __future__ import annotations

import asyncio

from demo_history import NOON, make_call

from pbx_bridge.store import CallRow
from pbx_bridge.web.live import LiveCalls, following
from pbx_bridge.web.memory import MemoryCalls


def _row(number: int, revision: int = 1) -> CallRow:
    return CallRow(call=make_call(number, started_at=NOON), revision=revision)


def test_each_call_once_in_its_newest_revision() -> None:
    live = LiveCalls(MemoryCalls())
    begin = live.mark
    for row in (_row(1), _row(2), _row(1, 2)):
        live.add(row)
    news = live.since(begin)
    assert not news.stale
    assert [(entry.row.call.root, entry.row.revision) for entry in news.entries] == [
        ("1795250000.2", 1),
        ("1795250000.1", 2),
    ]
    assert live.since(news.mark).entries == ()


def test_a_mark_that_fell_off_the_ring_is_stale() -> None:
    live = LiveCalls(MemoryCalls(), ring=3)
    begin = live.mark
    for number in range(3):
        live.add(_row(number))
    assert len(live.since(begin).entries) == 3
    live.add(_row(4))
    assert live.since(begin).stale
    assert not live.since(live.mark).stale


def test_a_mark_of_another_process_or_nonsense_is_stale() -> None:
    live = LiveCalls(MemoryCalls())
    other = LiveCalls(MemoryCalls())
    number = live.mark.partition(".")[0]
    for mark in (other.mark, "", "nonsense", f"{number}.7", f"{number}.-1", f"{number}.", f"{number}.²", "9" * 500):
        assert live.since(mark).stale, mark


async def test_the_store_is_followed_and_a_resync_makes_pages_stale() -> None:
    calls = MemoryCalls()
    live = LiveCalls(calls)
    async with following(live):
        await asyncio.sleep(0)
        mark = live.mark
        calls.put(make_call(1, started_at=NOON))
        async with asyncio.timeout(30):
            await live.wait(mark, 5)
        assert len(live.since(mark).entries) == 1
        mark = live.mark
        calls.resync()
        async with asyncio.timeout(30):
            await live.wait(mark, 5)
        assert live.since(mark).stale


async def test_waiting_ends_with_the_site_and_with_its_time() -> None:
    live = LiveCalls(MemoryCalls())
    await live.wait(live.mark, 0.01)
    waiting = asyncio.create_task(live.wait(live.mark, 60))
    await asyncio.sleep(0)
    live.close()
    async with asyncio.timeout(30):
        await waiting
        await live.wait(live.mark, 60)
