"""Calls of a bench's store, packed as if they were long over."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

from bench.figure import CannotMeasure
from pbx_bridge.store import Store
from pbx_bridge.store.packer import Packer

LATER = timedelta(days=30)  # from then on nothing of a call is new
_LOOK_S = 0.02


async def pack(store: Store, calls: int, within_s: float) -> None:
    """Pack so many calls; the store's own packer may have taken some. Raises CannotMeasure when it takes too long."""
    later = datetime.now(UTC) + LATER
    packer = Packer(store.writer, store.packer._reader, clock=lambda: later)
    deadline = time.monotonic() + within_s
    while (packed := (await store.packer._reader.rows("SELECT COUNT(*) FROM fact_pack"))[0][0]) < calls:
        if time.monotonic() > deadline:
            raise CannotMeasure(f"{packed} of {calls} calls were packed")
        if not await packer.finish():
            await asyncio.sleep(_LOOK_S)  # the rest is being put together
