"""Views of the call history that people saved: a name and a query string, for themselves or for all."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from pbx_bridge.store.database import Database
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.writer import Writer

MOST = 50  # of one person


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A saved view. `address`: the query string; `shared`: everybody sees it."""

    view_id: str
    user_name: str
    name: str
    address: str
    shared: bool


class Views:
    """Keeps views."""

    def __init__(self, writer: Writer, reader: Database) -> None:
        self._writer, self._reader = writer, reader

    async def of(self, user_name: str) -> Sequence[View]:
        """Their own and the shared ones of others, by name. Raises StoreError."""
        rows = await self._reader.rows(SQL["views_of"], user_name=user_name)
        return [
            View(view_id=row[0], user_name=row[1], name=row[2], address=row[3], shared=bool(row[4])) for row in rows
        ]

    async def save(self, user_name: str, name: str, address: str, *, shared: bool) -> bool:
        """Keep a view; one of that name of theirs becomes this. False: they have MOST already. Raises StoreError."""
        values = {
            "id": str(uuid.uuid4()),
            "user_name": user_name,
            "name": name,
            "address": address,
            "shared": int(shared),
            "most": MOST,
        }

        def save(transaction: Transaction) -> bool:
            return bool(transaction.db.execute(SQL["save_view"], values).fetchall())

        return await self._writer.submit(save)

    async def drop(self, user_name: str, view_id: str, *, any_owner: bool = False) -> bool:
        """Forget a view of theirs, or, for who may, a shared one of anybody. False: none. Raises StoreError."""
        values = {"id": view_id, "user_name": user_name, "any_owner": int(any_owner)}

        def drop(transaction: Transaction) -> bool:
            return bool(transaction.db.execute(SQL["drop_view"], values).fetchall())

        return await self._writer.submit(drop)
