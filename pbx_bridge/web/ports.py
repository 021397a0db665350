"""What the pages need of the rest of the system. The store has it; `memory` has it for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from pbx_bridge.calls.call import Call
from pbx_bridge.store import CallLine, CallRow, Customer, News, PageKey, Recording
from pbx_bridge.store.gaps import Shortfall
from pbx_bridge.store.requests_desk import Waiting
from pbx_bridge.web.permits import Account


class Calls(Protocol):
    """The call history."""

    async def get(self, call_id: str) -> CallRow | None:
        """One call as it stands now. Raises StoreError."""

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
        """Calls newest first, begun in [start, end), whose caller or called number it is.

        `before`: those older than the key, nearest first. `after`: those newer than it, the nearest `limit` ones.
        Raises StoreError.
        """

    async def candidates(self, call: Call) -> Sequence[Customer]:
        """The customers to choose from, of a call that is linked to none. Raises StoreError."""

    def watch(self) -> AbstractAsyncContextManager[asyncio.Queue[News]]:
        """A queue that gets each new revision of every call from now on, or RESYNC when one may have been missed."""


class Agents(Protocol):
    """Who answers which extension."""

    async def names(self) -> Mapping[str, str]:
        """Every agent's name by extension; empty where only the extension is known. Raises StoreError."""


class Recordings(Protocol):
    """The recordings of talks."""

    async def of_call(self, call_id: str) -> Sequence[Recording]:
        """Every recording of a call, in order, as its file is now. Raises StoreError."""


class Shortfalls(Protocol):
    """What the record may lack."""

    async def shortfall(self) -> Shortfall:
        """The latest gaps that were not read, and the records that could not be. Raises StoreError."""


class Desk(Protocol):
    """What callers left for people to do."""

    async def waiting(self) -> Waiting:
        """Open callbacks and late complaints. Raises StoreError."""


class Drawing(Protocol):
    """The flow that callers meet, as a picture."""

    async def svg(self, language: str, start: datetime | None) -> str:
        """The drawing in `fa` or `en`; with the counts since `start` unless that is None. Raises StoreError."""


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

    async def account(self, name: str) -> Account | None:
        """Somebody who may sign in, as they stand now. Raises StoreError."""
