"""CDRs of a call that CEL tells too: it stays one call, told by CEL."""

from __future__ import annotations

import asyncio
from pathlib import Path

from captured import raw_facts
from cdr_files import EVERY, captured_cdrs, master_csv
from store_facts import quick_store, revisions

from pbx_bridge.store import CallRow, Store
from pbx_bridge.store.cdr_import import Imported, Source, import_cdrs
from pbx_bridge.values.dates import TEHRAN


async def take(store: Store, path: Path, scenario: str) -> Imported:
    text = master_csv(captured_cdrs(scenario), TEHRAN, *EVERY)
    await asyncio.to_thread(path.write_text, text, encoding="utf-8")
    source = Source(path=path, node="pbx1", zone=TEHRAN)
    return await import_cdrs(store.writer, store.journal, source, progress=lambda done, total, what: None)


async def every(store: Store) -> list[CallRow]:
    return [row async for row in store.calls.since()]


async def test_a_call_that_cel_tells_is_not_doubled(tmp_path: Path) -> None:
    scenario = "queue_abandoned"
    async with quick_store(tmp_path / "s.db") as store:
        (first,) = await revisions(store, [*raw_facts(scenario)], 1)
        done = await take(store, tmp_path / "cdr.csv", scenario)
        assert (done.rows, done.calls, done.changed) == (1, 0, 0)
        assert await every(store) == [first]


async def test_cel_read_later_wins(tmp_path: Path) -> None:
    scenario = "queue_abandoned"
    async with quick_store(tmp_path / "s.db") as store:
        await take(store, tmp_path / "cdr.csv", scenario)
        await revisions(store, [*raw_facts(scenario)], 1)
        (row,) = await every(store)
        assert (row.revision, row.call.source, row.call.called) == (2, "cel", "1000")
