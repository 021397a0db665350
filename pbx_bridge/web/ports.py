"""What the pages need of the rest of the system. The store has it; `memory` has it for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from pbx_bridge.calls.call import Call
from pbx_bridge.store import CallRow, Customer, News, PageKey
from pbx_bridge.store.audit import AuditKey, Entry, Named, Sought
from pbx_bridge.store.gaps import Shortfall
from pbx_bridge.store.requests_desk import Waiting
from pbx_bridge.store.search import Choices, Found
from pbx_bridge.store.wanted import Wanted


class Calls(Protocol):
    """The call history."""

    async def get(self, call_id: str) -> CallRow | None:
        """One call as it stands now. Raises StoreError."""

    async def search(
        self, wanted: Wanted, *, before: PageKey | None = None, after: PageKey | None = None, limit: int = 50
    ) -> Found:
        """Calls newest first: those older than `before`; or, with `after`, the nearest ones newer than that.

        Raises StoreError.
        """

    async def recorded(self, call_ids: Sequence[str]) -> frozenset[str]:
        """Those of these calls that have a recording which is kept. Raises StoreError."""

    async def choices(self) -> Choices:
        """What there is to choose from in a search. Raises StoreError."""

    async def customers_named(self, text: str, limit: int) -> Sequence[tuple[str, str]]:
        """Code and name of customers by code or a part of their name, at most so many. Raises StoreError."""

    async def open_calls(self) -> Sequence[CallRow]:
        """Every call in progress, of every node. Raises StoreError."""

    async def candidates(self, call: Call) -> Sequence[Customer]:
        """The customers to choose from, of a call that is linked to none. Raises StoreError."""

    def watch(self) -> AbstractAsyncContextManager[asyncio.Queue[News]]:
        """A queue that gets each new revision of every call from now on, or RESYNC when one may have been missed."""


class Agents(Protocol):
    """Who answers which extension."""

    async def names(self) -> Mapping[str, str]:
        """Every agent's name by extension; empty where only the extension is known. Raises StoreError."""


class Shortfalls(Protocol):
    """What the record may lack."""

    async def shortfall(self) -> Shortfall:
        """The latest gaps that were not read, and the records that could not be. Raises StoreError."""


class Desk(Protocol):
    """What callers left for people to do."""

    async def waiting(self) -> Waiting:
        """Open callbacks and late complaints. Raises StoreError."""


class Drawing(Protocol):
    """The flows that callers meet, as pictures."""

    def lines(self) -> Sequence[str]:
        """The names of the lines that have a flow of their own; the main one, whose name is empty, is first."""

    async def svg(self, language: str, start: datetime | None, line: str = "") -> str:
        """A line's drawing in `fa` or `en`; with the counts since `start` unless that is None. Raises StoreError."""


class Audit(Protocol):
    """Who did or saw what."""

    def note(self, account: Named, what: str, about: str, detail: str = "", address: str = "") -> Awaitable[None]:
        """Write a line; awaited, it is on disk. `what`: a word, as `heard`; `about`: as a call's id."""

    async def page(self, sought: Sought, before: AuditKey | None = None, limit: int = 50) -> Sequence[Entry]:
        """Lines newest first, those older than the key. Raises StoreError."""

    def all(self, sought: Sought) -> AsyncIterator[Sequence[Entry]]:
        """Every line meant, newest first, in chunks. Raises StoreError."""
