"""The calls as they change, for every open page: a short ring of the newest revisions.

One watcher empties the store's queue at once, whatever the browsers do; each stream then reads the ring at its own
pace from the mark it has reached. A browser that is too slow, or was away too long, falls off the ring and is told
to load its page anew. So nobody can hold up the store, and a mark in a page closes the gap between its rendering
and its stream.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field

import structlog

from pbx_bridge.store import CallRow, Resync
from pbx_bridge.tasks import beside
from pbx_bridge.web.ports import Calls

RING = 256  # revisions
_AGAIN_S = 1.0  # after the watch broke off

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One revision of one call. `shown` keeps its row as rendered, by `Viewer.look`, for all browsers."""

    number: int
    row: CallRow
    shown: dict[str, str] = field(default_factory=dict)


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
        self._last = 0
        self._process = secrets.token_hex(4)  # a mark of an earlier process says nothing in this one
        self._news = asyncio.Event()
        self._closed = False

    @property
    def mark(self) -> str:
        """The newest revision, as a page or a stream remembers it."""
        return f"{self._process}.{self._last}"

    @property
    def closed(self) -> bool:
        """Whether the site is stopping."""
        return self._closed

    def add(self, row: CallRow) -> None:
        """A call has a new revision."""
        self._last += 1
        self._entries.append(Entry(self._last, row))
        self._wake()

    def forget(self) -> None:
        """Something may have been missed: every page is stale."""
        self._process = secrets.token_hex(4)
        self._wake()

    def close(self) -> None:
        """End every wait."""
        self._closed = True
        self._wake()

    def since(self, mark: str) -> News:
        """What came after the mark, each call once in its newest revision, oldest first."""
        number = self._number(mark)
        oldest = self._entries[0].number if self._entries else self._last + 1
        if number is None or number < oldest - 1:
            return News(entries=(), mark=self.mark, stale=True)
        newest = {entry.row.call.call_id: entry for entry in self._entries if entry.number > number}
        ordered = sorted(newest.values(), key=lambda entry: entry.number)
        return News(entries=tuple(ordered), mark=self.mark)

    async def wait(self, mark: str, limit_s: float) -> None:
        """Return when there is news after the mark, when the site stops, or after `limit_s` seconds."""
        if self._closed or mark != self.mark:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._news.wait()

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

    def _wake(self) -> None:
        waiting, self._news = self._news, asyncio.Event()
        waiting.set()

    def _number(self, mark: str) -> int | None:
        process, _, number = mark.partition(".")
        if process != self._process or not (number.isascii() and number.isdigit()) or len(number) > 18:
            return None
        return int(number) if int(number) <= self._last else None


def following(live: LiveCalls) -> AbstractAsyncContextManager[None]:
    """Keep the ring fed while the site runs."""
    return beside(live.follow(), name="web_live_calls")
