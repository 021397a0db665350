"""The ports in memory: for tests, and to show the pages without a store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from pbx_bridge.calls.call import Call
from pbx_bridge.calls.facets import told_of
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store import RESYNC, CallLine, CallRow, Customer, News, PageKey
from pbx_bridge.store.audit import AuditKey, Entry, Named, Sought
from pbx_bridge.store.gaps import Shortfall
from pbx_bridge.store.lines import line_of
from pbx_bridge.store.requests_desk import Waiting
from pbx_bridge.store.search import CHOSEN, Choices, Found
from pbx_bridge.store.wanted import Wanted


class MemoryCalls:
    """A call history that is gone with the process."""

    def __init__(self, region: str = "IR") -> None:
        self._rows: dict[str, CallRow] = {}
        self._watchers: list[asyncio.Queue[News]] = []
        self._region = region
        self.customers: dict[str, Sequence[Customer]] = {}

    def put(self, call: Call) -> CallRow:
        """A call as it stands now; its watchers are told."""
        before = self._rows.get(call.call_id)
        row = CallRow(call=call, revision=before.revision + 1 if before else 1)
        self._rows[call.call_id] = row
        self._tell(row)
        return row

    def clear(self) -> None:
        """Forget every call."""
        self._rows.clear()
        self.resync()

    def resync(self) -> None:
        """Tell the watchers that they may have missed something."""
        self._tell(RESYNC)

    async def get(self, call_id: str) -> CallRow | None:
        """One call as it stands now."""
        return self._rows.get(call_id)

    async def search(
        self, wanted: Wanted, *, before: PageKey | None = None, after: PageKey | None = None, limit: int = 50
    ) -> Found:
        """As ports.Calls tells."""
        found = [row for row in self._rows.values() if wanted.matches(row.call, self._region, recorded=False)]
        lines = sorted((line_of(row) for row in found), key=_place, reverse=True)
        if after is not None:
            newer = [line for line in lines if _place(line) > after.place]
            nearest = newer[-limit:]
            return Found(lines=nearest, more=PageKey.of(nearest[0]) if len(newer) > limit else None)
        if before is not None:
            lines = [line for line in lines if _place(line) < before.place]
        return Found(lines=lines[:limit], more=PageKey.of(lines[limit - 1]) if len(lines) > limit else None)

    async def recorded(self, call_ids: Sequence[str]) -> frozenset[str]:
        """As ports.Calls tells: none is."""
        return frozenset()

    async def choices(self) -> Choices:
        """As ports.Calls tells."""
        told = {facet for row in self._rows.values() for facet in told_of(row.call)}
        return {kind: sorted(value for found, value in told if found == kind) for kind in CHOSEN}

    async def customers_named(self, text: str, limit: int) -> Sequence[tuple[str, str]]:
        """As ports.Calls tells: of what `customers` holds."""
        known = {one.code: one.name for some in self.customers.values() for one in some}
        part = text.casefold()
        return [(code, name) for code, name in sorted(known.items()) if part in (code.casefold(), name.casefold())]

    async def open_calls(self) -> Sequence[CallRow]:
        """As ports.Calls tells."""
        return [row for row in self._rows.values() if row.call.ended_at is None and row.call.outcome is None]

    async def candidates(self, call: Call) -> Sequence[Customer]:
        """As ports.Calls tells: what `customers` holds for the caller's number."""
        return self.customers.get(call.caller, ())

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[asyncio.Queue[News]]:
        """As ports.Calls tells."""
        queue: asyncio.Queue[News] = asyncio.Queue()
        self._watchers.append(queue)
        try:
            yield queue
        finally:
            self._watchers.remove(queue)

    def _tell(self, news: News) -> None:
        for queue in self._watchers:
            queue.put_nowait(news)


class MemoryAgents:
    """Agents by extension."""

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        self._names = names or {}

    async def names(self) -> Mapping[str, str]:
        """As ports.Agents tells."""
        return self._names


class MemoryShortfalls:
    """What the record may lack, as told."""

    def __init__(self, told: Shortfall | None = None) -> None:
        self.told = told or Shortfall(gaps=(), unreadable=0, latest=())

    async def shortfall(self) -> Shortfall:
        """As ports.Shortfalls tells."""
        return self.told


class MemoryDesk:
    """What waits for people, as told."""

    def __init__(self, told: Waiting | None = None) -> None:
        self.told = told or Waiting(callbacks=0, oldest=None, late_complaints=0)

    async def waiting(self) -> Waiting:
        """As ports.Desk tells."""
        return self.told


def _place(row: CallLine) -> tuple[int, str]:
    key = PageKey.of(row)
    return key.started_at_us, key.call_id


class MemoryDrawing:
    """A drawing a language, without one a flow of one box; `asked` is what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, datetime | None]] = []
        self.pictures: dict[str, str] = {}

    def lines(self) -> Sequence[str]:
        """See ports.Drawing."""
        return ("", "sales")

    async def svg(self, language: str, start: datetime | None, line: str = "") -> str:
        """See ports.Drawing."""
        self.asked.append((language, start))
        plain = f'<svg xmlns="http://www.w3.org/2000/svg" lang="{language}" width="9" height="9"><rect/></svg>'
        return self.pictures.get(language, plain)


class MemoryAudit:
    """A log that is gone with the process; `entries` oldest first."""

    def __init__(self, clock: Clock = utc_now) -> None:
        self.entries: list[Entry] = []
        self._clock = clock

    def note(self, account: Named, what: str, about: str, detail: str = "", address: str = "") -> Awaitable[None]:
        """As ports.Audit tells."""
        number, at, user = len(self.entries) + 1, self._clock(), account.name
        self.entries.append(
            Entry(number=number, at=at, user=user, what=what, about=about, detail=detail, address=address)
        )
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def page(self, sought: Sought, before: AuditKey | None = None, limit: int = 50) -> Sequence[Entry]:
        """As ports.Audit tells."""
        older = [entry for entry in self.entries if before is None or entry.number < before.number]
        return [entry for entry in reversed(older) if _is_sought(entry, sought)][:limit]

    async def all(self, sought: Sought) -> AsyncIterator[Sequence[Entry]]:
        """As ports.Audit tells."""
        yield await self.page(sought, limit=len(self.entries))


def _is_sought(entry: Entry, sought: Sought) -> bool:
    told = ((sought.user, entry.user), (sought.what, entry.what), (sought.about, entry.about))
    in_time = (sought.start is None or sought.start <= entry.at) and (sought.end is None or entry.at < sought.end)
    return in_time and all(not wanted or wanted == got for wanted, got in told)
