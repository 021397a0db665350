"""What the record says to the board: the calls in progress, the agents' names, today's service levels.

Kept in memory and in step with every revision, so that the board never waits for the store. While the store cannot be
read, what was read last stands, and `since` tells from when on it is not to be trusted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from pbx_bridge.calls.call import Call, SegmentKind
from pbx_bridge.calls.targets import Targets
from pbx_bridge.errors import StoreError
from pbx_bridge.health import Clock
from pbx_bridge.store import CallRow, Resync
from pbx_bridge.web.board.levels import levels_of
from pbx_bridge.web.board.model import Level
from pbx_bridge.web.board.ports import OpenCalls, Tallies
from pbx_bridge.web.ports import Agents

_log = structlog.get_logger(__name__)

_AGAIN_S = 1.0
_NAMES_S = 30.0
_LEVELS_S = 2.0


class OnRecord:
    """Run `follow()` while the site runs.

    Args:
        touched: called when something changed.
    """

    def __init__(
        self,
        calls: OpenCalls,
        agents: Agents,
        tallies: Tallies,
        *,
        targets: Targets,
        zone: ZoneInfo,
        clock: Clock,
        touched: Callable[[], None],
    ) -> None:
        self._calls, self._agents, self._tallies = calls, agents, tallies
        self._targets = targets
        self._zone, self._clock, self._touched = zone, clock, touched
        self._open: dict[str, Call] = {}
        self.names: Mapping[str, str] = {}
        self.levels: Mapping[str, Level] = {}
        self.unknown_since: datetime | None = clock()
        self._waited = True  # somebody's wait ended: the levels are to be read
        self._read_at = 0.0

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls in progress."""
        return tuple(self._open.values())

    async def follow(self) -> None:
        """Keep in step until cancelled."""
        while True:
            try:
                await self._watch()
            except StoreError as error:
                _log.warning("board_record_unread", reason=str(error))
            except Exception:
                _log.exception("board_record_broken")
            self.unknown_since = self.unknown_since or self._clock()
            self._touched()
            await asyncio.sleep(_AGAIN_S)

    async def _watch(self) -> None:
        async with self._calls.watch() as queue:
            await self._read()
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LEVELS_S):
                        match await queue.get():
                            case Resync.RESYNC:
                                await self._read()
                            case row:
                                self._take(row)
                        self._touched()
                await self._read_beside()

    async def _read(self) -> None:
        rows = await self._calls.open_calls()
        self._open = {row.call.call_id: row.call for row in rows}
        self.unknown_since = None
        self._read_at = 0.0
        await self._read_beside()
        self._touched()

    def _take(self, row: CallRow) -> None:
        call = row.call
        if call.ended_at is None and call.outcome is None:
            self._open[call.call_id] = call
            return
        self._open.pop(call.call_id, None)
        self._waited = self._waited or any(part.kind is SegmentKind.WAIT for part in call.segments)

    async def _read_beside(self) -> None:
        now = asyncio.get_running_loop().time()
        due = _LEVELS_S if self._waited else _NAMES_S
        if now - self._read_at < due:
            return
        self._read_at, self._waited = now, False
        today = self._clock().astimezone(self._zone).date()
        names, days = await self._agents.names(), await self._tallies.days("wait", today, today)
        levels = levels_of(days.get(today, {}), self._targets)
        if (names, levels) != (self.names, self.levels):
            self.names, self.levels = names, levels
            self._touched()
