"""The daemon's quiet work on the store: working out old calls, packing what is long over, trimming the outbox.

At a low pace, for ever.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

import structlog

from pbx_bridge.errors import StoreError
from pbx_bridge.store.derived.backfill import Backfill
from pbx_bridge.store.outbox import Outbox
from pbx_bridge.store.packer import Packer
from pbx_bridge.tasks import beside

log = structlog.get_logger()

_STEP_S = 0.5  # between two small transactions: at most some per cent of a core
_SHARE = 3.0  # after each transaction of the walk, so many times as long for others
_REST_S = 600.0  # when there was nothing left to do


Drop = Callable[[], Awaitable[int]]  # drops some of what is too old; how many. Raises StoreError


def upkeep(
    packer: Packer, outbox: Outbox, backfill: Backfill, drops: Sequence[Drop] = ()
) -> AbstractAsyncContextManager[None]:
    """Work while this is open."""
    return beside(_both(packer, (outbox.trim, *drops), backfill), name="store-upkeep")


async def _both(packer: Packer, drops: Sequence[Drop], backfill: Backfill) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_work_out(backfill), name="store-backfill")
        group.create_task(_work(packer, drops), name="store-packing")


async def _work_out(backfill: Backfill) -> None:
    """Until every call from before is worked out: with a new version once, else nothing is left at the first look."""
    while True:
        begun = time.monotonic()
        try:
            left = await backfill.step()
        except StoreError:  # the place reached stands
            log.exception("calls_not_worked_out")
            left = 1
        if not left:
            return
        await asyncio.sleep((time.monotonic() - begun) * _SHARE)


async def _work(packer: Packer, drops: Sequence[Drop]) -> None:
    while True:
        await asyncio.sleep(_STEP_S)
        try:
            looked, _ = await packer.step()
            trimmed = sum([await drop() for drop in drops])
        except StoreError:  # nothing of it is urgent
            log.exception("upkeep_failed")
            looked = trimmed = 0
        if not looked and not trimmed:
            await asyncio.sleep(_REST_S)
