"""Calls as they end: how many of which outcome, and how long after its end a call is on record."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Protocol

import structlog

from pbx_bridge.calls.call import Call
from pbx_bridge.health import Clock, Meter, Tally
from pbx_bridge.store import CallRow, News
from pbx_bridge.tasks import beside

_REMEMBERED = 10_000  # calls: later revisions of these count no more
_LATEST = timedelta(hours=1)  # what ended before then is history that is worked on, not a call that ends
_AGAIN_S = 1.0

_log = structlog.get_logger(__name__)


class Calls(Protocol):
    """Tells of calls."""

    def watch(self) -> AbstractAsyncContextManager[asyncio.Queue[News]]:
        """A queue of every new revision from now on."""


class EndedCalls:
    """Counts each call once, when it is first on record as ended."""

    def __init__(self, calls: Calls, clock: Clock) -> None:
        self._calls, self._clock = calls, clock
        self._known: OrderedDict[str, None] = OrderedDict()
        self.outcomes = Tally(
            "pbx_bridge_calls_total", "Calls that ended, as the record has them.", ("direction", "outcome")
        )
        self.behind = Meter("pbx_bridge_record_seconds", "From the end of a call to its being on record.")

    def take(self, call: Call) -> None:
        """A new revision of a call."""
        if call.ended_at is None or call.outcome is None or call.call_id in self._known:
            return
        behind = self._clock() - call.ended_at
        if behind > _LATEST:
            return
        self._known[call.call_id] = None
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        self.outcomes.count(call.direction.value, call.outcome.value)
        self.behind.observe(max(behind.total_seconds(), 0.0))

    async def follow(self) -> None:
        """Count until cancelled."""
        while True:
            try:
                async with self._calls.watch() as news:
                    while True:
                        row = await news.get()
                        if isinstance(row, CallRow):
                            self.take(row.call)
            except Exception:  # counting must not end for good because one watch broke
                _log.exception("calls_not_counted")
                await asyncio.sleep(_AGAIN_S)

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Count while the site runs."""
        async with beside(self.follow(), name="web_ended_calls"):
            yield
