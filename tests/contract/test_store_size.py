"""What the status page and the board read of the store: its size, and the calls in progress."""

from __future__ import annotations

from pathlib import Path

from store_facts import NODE, begun, quick_store, whole

from pbx_bridge.calls.call import call_id
from pbx_bridge.store.address import StorePlace


async def test_an_empty_store_is_measured(place: StorePlace) -> None:
    async with quick_store(place) as store:
        size = await store.size.measure()
        assert (size.calls, size.oldest) == (0, None)
        assert size.bytes > 0
        assert await store.calls.open_calls() == []


async def test_calls_are_counted_and_those_in_progress_listed(place: StorePlace) -> None:
    async with quick_store(place) as store:
        await store.journal.add(whole("1.1", -60))
        await store.journal.add(begun("1.2"))
        async with store.calls.watch() as queue:
            while not (rows := await store.calls.open_calls()):
                await queue.get()
        assert [row.call.call_id for row in rows] == [call_id(NODE, "1.2")]
        await store.backfill.finish()
        while (row := await store.calls.get(call_id(NODE, "1.1"))) is None:
            await queue.get()
        size = await store.size.measure()
        assert (size.calls, size.oldest) == (1, row.call.started_at)
        assert size.engine == ("SQLite" if isinstance(place, Path) else "PostgreSQL")
        assert size.worked_out.complete
