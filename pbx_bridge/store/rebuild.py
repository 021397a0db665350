"""Rebuild: every call folded anew from its facts, beside a daemon that runs; what comes out the same is not written.

    groups ─► worker processes: read, fold, compare ─► those that differ ─► the recorder, in short transactions

The workers only look, and the recorder folds again what they name: from the facts as they are by then, under the same
locks as ever. So a rebuild can be cut off anywhere, repeated, and run beside the daemon. Which facts are of one call
was settled when they were journaled; a rebuild does not part them anew. A call whose facts tell none any more stays.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from multiprocessing import connection

from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.comparison import Compared, compare
from pbx_bridge.store.database import Database, connect
from pbx_bridge.store.recorder import Recorder
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us
from pbx_bridge.store.transaction import Mark, Transaction
from pbx_bridge.store.writer import Writer
from pbx_bridge.values.number_rules import PLAIN, NumberRules

_CHUNK = 500  # groups a worker looks at in one go; a few hundred milliseconds
_AT_ONCE = 25  # groups folded in one transaction, while the daemon waits
_FACTS = 20  # of a call, about: enough of them for the writer to begin at once
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


class Rebuilder:
    """Rebuilds the calls of one store."""

    def __init__(
        self,
        place: StorePlace,
        writer: Writer,
        reader: Database,
        recorder: Recorder,
        *,
        region: str = "IR",
        numbers: NumberRules = PLAIN,
    ) -> None:
        self._place, self._writer, self._reader, self._recorder = place, writer, reader, recorder
        self._region, self._numbers = region, numbers

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

    async def _looked(self, pool: ProcessPoolExecutor, since: datetime | None, ahead: int) -> AsyncIterator[Compared]:
        """What the workers found, chunk by chunk in order; only so many chunks are under way."""
        loop, under_way = asyncio.get_running_loop(), list[asyncio.Future[Compared]]()
        async for groups in self._chunks(since):
            look = partial(_look, self._place, self._region, self._numbers)
            under_way.append(loop.run_in_executor(pool, look, groups))
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

    async def _fold(self, looked: Compared, outcome: Rebuilt) -> None:
        for start in range(0, len(looked.differing), _AT_ONCE):
            begun = time.monotonic()
            groups = looked.differing[start : start + _AT_ONCE]
            changed, broken = await self._writer.submit(partial(self._again, groups), weight=len(groups) * _FACTS)
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
    threading.Thread(target=_end_with_parent, name="rebuild-parent", daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the parent, who ends us
    os.nice(_NICE)
    # Looking for cycles takes a tenth of the time, and a chunk makes hardly any: once after each is enough.
    gc.disable()
    gc.freeze()


def _end_with_parent() -> None:
    """A parent that was killed closes no pipe of ours: the other workers hold it too, and all would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _look(place: StorePlace, region: str, numbers: NumberRules, groups: list[int]) -> Compared:
    try:
        return asyncio.run(_look_at(place, region, numbers, groups))
    finally:
        gc.collect()


async def _look_at(place: StorePlace, region: str, numbers: NumberRules, groups: list[int]) -> Compared:
    async with connect(place, reading=True) as database:
        return await database.read(lambda db: compare(db, region, groups, numbers))
