"""A timer that is moved far more often than it rings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Alarm:
    """Rings once, when the time last set has come. Moving it later takes no timer of the loop's."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._loop = asyncio.get_running_loop()
        self._due: float | None = None
        self._handle: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Ring in so many seconds from now, and not before."""
        self._due = due = self._loop.time() + seconds
        if self._handle is not None:
            if self._handle.when() <= due:
                return  # it looks again then
            self._handle.cancel()
        self._handle = self._loop.call_at(due, self._look)

    def clear(self) -> None:
        """Do not ring."""
        self._due = None

    def close(self) -> None:
        """Do not ring, and hold nothing any more."""
        self._due = None
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _look(self) -> None:
        handle, self._handle = self._handle, None
        if self._due is None or handle is None:
            return
        if self._due > handle.when():
            self._handle = self._loop.call_at(self._due, self._look)
            return
        self._due = None
        self._ring()
