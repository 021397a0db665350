"""How large the store is, what is in it, and how far what is derived of calls has been worked out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.database import Database
from pbx_bridge.store.reached import Reached
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us

_ON_SERVER = "SELECT pg_database_size(current_database())"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSize:
    """The store.

    Attributes:
        engine: `SQLite` or `PostgreSQL`.
        bytes: of its files, or of the database on its server.
        calls: ended calls that are counted; all of them once `worked_out` is complete.
        oldest: when the first call began; None: there is none.
        worked_out: how far facets and tallies came.
    """

    engine: str
    bytes: int
    calls: int
    oldest: datetime | None
    worked_out: Reached


class Size:
    """Measures the store at `place`. Cheap however many calls there are: they are counted by their tallies."""

    def __init__(self, place: StorePlace, reader: Database, reached: Callable[[], Awaitable[Reached]]) -> None:
        self._place, self._reader, self._reached = place, reader, reached

    async def measure(self) -> StoreSize:
        """As it stands now. Raises StoreError."""
        [(calls,)] = await self._reader.rows(SQL["count_tallied_calls"])
        [(oldest_us,)] = await self._reader.rows(SQL["oldest_call"])
        return StoreSize(
            engine="SQLite" if isinstance(self._place, Path) else "PostgreSQL",
            bytes=await self._bytes(),
            calls=int(calls),
            oldest=None if oldest_us is None else from_us(oldest_us),
            worked_out=await self._reached(),
        )

    async def _bytes(self) -> int:
        if isinstance(self._place, Path):
            return await asyncio.to_thread(_files, self._place)
        [(size,)] = await self._reader.rows(_ON_SERVER)
        return int(size)


def _files(place: Path) -> int:
    """The database, and what SQLite keeps beside it."""
    names = (place.name, f"{place.name}-wal", f"{place.name}-shm")
    return sum(found.stat().st_size for name in names if (found := place.with_name(name)).exists())
