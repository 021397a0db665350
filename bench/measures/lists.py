"""Lists of calls from a store of many: the newest page, page 1000, by number, by customer, by date.

The peer is the same statement on plain sqlite3, rows as they lie on disk: no decoding, no event loop. Ours and the
peer's queries take turns and never ask for the same place, so that neither warms the cache for the other.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from bench.desk import Desk
from bench.figure import CannotMeasure, Figure, Peer
from bench.process import rss_bytes
from pbx_bridge.store import CallBook, PageKey, open_store
from pbx_bridge.store.announce import Announcer
from pbx_bridge.store.database import Database
from pbx_bridge.store.times import from_us

KINDS = ("first", "page_1000", "back", "number", "customer", "date", "number_date", "customer_date")
NAMES = (*(f"list_{kind}_p99" for kind in KINDS), "lists_to_bare_sql", "export_rss_growth")

_CALLS, _QUICK_CALLS = 200_000, 50_000
_SAMPLES, _QUICK_SAMPLES = 400, 100
_PAGE = 50
_DAY_US = 86_400_000_000
_EXPORT_S, _QUICK_EXPORT_S = 15.0, 5.0  # an export of ten million takes longer; its memory has shown itself by then
_FROM_PAGE = 500  # the first of the thousand pages around page 1000
_STEADY = 2000  # calls written before memory is first looked at
_SHARE = 0.99

Where = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timed:
    """How long a kind of list took, in milliseconds, fastest first."""

    ours: Sequence[float]
    bare: Sequence[float]


async def measure(desk: Desk) -> Sequence[Figure]:
    """Every kind of list, then an export."""
    async with _folder(desk) as folder:
        path = folder / "store.db"
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            timed, calls = await _lists(desk, path, db)
        growth, note = await _export(desk, folder)
    return (
        *(_figure(kind, times, calls) for kind, times in timed.items()),
        _to_bare(timed),
        Figure(name="export_rss_growth", value=growth, unit="MB", goal=16, note=note),
    )


def _to_bare(timed: Mapping[str, _Timed]) -> Figure:
    """How much longer than bare SQL the slowest lists take, all kinds together."""
    ours, bare = (
        sorted(itertools.chain.from_iterable(some))
        for some in ((times.ours for times in timed.values()), (times.bare for times in timed.values()))
    )
    more = [o - b for times in timed.values() for o, b in zip(times.ours, times.bare, strict=True)]
    note = (
        f"p99 of all {len(ours)} lists by the peer's; ours has the hop to the reader's thread and {_PAGE} lines "
        f"to make, {_quantile(sorted(more), 0.5):.2f} ms at the median"
    )
    return Figure(
        name="lists_to_bare_sql", value=_quantile(ours, _SHARE) / _quantile(bare, _SHARE), unit="x", goal=2, note=note
    )


@asynccontextmanager
async def _folder(desk: Desk) -> AsyncIterator[Path]:
    if desk.big is not None:
        if not (desk.big / "store.db").exists():
            raise CannotMeasure(f"{desk.big}: no store.db there; make one with python -m bench.big_store")
        yield desk.big
        return
    with tempfile.TemporaryDirectory(prefix="pbxb-bench-") as name:
        count = _QUICK_CALLS if desk.quick else _CALLS
        desk.say(f"making a store of {count:,} calls")
        await _make(Path(name), count)
        yield Path(name)


async def _make(folder: Path, calls: int) -> None:
    words = ("-m", "bench.big_store", "--calls", str(calls), "--to", str(folder))
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stderr=asyncio.subprocess.PIPE)
    try:
        _, told = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    if process.returncode:
        raise CannotMeasure(told.decode(errors="replace").strip().splitlines()[-1])


async def _lists(desk: Desk, path: Path, db: sqlite3.Connection) -> tuple[Mapping[str, _Timed], int]:
    count = _QUICK_SAMPLES if desk.quick else _SAMPLES
    calls: int = db.execute("SELECT COUNT(*) FROM call_group").fetchone()[0]
    places = Places(db, random.Random(25))
    timed = {}
    async with open_store(path, folding=False) as store:
        for kind in KINDS:
            some = [(places.one(kind), await statement(places.one(kind))) for _ in range(count)]
            desk.say(f"{count} lists: {kind}")
            ours, bare = [], []
            for where, asked in some:
                ours.append(await _ours(store.calls, where))
                bare.append(_bare(db, *asked))
            timed[kind] = _Timed(ours=sorted(ours), bare=sorted(bare))
    return timed, calls


async def _ours(book: CallBook, where: Where) -> float:
    begun = time.perf_counter()
    await book.lines(**where, limit=_PAGE)
    return (time.perf_counter() - begun) * 1000


def _bare(db: sqlite3.Connection, statement: str, values: Where) -> float:
    begun = time.perf_counter()
    db.execute(statement, values).fetchall()
    return (time.perf_counter() - begun) * 1000


class _Noting:
    """A database that only notes what it is asked."""

    def __init__(self) -> None:
        self.asked: tuple[str, Where] = ("", {})

    async def read(self, work: Callable[[Any], Any]) -> Any:
        return work(self)

    def execute(self, statement: str, values: Where) -> Sequence[Any]:
        self.asked = statement, values
        return ()


async def statement(where: Where) -> tuple[str, Where]:
    """The SQL the call book asks such a list with."""
    noting = _Noting()
    await CallBook(cast(Database, noting), Announcer()).lines(**where, limit=_PAGE)
    return noting.asked


class Places:
    """What people look for: places all over the store, numbers and customers by how often they call."""

    def __init__(self, db: sqlite3.Connection, rng: random.Random) -> None:
        self._db, self._rng = db, rng
        self._first_us, self._last_us = db.execute(
            "SELECT MIN(started_at_us), MAX(started_at_us) FROM call"
        ).fetchone()
        newest = "SELECT started_at_us, call_id FROM call ORDER BY started_at_us DESC, call_id DESC LIMIT ? OFFSET ?"
        rows = db.execute(newest, (_PAGE * 1000, _PAGE * _FROM_PAGE)).fetchall()
        self._around_1000 = rows[::_PAGE]  # where each of them begins
        rng.shuffle(self._around_1000)

    def one(self, kind: str) -> dict[str, Any]:
        """What to ask the call book for."""
        match kind:
            case "first":
                return {}
            case "page_1000":
                us, call_id = self._around_1000.pop()
                return {"before": PageKey(started_at_us=us, call_id=call_id)}
            case "back":
                return {"after": PageKey(started_at_us=self._moment(), call_id="-")}
            case "date":
                start = self._moment()
                return {"start": from_us(start), "end": from_us(start + _DAY_US)}
            case "number" | "customer":
                return {kind: self._somebody("caller_number" if kind == "number" else "customer_code")}
            case _:
                end = self._moment()
                who = self.one(kind.removesuffix("_date"))
                return {**who, "start": from_us(end - 365 * _DAY_US), "end": from_us(end)}

    def _moment(self) -> int:
        return self._rng.randrange(self._first_us, self._last_us)

    def _somebody(self, column: str) -> str:
        query = (
            f"SELECT {column} FROM call WHERE started_at_us >= ? AND {column} <> '' ORDER BY started_at_us LIMIT 1"  # noqa: S608 - ours
        )
        while (row := self._db.execute(query, (self._moment(),)).fetchone()) is None:
            pass
        found: str = row[0]
        return found


def _figure(kind: str, times: _Timed, calls: int) -> Figure:
    middle, plain = (_quantile(some, 0.5) for some in (times.ours, times.bare))
    note = f"{len(times.ours)} lists of {_PAGE} of {calls:,} calls; median {middle:.2f} ms, bare SQL's {plain:.2f} ms"
    peer = Peer(name="bare SQL on sqlite3", value=_quantile(times.bare, _SHARE))
    return Figure(
        name=f"list_{kind}_p99", value=_quantile(times.ours, _SHARE), unit="ms", goal=50, peer=peer, note=note
    )


def _quantile(some: Sequence[float], share: float) -> float:
    """Of sorted values."""
    return some[min(len(some) - 1, int(len(some) * share))]


_EXPORT = "from pbx_bridge.cli import main; main()"


async def _export(desk: Desk, folder: Path) -> tuple[float, str]:
    """Megabytes that `calls --json` grew by, from its first calls on; what it wrote meanwhile."""
    limit_s = _QUICK_EXPORT_S if desk.quick else _EXPORT_S
    desk.say(f"calls --json, for at most {limit_s:g} s")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", _EXPORT, "calls", "--json"),
        env={**os.environ, "PBX_BRIDGE_HOME": str(folder)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    begun, calls, first, most = time.monotonic(), 0, 0, 0
    try:
        while time.monotonic() - begun < limit_s and (block := await process.stdout.read(1 << 20)):
            calls += block.count(b"\n")
            if process.returncode is None and calls >= _STEADY:
                most = max(most, rss_bytes(process.pid))
                first = first or most
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        await process.wait()
    if not first:
        raise CannotMeasure(f"calls --json wrote {calls} calls only")
    took_s = time.monotonic() - begun
    note = f"calls --json: {calls:,} calls in {took_s:.0f} s; {first / 1e6:.1f} MB after {_STEADY:,} of them"
    return (most - first) / 1e6, note
