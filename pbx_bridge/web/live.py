"""The calls as they change, for every open page: a short ring of the newest revisions.

One watcher empties the store's queue at once, whatever the browsers do; each stream then reads the ring at its own
pace from the mark it has reached. A browser that is too slow, or was away too long, falls off the ring and is told
to load its page anew. So nobody can hold up the store, and a mark in a page closes the gap between its rendering
and its stream.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import structlog

from pbx_bridge.store import CallRow, Resync
from pbx_bridge.tasks import beside
from pbx_bridge.web.ports import Calls
from pbx_bridge.web.versions import Versions

RING = 256  # revisions
_AGAIN_S = 1.0  # after the watch broke off

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One revision of one call."""

    number: int
    row: CallRow


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What came after a mark. `stale`: more than the ring remembers; the page must be loaded anew."""

    entries: tuple[Entry, ...]
    mark: str
    stale: bool = False


class LiveCalls:
    """The ring, and its watcher."""

    def __init__(self, calls: Calls, ring: int = RING) -> None:
        self._calls = calls
        self._entries: deque[Entry] = deque(maxlen=ring)
        self._versions = Versions()

    @property
    def mark(self) -> str:
        """The newest revision, as a page or a stream remembers it."""
        return self._versions.mark

    @property
    def closed(self) -> bool:
        """Whether the site is stopping."""
        return self._versions.closed

    def add(self, row: CallRow) -> None:
        """A call has a new revision."""
        self._entries.append(Entry(self._versions.advance(), row))
        self._versions.tell()

    def forget(self) -> None:
        """Something may have been missed: every page is stale."""
        self._versions.forget()

    def close(self) -> None:
        """End every wait."""
        self._versions.close()

    def since(self, mark: str) -> News:
        """What came after the mark, each call once in its newest revision, oldest first."""
        number = self._versions.number_of(mark)
        oldest = self._entries[0].number if self._entries else self._versions.number + 1
        if number is None or number < oldest - 1:
            return News(entries=(), mark=self.mark, stale=True)
        newest = {entry.row.call.call_id: entry for entry in self._entries if entry.number > number}
        ordered = sorted(newest.values(), key=lambda entry: entry.number)
        return News(entries=tuple(ordered), mark=self.mark)

    async def wait(self, mark: str, limit_s: float) -> None:
        """Return when there is news after the mark, when the site stops, or after `limit_s` seconds."""
        await self._versions.wait(mark, limit_s)

    async def follow(self) -> None:
        """Watch the store until cancelled."""
        while True:
            try:
                await self._watch()
            except Exception:
                # The pages must not stay silent because one watch broke: what was missed meanwhile makes every
                # page stale.
                _log.exception("live_calls_broken")
                self.forget()
            await asyncio.sleep(_AGAIN_S)

    async def _watch(self) -> None:
        async with self._calls.watch() as queue:
            while True:
                match await queue.get():
                    case Resync.RESYNC:
                        self.forget()
                    case row:
                        self.add(row)


def following(live: LiveCalls) -> AbstractAsyncContextManager[None]:
    """Keep the ring fed while the site runs."""
    return beside(live.follow(), name="web_live_calls")
