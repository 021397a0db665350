"""What is still to be done for one caller, in order. One reader; posting never waits."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """A bounded queue without asyncio.Queue's machinery, which costs more than most of what passes through it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._items: deque[T] = deque()
        self._awaited: asyncio.Future[None] | None = None

    def post(self, item: T) -> bool:
        """Put an item in; False, and nothing put, when it is full."""
        if len(self._items) >= self._most:
            return False
        self._items.append(item)
        if self._awaited is not None:
            if not self._awaited.done():
                self._awaited.set_result(None)
            self._awaited = None
        return True

    async def next(self) -> T:
        """The next item, as soon as there is one."""
        while not self._items:
            self._awaited = asyncio.get_running_loop().create_future()
            await self._awaited
        return self._items.popleft()
