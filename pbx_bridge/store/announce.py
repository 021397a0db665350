"""Tells watchers in this process of new call revisions, after their commit. A slow watcher is told to read anew."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from pbx_bridge.calls.call import Call

_QUEUE = 256


class Resync(enum.Enum):
    """A marker between the rows."""

    RESYNC = "resync"  # something was not told, or a call is gone: read the page again


RESYNC: Literal[Resync.RESYNC] = Resync.RESYNC


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    """A call as it stands under a revision; a later one has a higher number."""

    call: Call
    revision: int


News = CallRow | Resync


class Announcer:
    """The watchers of this process."""

    def __init__(self, size: int = _QUEUE) -> None:
        self._size = size
        self._watchers: list[asyncio.Queue[News]] = []

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[asyncio.Queue[News]]:
        """A queue of every revision from now on. RESYNC in it means: read the page again, then go on."""
        queue: asyncio.Queue[News] = asyncio.Queue(self._size)
        self._watchers.append(queue)
        try:
            yield queue
        finally:
            self._watchers.remove(queue)

    def announce(self, news: Sequence[News]) -> None:
        """Tell every watcher; never waits."""
        for queue in self._watchers:
            for item in news:
                _tell(queue, item)


def _tell(queue: asyncio.Queue[News], item: News) -> None:
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        item = RESYNC
    queue.put_nowait(item)
