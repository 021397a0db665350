"""Tasks that live as long as a block."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None], *, name: str) -> AsyncIterator[None]:
    """Work beside the block; ended with it. What `work` raised meanwhile is raised at the block's end."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def begun(
    work: Coroutine[Any, Any, None], *, name: str
) -> AsyncIterator[Callable[[], Coroutine[Any, Any, None]]]:
    """Work beside the block, begun before others that are followed together; ended with the block.

    Gives what waits for its end among those others: cancelled, that waits no more; the work goes on.
    """
    task = asyncio.create_task(work, name=name)

    async def follow() -> None:
        await asyncio.shield(task)

    try:
        yield follow
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # told to whoever followed
