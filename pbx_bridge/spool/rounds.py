"""The rounds of who puts files away: often a look at what is due, once a day the rest. For ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from pbx_bridge.errors import StoreError

EVERY_S = 1.0
_TIDY_S = 24 * 3600.0
_FIRST_TIDY_S = 60.0


async def rounds(
    turn: Callable[[], Awaitable[None]],
    tidy: Callable[[], Awaitable[None]],
    report: Callable[[str], None],
    every_s: float = EVERY_S,
) -> None:
    """Ends only when cancelled: what a store or a disk refuses is reported and tried again."""
    loop = asyncio.get_running_loop()
    tidy_at = loop.time() + _FIRST_TIDY_S
    while True:
        try:
            await turn()
            if loop.time() >= tidy_at:
                await tidy()
                tidy_at = loop.time() + _TIDY_S
        except (StoreError, OSError) as error:
            report(str(error))
        await asyncio.sleep(every_s)
