"""Packs what is long over, a little at a time, so that nobody who waits for the store notices.

It begins anew with every start and needs no mark of how far it came: what is packed is no longer among what to pack.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store import packs
from pbx_bridge.store.database import Database
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us
from pbx_bridge.store.transaction import Mark, Transaction
from pbx_bridge.store.writer import Writer

AFTER = timedelta(days=1)  # a call over for so long gets no more facts, but for a source read late
_AT_ONCE = 50  # groups looked at in one transaction: some ten milliseconds

Progress = Callable[[int, int], None]
"""(groups looked at, groups to look at)"""


class Packer:
    """Packs the facts of calls long over. `after`: how long over."""

    def __init__(self, writer: Writer, reader: Database, *, after: timedelta = AFTER, clock: Clock = utc_now) -> None:
        self._writer, self._reader, self._after, self._clock = writer, reader, after, clock
        self._last = 0

    async def step(self) -> tuple[int, int]:
        """Look at the next groups: how many there were, and how many of them were packed. Raises StoreError."""
        return await self._writer.submit(self._some)

    async def finish(self, progress: Progress | None = None) -> int:
        """Pack everything that can be; how many groups that were. Raises StoreError."""
        total = (await self._reader.rows(SQL["count_to_pack"]))[0][0]
        self._last, done, packed = 0, 0, 0
        while True:
            looked, some = await self.step()
            if not looked:
                return packed
            done, packed = done + looked, packed + some
            if progress is not None:
                progress(min(done, total), total)

    def _some(self, transaction: Transaction) -> tuple[int, int]:
        db, until_us = transaction.db, to_us(self._clock() - self._after)
        rows = db.execute(SQL["groups_to_pack"], {"after": self._last, "limit": _AT_ONCE}).fetchall()
        packed = [group for group, over_us in rows if over_us <= until_us and packs.pack(db, group)]
        for group in packed:
            transaction.marks[group] = Mark.GONE
        self._last = rows[-1][0] if rows else 0
        return len(rows), len(packed)
