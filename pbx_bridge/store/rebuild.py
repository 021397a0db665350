"""Rebuild: every call folded anew from its facts, beside a daemon that runs; what comes out the same is not written.

    groups ─► worker processes: read, fold, compare ─► those that differ ─► the recorder, in short transactions

The workers only look, and the recorder folds again what they name: from the facts as they are by then, under the same
locks as ever. So a rebuild can be cut off anywhere, repeated, and run beside the daemon. Which facts are of one call
was settled when they were journaled; a rebuild does not part them anew. A call whose facts tell none any more stays.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from pbx_bridge.store import packs
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.database import Database, Db, connect
from pbx_bridge.store.recorder import Recorder, tell
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us
from pbx_bridge.store.transaction import Mark, Transaction
from pbx_bridge.store.writer import Writer

_CHUNK = 200  # groups a worker looks at in one go; a few hundred milliseconds
_AT_ONCE = 25  # groups folded in one transaction, while the daemon waits
_SHARE = 1.0  # after each, so many times as long for others
_NICE = 10  # workers give way to the daemon, which shares their cores
_LAST_US = 2**63 - 1

Progress = Callable[[int, int], None]
"""(groups done, groups in all)"""


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild came to, so far.

    Attributes:
        total: groups of facts to look at; new calls may come meanwhile.
        done: groups looked at.
        changed: of these, calls that got a new revision.
        bare: calls whose facts tell no call; they were left as they stand.
        broken: calls that could not be folded; they were left as they stand, the log says why.
    """

    total: int = 0
    done: int = 0
    changed: int = 0
    bare: int = 0
    broken: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    count: int
    differing: tuple[int, ...]
    bare: int


class Rebuilder:
    """Rebuilds the calls of one store."""

    def __init__(
        self, place: StorePlace, writer: Writer, reader: Database, recorder: Recorder, *, region: str = "IR"
    ) -> None:
        self._place, self._writer, self._reader, self._recorder = place, writer, reader, recorder
        self._region = region

    async def run(
        self,
        outcome: Rebuilt,
        *,
        since: datetime | None = None,
        progress: Progress | None = None,
        workers: int | None = None,
    ) -> None:
        """Fold anew the calls that began since then, or all.

        Args:
            outcome: kept up to date, so that it tells how far it came when this is cancelled.
            workers: processes that look; by default one for each core.

        Raises:
            StoreError: the store cannot be read or written.
        """
        outcome.total = await self._count(since)
        count = workers or os.cpu_count() or 1
        # Not forked: this process has threads with open databases.
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(count, mp_context=context, initializer=_give_way)
        try:
            async for looked in self._looked(pool, since, 2 * count):
                await self._fold(looked, outcome)
                if progress is not None:
                    progress(outcome.done, max(outcome.total, outcome.done))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    async def _count(self, since: datetime | None) -> int:
        name = "count_groups" if since is None else "count_calls_since"
        values = {} if since is None else {"since_us": to_us(since)}
        count: int = (await self._reader.rows(SQL[name], **values))[0][0]
        return count

    async def _looked(self, pool: ProcessPoolExecutor, since: datetime | None, ahead: int) -> AsyncIterator[_Looked]:
        """What the workers found, chunk by chunk in order; only so many chunks are under way."""
        loop, under_way = asyncio.get_running_loop(), list[asyncio.Future[_Looked]]()
        async for groups in self._chunks(since):
            under_way.append(loop.run_in_executor(pool, _look, self._place, self._region, groups))
            if len(under_way) >= ahead:
                yield await under_way.pop(0)
        for looked in under_way:
            yield await looked

    async def _chunks(self, since: datetime | None) -> AsyncIterator[list[int]]:
        if since is None:
            after = 0
            while rows := await self._reader.rows(SQL["groups_from"], after=after, limit=_CHUNK):
                yield [row[0] for row in rows]
                after = rows[-1][0]
            return
        at_us, call_id = to_us(since), ""
        while rows := await self._reader.rows(
            SQL["groups_of_calls_from"], at_us=at_us, call_id=call_id, limit=_CHUNK
        ):
            yield [row[0] for row in rows]
            _, at_us, call_id = rows[-1]

    async def _fold(self, looked: _Looked, outcome: Rebuilt) -> None:
        for start in range(0, len(looked.differing), _AT_ONCE):
            begun = time.monotonic()
            groups = looked.differing[start : start + _AT_ONCE]
            changed, broken = await self._writer.submit(partial(self._again, groups))
            outcome.changed += changed
            outcome.broken += broken
            await asyncio.sleep((time.monotonic() - begun) * _SHARE)
        outcome.done += looked.count
        outcome.bare += looked.bare

    def _again(self, groups: Sequence[int], transaction: Transaction) -> tuple[int, int]:
        before = len(transaction.news)
        self._recorder.fold(transaction, groups)
        broken = sum(transaction.marks.get(group) is Mark.BROKEN for group in groups)
        return len(transaction.news) - before, broken


# --- in the worker processes ----------------------------------------------------------------------------------------


def _give_way() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the parent, who ends us
    os.nice(_NICE)


def _look(place: StorePlace, region: str, groups: list[int]) -> _Looked:
    return asyncio.run(_look_at(place, region, groups))


async def _look_at(place: StorePlace, region: str, groups: list[int]) -> _Looked:
    async with connect(place, reading=True) as database:
        return await database.read(lambda db: _compare(db, region, groups))


def _compare(db: Db, region: str, groups: list[int]) -> _Looked:
    found = [_differs(db, region, group) for group in groups]
    return _Looked(
        count=len(groups),
        differing=tuple(group for group, differs in zip(groups, found, strict=True) if differs),
        bare=sum(differs is None for differs in found),
    )


def _differs(db: Db, region: str, group: int) -> bool | None:
    """True when the recorder is to fold this group; None when its facts tell no call, though there is one."""
    try:
        told = tell(db, packs.typed_facts_of(db, group), region)
    except Exception:  # the recorder meets the same, and keeps the reason
        return True
    there = {call_id: kept_hash for call_id, _, kept_hash in _calls(db, group, told.call_id)}
    if told.call is None:
        return None if there else False
    return there != {told.call_id: told.content_hash}


def _calls(db: Db, group: int, call_id: str) -> list[tuple[str, int, str]]:
    return db.execute(SQL["calls_of_group"], {"id": group, "call_id": call_id}).fetchall()
