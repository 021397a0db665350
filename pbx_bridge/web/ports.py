"""What the pages need of the rest of the system. The store has it; `memory` has it for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from pbx_bridge.store import CallRow, News, PageKey


class Calls(Protocol):
    """The call history."""

    async def get(self, call_id: str) -> CallRow | None:
        """One call as it stands now. Raises StoreError."""

    async def page(
        self,
        *,
        number: str = "",
        start: datetime | None = None,
        end: datetime | None = None,
        before: PageKey | None = None,
        after: PageKey | None = None,
        limit: int = 50,
    ) -> Sequence[CallRow]:
        """Calls newest first, begun in [start, end), whose caller or called number it is.

        `before`: those older than the key, nearest first. `after`: those newer than it, the nearest `limit` ones.
        Raises StoreError.
        """

    def watch(self) -> AbstractAsyncContextManager[asyncio.Queue[News]]:
        """A queue that gets each new revision of every call from now on, or RESYNC when one may have been missed."""


class User(Protocol):
    """Somebody who may sign in."""

    @property
    def name(self) -> str:
        """What they sign in as."""


class Users(Protocol):
    """Who may sign in."""

    async def verify(self, name: str, password: str) -> User | None:
        """The user if the password is theirs. Raises StoreError."""

    async def list(self) -> Sequence[User]:
        """Everybody. Raises StoreError."""
