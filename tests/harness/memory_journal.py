"""A journal in memory that refuses and waits when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pbx_bridge.calls.facts import RawFact
from pbx_bridge.calls.source import Cursor, Unreadable
from pbx_bridge.errors import StoreError


class MemoryJournal:
    """The journal's promise, kept in memory: all of one `add` or nothing, each fact once."""

    def __init__(self) -> None:
        self.facts: dict[tuple[str, str, int], RawFact] = {}
        self.place: dict[str, Cursor] = {}
        self.bad: list[Unreadable] = []
        self.refuse = 0
        self.hold: asyncio.Event | None = None
        self.refused = asyncio.Event()
        self._changed = asyncio.Condition()

    async def cursors(self, node: str) -> list[Cursor]:
        self._maybe_refuse()
        return [cursor for cursor in self.place.values() if cursor.node == node]

    async def add(
        self,
        facts: Sequence[RawFact],
        *,
        cursors: Sequence[Cursor] = (),
        unreadable: Sequence[Unreadable] = (),
    ) -> None:
        if self.hold is not None:
            await self.hold.wait()
        self._maybe_refuse()
        for fact in facts:
            assert (fact.node, fact.file, fact.offset) not in self.facts
            self.facts[fact.node, fact.file, fact.offset] = fact
        self.place |= {cursor.file: cursor for cursor in cursors}
        self.bad += unreadable
        async with self._changed:
            self._changed.notify_all()

    def _maybe_refuse(self) -> None:
        if self.refuse:
            self.refuse -= 1
            self.refused.set()
            raise StoreError("disk full")

    async def until(self, count: int) -> list[str]:
        """The channels told, once there are so many facts."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: len(self.facts) >= count)
        return [fact.channel for fact in self.facts.values()]
