"""Drawings with counts: reads the calls of a period from the store and draws the flow that is in use.

The one part of the drawing that does I/O.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from pbx_bridge.health import Clock, utc_now
from pbx_bridge.ivr.drawing.svg import svg
from pbx_bridge.ivr.drawing.texts import texts_of
from pbx_bridge.ivr.drawing.traffic import Counted, Traffic
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.store.calls import CallBook

_FRESH_S = 60.0
_KEPT = 8  # periods


async def count(
    calls: CallBook, flow: Flow, start: datetime | None, zone: ZoneInfo, clock: Clock = utc_now
) -> Counted:
    """How callers went through the flow since `start`; times are told in `zone`. Raises StoreError."""
    traffic = Traffic(flow)
    end = clock()
    async for rows in calls.chunks(start):
        for row in rows:
            traffic.add(row.call.steps)
            await asyncio.sleep(0)  # the callers go first: the daemon's loop is theirs
    return traffic.counted(start and start.astimezone(zone), end.astimezone(zone))


class DrawnFlow:
    """The flows in use as SVG. One period is counted at a time, and its counts are good for a minute.

    Args:
        in_use: by the name of their line the flows that new callers meet, and their texts, whenever it is asked.
    """

    def __init__(
        self,
        in_use: Callable[[], Mapping[str, tuple[Flow, PromptBook]]],
        calls: CallBook,
        zone: ZoneInfo,
        clock: Clock = utc_now,
    ) -> None:
        self._in_use, self._calls, self._zone, self._clock = in_use, calls, zone, clock
        self._counting = asyncio.Lock()
        self._known: dict[tuple[str, datetime], Counted] = {}

    def lines(self) -> Sequence[str]:
        """The names of the lines that have a flow of their own; the main one, whose name is empty, is first."""
        return tuple(self._in_use())

    async def svg(self, language: str, start: datetime | None, line: str = "") -> str:
        """A line's drawing in `fa` or `en`; with the counts since `start` unless that is None. Raises StoreError."""
        in_use = self._in_use()
        flow, book = in_use.get(line) or in_use[""]
        counted = await self._count(flow, start) if start else None
        # Beside the loop: a large flow takes some tens of milliseconds, and callers wait for no picture.
        return await asyncio.to_thread(svg, flow, texts_of(book, language), language, counted)

    async def _count(self, flow: Flow, start: datetime) -> Counted:
        async with self._counting:
            known = self._known.get((flow.version, start))
            if known is None or (self._clock() - known.end).total_seconds() > _FRESH_S:
                known = await count(self._calls, flow, start, self._zone, self._clock)
                self._known.pop((flow.version, start), None)
                self._known = dict(list(self._known.items())[1 - _KEPT :])
                self._known[flow.version, start] = known
            return known
