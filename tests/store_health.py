"""Health that a test can wait on."""

from __future__ import annotations

import asyncio

from pbx_bridge.health import Health, Link, LinkState


class Watched(Health):
    """Health that wakes a test when the store's link changes."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = asyncio.Event()

    def report(self, name: str, state: LinkState, detail: str = "", lag_s: float | None = None) -> None:
        super().report(name, state, detail, lag_s)
        self._changed.set()

    async def until(self, state: LinkState) -> Link:
        async with asyncio.timeout(20):
            while (link := self.store()).state is not state:
                self._changed.clear()
                await self._changed.wait()
        return link

    def store(self) -> Link:
        return next(link for link in self.links() if link.name == "store")
