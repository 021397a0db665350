"""The record's way in and its size: spool rows read, journaled and folded on one core; bytes a call once packed."""

from __future__ import annotations

import asyncio
import csv
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench.desk import Desk
from bench.figure import Figure, Peer
from bench.packing import LATER, pack
from bench.spool_calls import CEL_ROWS, NODE, facts_of, spool_calls, write_spool
from pbx_bridge.spool.batch import merged
from pbx_bridge.spool.cel import CelSpool
from pbx_bridge.spool.queue_log import QueueLogSpool
from pbx_bridge.store import Store, open_store
from pbx_bridge.store.outbox import Outbox

NAMES = ("record_rows_per_s", "store_bytes_per_call")

_CALLS, _QUICK_CALLS = 6000, 1500
_PACKED, _QUICK_PACKED = 3000, 800
_PACKED_S = 60.0
_GROUP = 1000
_POLL_S = 0.05
_CLOSED = "SELECT COUNT(*) FROM call WHERE ended_at_us IS NOT NULL"


async def measure(desk: Desk) -> Sequence[Figure]:
    """Pace, then size."""
    return [await _pace(desk), await _size(desk)]


async def _pace(desk: Desk) -> Figure:
    calls = _QUICK_CALLS if desk.quick else _CALLS
    desk.say(f"{calls} calls from the spool into a store, on one core")
    with tempfile.TemporaryDirectory() as name, _one_core():
        folder = Path(name)
        write_spool(folder, calls)
        begun = time.perf_counter()
        async with open_store(folder / "store.db") as store:
            await _take_in(store, folder)
            await _until_folded(store, calls)
            ours_s = time.perf_counter() - begun
        bare_s = _bare(folder, folder / "bare.db")
    rows = calls * CEL_ROWS
    note = f"{rows} CEL rows with their queue_log; wall time of one core until all {calls} calls are closed on disk"
    peer = Peer(name="csv + sqlite3 executemany, nothing folded", value=rows / bare_s)
    return Figure(
        name=NAMES[0], value=rows / ours_s, unit="rows/s", goal=20_000, better="higher", peer=peer, note=note
    )


async def _take_in(store: Store, folder: Path) -> None:
    cel, queue = CelSpool(folder / "cel.csv", NODE), QueueLogSpool(folder / "queue_log", NODE)
    try:
        while batch := merged((queue.read(), cel.read())):
            await store.journal.add(batch.facts, cursors=batch.cursors, unreadable=batch.unreadable)
            cel.advance(batch.cursors)
            queue.advance(batch.cursors)
    finally:
        cel.close()
        queue.close()


async def _until_folded(store: Store, calls: int) -> None:
    while (await store.packer._reader.rows(_CLOSED))[0][0] < calls:  # noqa: ASYNC110
        await asyncio.sleep(_POLL_S)


def _bare(folder: Path, path: Path) -> float:
    """Seconds for the same CEL rows as plain text columns, with the same durability and groups of a thousand."""
    begun = time.perf_counter()
    with closing(sqlite3.connect(path, isolation_level=None)) as db, (folder / "cel.csv").open(newline="") as file:
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            db.execute(f"PRAGMA {pragma}").fetchall()
        columns = ", ".join(f"c{number}" for number in range(19))
        db.execute(f"CREATE TABLE cel ({columns})")
        insert = f"INSERT INTO cel VALUES ({', '.join('?' * 19)})"  # noqa: S608 - ours
        group: list[list[str]] = []
        for row in csv.reader(file):
            group.append(row)
            if len(group) == _GROUP:
                _write(db, insert, group)
                group = []
        _write(db, insert, group)
    return time.perf_counter() - begun


def _write(db: sqlite3.Connection, insert: str, group: list[list[str]]) -> None:
    db.execute("BEGIN IMMEDIATE")
    db.executemany(insert, group)
    db.execute("COMMIT")


@contextmanager
def _one_core() -> Iterator[None]:
    """This thread and those it starts on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


async def _size(desk: Desk) -> Figure:
    calls = _QUICK_PACKED if desk.quick else _PACKED
    desk.say(f"{calls} calls of menu, queue and talk, packed")
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "store.db"
        async with open_store(path):
            pass
        empty = _vacuumed(path)
        facts = 0
        async with open_store(path) as store:
            for number, call in enumerate(spool_calls(calls)):
                told = facts_of(call, number)
                facts += len(told)
                await store.journal.add(told)
            await _until_folded(store, calls)
            loose = path.stat().st_size
            await _tidy(store, calls)
        per_call = (_vacuumed(path) - empty) / calls
    note = (
        f"{facts / calls:.0f} facts a call; the file, keys and indexes included, after packing, trimming and VACUUM;"
        f" {loose / calls:.0f} bytes before"
    )
    return Figure(name=NAMES[1], value=per_call, unit="bytes", goal=2048, note=note)


async def _tidy(store: Store, calls: int) -> None:
    await pack(store, calls, _PACKED_S)
    later = datetime.now(UTC) + LATER
    outbox = Outbox(store.writer, store.outbox._reader, clock=lambda: later)
    while await outbox.trim():
        pass


def _vacuumed(path: Path) -> int:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return path.stat().st_size
