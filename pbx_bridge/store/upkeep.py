"""The daemon's quiet work on the store: packing what is long over, trimming the outbox. At a low pace, for ever."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

import structlog

from pbx_bridge.errors import StoreError
from pbx_bridge.store.outbox import Outbox
from pbx_bridge.store.packer import Packer
from pbx_bridge.tasks import beside

log = structlog.get_logger()

_STEP_S = 0.5  # between two small transactions: at most some per cent of a core
_REST_S = 600.0  # when there was nothing left to do


def upkeep(packer: Packer, outbox: Outbox) -> AbstractAsyncContextManager[None]:
    """Work while this is open."""
    return beside(_work(packer, outbox), name="store-upkeep")


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
