"""The daemon is killed at any moment: what was acknowledged is there, once, and every call is folded afterwards."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import signal
import sqlite3
import sys
from pathlib import Path

from store_facts import NODE, begun, ended, quick_store, step

from pbx_bridge.calls.facts import RawFact
from pbx_bridge.calls.source import Cursor
from pbx_bridge.health import Health, LinkState
from pbx_bridge.store import Store

CALLS = 400


def batches() -> list[list[RawFact]]:
    """What the spool and the flows would bring, in the order they would."""
    found = []
    for number in range(CALLS):
        channel = f"1.{number}"
        found += [begun(channel, number), [step(channel, 0, number + 2, keys="1")], ended(channel, number + 30)]
    return found


async def write(path: Path) -> None:
    """Add everything that is not there yet, telling each acknowledged batch."""
    async with quick_store(path) as store:
        for number, batch in list(enumerate(batches()))[await position(store) :]:
            cursor = Cursor(node=NODE, source="cel", file="cel:1-1", offset=number + 1)
            await store.journal.add(batch, cursors=[cursor])
            print(number, flush=True)


async def position(store: Store) -> int:
    cursors = await store.journal.cursors(NODE)
    return cursors[0].offset if cursors else 0


async def killed_after(path: Path, lines: int) -> int:
    """Run `write` in a process of its own, kill it, and return how many batches it told of in all."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, str(path), stdout=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": _paths()}
    )
    assert process.stdout is not None
    told, last = 0, -1
    while told < lines and (line := await process.stdout.readline()):
        if line.strip().isdigit():
            last, told = int(line), told + 1
    process.send_signal(signal.SIGKILL)
    rest = await process.stdout.read()
    await process.wait()
    numbers = [int(line) for line in rest.split() if line.isdigit()]
    return max([last, *numbers]) + 1


def _paths() -> str:
    return os.pathsep.join([str(Path(__file__).parent.parent), *sys.path])


async def test_killed_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    for _ in range(4):
        acknowledged = await killed_after(path, random.randint(5, 60))
        async with quick_store(path) as store:
            assert await position(store) >= acknowledged
    async with quick_store(path) as store, store.calls.watch() as news:
        for number, batch in list(enumerate(batches()))[await position(store) :]:
            await store.journal.add(
                batch, cursors=[Cursor(node=NODE, source="cel", file="cel:1-1", offset=number + 1)]
            )
        async with asyncio.timeout(60):
            while await _unfolded(path):
                await news.get()
        rows = [row async for row in store.calls.since()]
    assert len(rows) == len({row.call.root for row in rows}) == CALLS
    assert all(row.call.ended_at and len(row.call.steps) == 1 for row in rows)


async def _unfolded(path: Path) -> bool:
    db = sqlite3.connect(path)
    try:
        found = db.execute(
            "SELECT (SELECT COUNT(*) FROM call WHERE ended_at_us IS NOT NULL) < ?", (CALLS,)
        ).fetchone()
    finally:
        db.close()
    return bool(found[0])


async def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    """The limit the kernel sets on this process's files stands for a disk that is full."""
    path = tmp_path / "s.db"
    health = Health()
    async with quick_store(path, health) as store:
        await store.journal.add(begun("1.0"))
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name("s.db-wal").stat().st_size + 4096, before[1]))
        try:
            waiting = [asyncio.create_task(store.journal.add(begun(f"1.{n}", n))) for n in range(1, 60)]
            async with asyncio.timeout(10):
                while health.links()[-1].state is not LinkState.DOWN:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        await asyncio.gather(*waiting)
        assert health.links()[-1].state is LinkState.UP
        assert len({row.call.root async for row in store.calls.since()}) <= 60


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1])))
