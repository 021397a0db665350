"""How long the daemon takes to answer the least that can be asked, many times a second: its event loop's lag."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

_EACH_S = 0.05


class Lag:
    """The times it took, in seconds. They hold the loop's lag, and one small page."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def quantile_s(self, share: float) -> float:
        """So many were as fast or faster; infinite where nothing was answered."""
        if not self.seconds:
            return math.inf
        return sorted(self.seconds)[max(0, math.ceil(len(self.seconds) * share) - 1)]


@asynccontextmanager
async def lag_of(url: str) -> AsyncIterator[Lag]:
    """Asks the daemon at that address until the end of the context."""
    lag = Lag()
    task = asyncio.create_task(_ask(f"{url}/healthz", lag), name="bench-lag")
    try:
        yield lag
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _ask(url: str, lag: Lag) -> None:
    clock = asyncio.get_running_loop().time
    async with aiohttp.ClientSession() as web:
        while True:
            begun = clock()
            try:
                async with web.get(url) as answer:
                    await answer.read()
            except aiohttp.ClientError:
                lag.seconds.append(math.inf)
            else:
                lag.seconds.append(clock() - begun)
            await asyncio.sleep(_EACH_S)
