"""Free text of the CRM that callers may be told, so that it can be spoken to a file before they ask."""

from __future__ import annotations

from datetime import datetime

from pbx_bridge.store.database import Database
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us


class FreeTexts:
    """Every such text as it stands now. All methods raise StoreError."""

    def __init__(self, reader: Database) -> None:
        self._reader = reader

    async def notes(self, closed_since: datetime) -> list[str]:
        """The notes of tickets that are open, or were changed since; each once, the last changed first."""
        rows = await self._reader.rows(SQL["notes_to_say"], since_us=to_us(closed_since))
        return [note for note, _ in rows]

    async def names(self) -> list[str]:
        """The names of customers, each once."""
        return [name for (name,) in await self._reader.rows(SQL["names_to_say"])]
