"""The follower: reads both spools as they grow and hands what is new to the journal, at least once and in order.

The spool itself is the buffer: while the journal refuses, nothing is read ahead and nothing is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import structlog

from pbx_bridge.calls.facts import RawFact
from pbx_bridge.calls.source import Cursor, Unreadable
from pbx_bridge.errors import StoreError
from pbx_bridge.health import Clock, Health, LinkState, utc_now
from pbx_bridge.spool.attention import BESIDE_FACTS_S, Attention, GapKeeping
from pbx_bridge.spool.batch import SpoolBatch
from pbx_bridge.spool.cel import CelSpool
from pbx_bridge.spool.look import Look, Pauses, Readers
from pbx_bridge.spool.queue_log import QueueLogSpool

log = structlog.get_logger()

POLL_S = 0.1
_LOOK_S = 0.3  # a look at the folder costs a thread; in between, only the open files are asked whether they grew
_GAP_S = 0.02  # a hundred live events at once are one reason to look, not a hundred
_SLOW_S = 2.0  # a journal that takes longer is told to people
_LAG_S = 5.0  # so is a spool that is read later than this


class SpoolJournal(Protocol):
    """What the spool needs of the store."""

    async def cursors(self, node: str) -> list[Cursor]:
        """How far each file was read. Raises StoreError."""
        ...

    async def add(
        self,
        facts: Sequence[RawFact],
        *,
        cursors: Sequence[Cursor] = (),
        unreadable: Sequence[Unreadable] = (),
    ) -> None:
        """Keep all of it in one transaction, or nothing. Raises StoreError."""
        ...


class Spooler:
    """Follows one node's CEL spool and queue_log; reports to Health as `spool`.

    Args:
        node: the PBX's systemname.
        cel, queue_log: the files Asterisk writes.
        poll_s: seconds between two looks.
        gaps: where it is kept up to when each source was read or heard, ARI and AMI as Health tells.
    """

    def __init__(
        self,
        *,
        node: str,
        cel: Path,
        queue_log: Path,
        journal: SpoolJournal,
        health: Health,
        poll_s: float = POLL_S,
        clock: Clock = utc_now,
        gaps: GapKeeping | None = None,
    ) -> None:
        self._attention = Attention(node, gaps, clock)
        self._node, self._cel, self._queue_log = node, cel, queue_log
        self._journal, self._health = journal, health
        self._poll_s, self._clock = poll_s, clock
        self._awake = asyncio.Event()
        self._woken = False

    def wake(self) -> None:
        """Something happened on the PBX: look now, not at the next poll."""
        self._woken = True
        self._awake.set()

    async def run(self) -> None:
        """Follow until cancelled. Only an error that is no StoreError and no OSError ends it."""
        readers = await self._readers()
        try:
            while True:
                await self._turn(readers)
        finally:
            self._attention.tell(0.0)  # the closing store still takes it
            await asyncio.to_thread(readers.close)

    async def _readers(self) -> Readers:
        pauses = Pauses()
        while True:
            try:
                cursors = await self._journal.cursors(self._node)
                files = await self._attention.begin()
            except StoreError as error:
                self._report_store(error)
                await asyncio.sleep(pauses.next_s())
            else:
                tails = (
                    CelSpool(self._cel, self._node, cursors),
                    QueueLogSpool(self._queue_log, self._node, cursors),
                )
                for tail in tails:
                    tail.awaited |= {file: None for source, file in files.items() if source == tail.source}
                return Readers(*tails)

    async def _turn(self, readers: Readers) -> None:
        began = self._clock()
        look = await asyncio.to_thread(readers.look)
        if look.batch:
            self._attention.tell(BESIDE_FACTS_S)
            await self._keep(look.batch)
            readers.advance(look.batch)
        self._report(look)
        self._attend(look, began)
        if not look.batch.behind:
            await self._pause(readers)

    def _attend(self, look: Look, began: datetime) -> None:
        for reading in look.readings:
            for loss in reading.losses:
                self._attention.lost(loss)
            if reading.caught_up and not reading.vain:
                self._attention.read(reading.source, began, reading.file)
            elif reading.trouble:
                self._attention.hindered(reading.source, reading.trouble, lost=reading.vain)
        self._attention.links(self._health.links())
        self._attention.tell()

    async def _keep(self, batch: SpoolBatch) -> None:
        """Hand the batch over, however often that takes."""
        if batch.unreadable:
            log.warning("spool_records_unreadable", count=len(batch.unreadable), reason=batch.unreadable[0].reason)
        pauses = Pauses()
        slow = asyncio.get_running_loop().call_later(_SLOW_S, self._report_slow, batch)
        try:
            while True:
                try:
                    await self._journal.add(batch.facts, cursors=batch.cursors, unreadable=batch.unreadable)
                    return
                except StoreError as error:
                    self._report_store(error)
                    await asyncio.sleep(pauses.next_s())
        finally:
            slow.cancel()

    async def _pause(self, readers: Readers) -> None:
        """Until somebody wakes us, an open file grew, or the next look is due."""
        loop = asyncio.get_running_loop()
        due = loop.time() + _LOOK_S
        while not self._woken:  # one poll at least: rows that come without end are read ten times a second, not more
            self._awake.clear()
            tick = loop.call_later(self._poll_s, self._awake.set)
            await self._awake.wait()
            tick.cancel()
            if readers.stirred or loop.time() >= due:
                break
        if self._woken:
            await asyncio.sleep(_GAP_S)
        self._woken = False

    def _report(self, look: Look) -> None:
        lag_s = self._lag_s(look.batch) if look.batch.behind else 0.0
        behind = f"{look.batch.behind} bytes behind" if lag_s > _LAG_S else ""
        detail = "; ".join(text for text in (look.trouble, behind) if text)
        self._health.report("spool", LinkState.DEGRADED if detail else LinkState.UP, detail, lag_s)

    def _report_slow(self, batch: SpoolBatch) -> None:
        self._health.report("spool", LinkState.DEGRADED, "the store is slow to take facts", self._lag_s(batch))

    def _report_store(self, error: StoreError) -> None:
        self._health.report("spool", LinkState.DEGRADED, f"waiting for the store: {error}")

    def _lag_s(self, batch: SpoolBatch) -> float:
        newest = max((fact.at for fact in batch.facts), default=None)
        return 0.0 if newest is None else max(0.0, (self._clock() - newest) / timedelta(seconds=1))
