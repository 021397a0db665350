"""Agents by extension. A call's record keeps extensions; names are put to them when they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pbx_bridge.store.database import Database
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.writer import Writer


class Agents:
    """Who answers which extension."""

    def __init__(self, writer: Writer, reader: Database) -> None:
        self._writer, self._reader = writer, reader

    async def names(self) -> dict[str, str]:
        """Every agent's name by extension; an empty one where only the extension is known."""
        return dict(await self._reader.rows(SQL["agents"]))

    async def fill(self, extensions: Iterable[str], names: Mapping[str, str] | None = None) -> None:
        """Know these extensions as agents', with names where they have none; others stay. Raises StoreError."""
        known, told = await self.names(), names or {}
        rows = [
            {"extension": extension, "name": told.get(extension, "")}
            for extension in extensions
            if extension not in known or (told.get(extension) and not known[extension])
        ]
        if not rows:  # a daemon must be able to start while the store takes no writes
            return

        def write(transaction: Transaction) -> None:
            transaction.db.executemany(SQL["insert_agent"], rows)

        await self._writer.submit(write)
