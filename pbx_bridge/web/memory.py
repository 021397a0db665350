"""The ports in memory: for tests, and to show the pages without a store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from pbx_bridge.calls.call import Call
from pbx_bridge.store import RESYNC, CallLine, CallRow, Customer, News, PageKey, Recording
from pbx_bridge.store.gaps import Shortfall
from pbx_bridge.store.lines import line_of
from pbx_bridge.store.requests_desk import Waiting
from pbx_bridge.store.users import Role
from pbx_bridge.web.filters import Filters


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

    async def lines(
        self,
        *,
        number: str = "",
        start: datetime | None = None,
        end: datetime | None = None,
        before: PageKey | None = None,
        after: PageKey | None = None,
        limit: int = 50,
    ) -> Sequence[CallLine]:
        """As ports.Calls tells."""
        search = Filters(typed={}, number=number, start=start, end=end)
        rows = [line_of(row) for row in self._rows.values() if search.matches(row.call, self._region)]
        rows.sort(key=_place, reverse=True)
        if after is not None:
            return [row for row in rows if _place(row) > (after.started_at_us, after.call_id)][-limit:]
        if before is not None:
            rows = [row for row in rows if _place(row) < (before.started_at_us, before.call_id)]
        return rows[:limit]

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


class MemoryRecordings:
    """Recordings that are told of, without files."""

    def __init__(self, recordings: Sequence[Recording] = ()) -> None:
        self._recordings = recordings

    async def of_call(self, call_id: str) -> Sequence[Recording]:
        """As ports.Recordings tells."""
        return [recording for recording in self._recordings if recording.call_id == call_id]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUser:
    """Somebody; a lead unless told."""

    name: str
    role: Role = Role.LEAD
    extension: str = ""


class MemoryUsers:
    """Accounts with plain passwords; `roles` and `extensions` by name, where they are not a lead without one."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self.passwords = dict(passwords)
        self.roles: dict[str, Role] = {}
        self.extensions: dict[str, str] = {}

    async def account(self, name: str) -> MemoryUser | None:
        """As ports.Users tells."""
        if name not in self.passwords:
            return None
        role, extension = self.roles.get(name, Role.LEAD), self.extensions.get(name, "")
        return MemoryUser(name=name, role=role, extension=extension)

    async def verify(self, name: str, password: str) -> MemoryUser | None:
        """As ports.Users tells."""
        right = name in self.passwords and self.passwords[name] == password
        return MemoryUser(name=name) if right else None

    async def list(self) -> Sequence[MemoryUser]:
        """As ports.Users tells."""
        return [MemoryUser(name=name) for name in self.passwords]


def _place(row: CallLine) -> tuple[int, str]:
    key = PageKey.of(row)
    return key.started_at_us, key.call_id


class MemoryDrawing:
    """A drawing a language, without one a flow of one box; `asked` is what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, datetime | None]] = []
        self.pictures: dict[str, str] = {}

    async def svg(self, language: str, start: datetime | None) -> str:
        """See ports.Drawing."""
        self.asked.append((language, start))
        plain = f'<svg xmlns="http://www.w3.org/2000/svg" lang="{language}" width="9" height="9"><rect/></svg>'
        return self.pictures.get(language, plain)
