"""A rebuild: how many calls it folds in a second, in how much memory, and whether new calls wait for it."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

from bench.desk import Desk
from bench.figure import CannotMeasure, Figure
from bench.packing import pack
from bench.process import rss_bytes
from bench.spool_calls import facts_of, spool_calls
from pbx_bridge.store import CallRow, Store, open_store
from pbx_bridge.store.rebuild import Rebuilt

NAMES = ("rebuild_calls_per_s", "rebuild_memory", "visible_during_rebuild")

_CALLS, _QUICK_CALLS = 24_000, 3000
_SHARE = 4  # the small store's calls are one in so many of the large one's
_GROUP = 100  # calls added in one transaction
_SAMPLES, _QUICK_SAMPLES = 20, 8
_LOOK_S = 0.05
_TRIES_S = 30.0
_SPOIL = "UPDATE call SET content_hash = 'old'"


async def measure(desk: Desk) -> Sequence[Figure]:
    """A store with packed calls, rebuilt; then one a quarter as large; then calls that close meanwhile."""
    calls = _QUICK_CALLS if desk.quick else _CALLS
    with tempfile.TemporaryDirectory() as name:
        small, large = Path(name) / "small.db", Path(name) / "large.db"
        desk.say(f"{calls} calls to rebuild")
        await _fill(small, calls // _SHARE)
        await _fill(large, calls)
        _, small_peak = await _rebuild(small)
        took_s, large_peak = await _rebuild(large)
        changed_s, _ = await _rebuild(small, spoilt=True)
        desk.say("calls that close while a rebuild runs")
        waits = await _meanwhile(desk, large, calls)
    pace = Figure(
        name=NAMES[0],
        value=calls / took_s,
        unit="calls/s",
        goal=5000,
        better="higher",
        note=f"{calls} packed calls, {os.cpu_count()} worker processes, their start included; nothing had changed. "
        f"Where every call had: {calls // _SHARE / changed_s:.0f} calls/s, each a new revision",
    )
    growth = Figure(
        name=NAMES[1],
        value=(large_peak - small_peak) / 1e6,
        unit="MB",
        goal=16,
        note=f"peak of all its processes, {calls} calls above {calls // _SHARE}; it is {large_peak / 1e6:.0f} MB",
    )
    middle = sorted(waits)[len(waits) // 2]
    visible = Figure(
        name=NAMES[2],
        value=max(waits),
        unit="s",
        goal=1,
        note=f"the slowest of {len(waits)}, from a call's rows at the journal to its closed row told, while another "
        f"process wrote every call of the store anew; median {middle:.2f} s",
    )
    return pace, growth, visible


async def _fill(path: Path, calls: int) -> None:
    async with open_store(path) as store:
        facts = []
        for number, call in enumerate(spool_calls(calls)):
            facts += facts_of(call, number)
            if number % _GROUP == _GROUP - 1:
                await store.journal.add(facts)
                facts = []
        await store.journal.add(facts)
        await pack(store, calls, _TRIES_S + calls / 100)


async def _rebuild(path: Path, *, spoilt: bool = False) -> tuple[float, int]:
    """Seconds and peak bytes of a whole rebuild in a process of its own kind: workers and we."""
    async with open_store(path, folding=False) as store:
        if spoilt:
            await store.writer.submit(lambda transaction: transaction.db.execute(_SPOIL).rowcount)
        outcome = Rebuilt()
        async with _peak() as peak:
            begun = time.perf_counter()
            await store.rebuilder.run(outcome)
            took_s = time.perf_counter() - begun
    if outcome.broken or outcome.bare or outcome.changed != (outcome.total if spoilt else 0):
        raise CannotMeasure(f"the rebuild was not what it should be: {outcome}")
    return took_s, peak[0]


@asynccontextmanager
async def _peak() -> AsyncIterator[list[int]]:
    """The largest sum of this process's memory and its children's."""
    peak = [0]

    async def look() -> None:
        while True:
            found = 0
            for pid in (os.getpid(), *(child.pid for child in multiprocessing.active_children())):
                with suppress(CannotMeasure):
                    found += rss_bytes(pid or 0)
            peak[0] = max(peak[0], found)
            await asyncio.sleep(_LOOK_S)

    task = asyncio.create_task(look(), name="bench-peak")
    try:
        yield peak
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _meanwhile(desk: Desk, path: Path, calls: int) -> list[float]:
    count = _QUICK_SAMPLES if desk.quick else _SAMPLES
    async with open_store(path) as store:
        await store.writer.submit(lambda transaction: transaction.db.execute(_SPOIL).rowcount)
        rebuilding = multiprocessing.get_context("spawn").Process(target=_rebuild_for_ever, args=(path,))
        rebuilding.start()
        try:
            return [await _closed(store, rebuilding, calls + number) for number in range(count)]
        finally:
            rebuilding.terminate()
            rebuilding.join()


async def _closed(store: Store, rebuilding: BaseProcess, number: int) -> float:
    [call] = spool_calls(1, first=number)
    if not rebuilding.is_alive():
        raise CannotMeasure("the rebuild ended too soon")
    async with asyncio.timeout(_TRIES_S), store.calls.watch() as news:
        begun = time.perf_counter()
        await store.journal.add(facts_of(call, number))
        while True:
            row = await news.get()
            if isinstance(row, CallRow) and row.call.ended_at is not None:
                return time.perf_counter() - begun


def _rebuild_for_ever(path: Path) -> None:
    asyncio.run(_again_and_again(path))


async def _again_and_again(path: Path) -> None:
    async with open_store(path, folding=False) as store:
        while True:
            await store.rebuilder.run(Rebuilt())
            await store.writer.submit(lambda transaction: transaction.db.execute(_SPOIL).rowcount)
