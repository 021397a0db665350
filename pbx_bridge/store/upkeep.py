"""The daemon's quiet work on the store: packing what is long over, trimming the outbox. At a low pace, for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from pbx_bridge.errors import StoreError
from pbx_bridge.store.outbox import Outbox
from pbx_bridge.store.packer import Packer

log = structlog.get_logger()

_STEP_S = 0.5  # between two small transactions: at most some per cent of a core
_REST_S = 600.0  # when there was nothing left to do


@asynccontextmanager
async def upkeep(packer: Packer, outbox: Outbox) -> AsyncIterator[None]:
    """Work while this is open."""
    task = asyncio.create_task(_work(packer, outbox), name="store-upkeep")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _work(packer: Packer, outbox: Outbox) -> None:
    while True:
        await asyncio.sleep(_STEP_S)
        try:
            looked, _ = await packer.step()
            trimmed = await outbox.trim()
        except StoreError:  # nothing of it is urgent
            log.exception("upkeep_failed")
            looked = trimmed = 0
        if not looked and not trimmed:
            await asyncio.sleep(_REST_S)
