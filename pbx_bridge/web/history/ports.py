"""What the history needs of the store besides the calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pbx_bridge.store.views import View


class Views(Protocol):
    """Views that people saved."""

    async def of(self, user_name: str) -> Sequence[View]:
        """Their own and the shared ones of others, by name. Raises StoreError."""

    async def save(self, user_name: str, name: str, address: str, *, shared: bool) -> bool:
        """Keep a view; one of that name of theirs becomes this. False: they have too many. Raises StoreError."""

    async def drop(self, user_name: str, view_id: str, *, any_owner: bool = False) -> bool:
        """Forget a view of theirs, or, for who may, a shared one of anybody. False: none. Raises StoreError."""
