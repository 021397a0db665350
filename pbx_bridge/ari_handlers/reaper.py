"""The reaper: ends on record what Asterisk no longer has.

A call is over when CEL has told the end of every channel. A row can be lost before it reaches the disk (it was full),
and then the call would stay open for ever. So what has been open for minutes is compared with the channels Asterisk
really has, now and then; what is absent twice, with a minute between, is journaled as gone, and its end is marked as
estimated. Calls of an Asterisk that died need none of this: its next start ends them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from pbx_bridge.calls.fact_text import live_fact
from pbx_bridge.calls.facts import LiveKind, RawFact
from pbx_bridge.errors import AsteriskError, StoreError
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store.ledger import OpenCall

log = structlog.get_logger()

EVERY_S = 60.0
OLD = timedelta(minutes=3)


class OpenCalls(Protocol):
    """What the reaper asks of the store."""

    async def open_calls(self, node: str, before: datetime) -> Sequence[OpenCall]:
        """Calls in progress that began before then. Raises StoreError."""
        ...

    async def endless_channels(self, call: OpenCall) -> Sequence[str]:
        """Its channels that began and whose end was never told. Raises StoreError."""
        ...


class Reaper:
    """Looks at one node's open calls.

    Args:
        channels: the id of every channel Asterisk has. Raises AsteriskError.
        keep: journals facts. Raises StoreError.
        up_to_date: False while rows wait to be read: the ends may be among them.
    """

    def __init__(
        self,
        *,
        node: str,
        channels: Callable[[], Awaitable[Collection[str]]],
        calls: OpenCalls,
        keep: Callable[[Sequence[RawFact]], Awaitable[None]],
        up_to_date: Callable[[], bool],
        clock: Clock = utc_now,
    ) -> None:
        self._node, self._channels, self._calls = node, channels, calls
        self._keep, self._up_to_date, self._clock = keep, up_to_date, clock
        self._absent: frozenset[int] = frozenset()
        self._reaped: set[str] = set()

    async def run(self) -> None:
        """Look every minute, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.look()

    async def look(self) -> None:
        """One look. Never raises for what Asterisk or the store refuse: the next one comes."""
        try:
            calls = await self._calls.open_calls(self._node, self._clock() - OLD)
            if not calls:
                self._absent, self._reaped = frozenset(), set()
                return
            there = frozenset(await self._channels())
            absent = [call for call in calls if there.isdisjoint(call.keys)] if self._up_to_date() else []
            for call in absent:
                if call.group in self._absent:
                    await self._reap(call)
            self._absent = frozenset(call.group for call in absent)
        except (AsteriskError, StoreError) as error:
            log.info("open_calls_not_compared", reason=str(error))
            self._absent = frozenset()

    async def _reap(self, call: OpenCall) -> None:
        gone = [name for name in await self._calls.endless_channels(call) if name not in self._reaped]
        if not gone:
            return
        log.warning("call_reaped", channel=call.root, channels=gone)
        now = self._clock()
        await self._keep([live_fact(node=self._node, channel=name, at=now, event=LiveKind.GONE) for name in gone])
        self._reaped.update(gone)
