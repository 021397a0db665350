"""The call book: one row per call, read by id, by page and by number; new revisions as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, TypedDict, TypeVar, Unpack

from pbx_bridge.calls.call import Call
from pbx_bridge.store import parties
from pbx_bridge.store.announce import Announcer, CallRow, News
from pbx_bridge.store.crm import Customer, plain_code
from pbx_bridge.store.crm_sql import SqlCrm
from pbx_bridge.store.database import Database
from pbx_bridge.store.lines import CALL_LINES, WHOLE_CALLS, CallLine, read_line, read_row
from pbx_bridge.store.page_key import FIRST, LAST
from pbx_bridge.store.page_key import PageKey as PageKey
from pbx_bridge.store.search import Choices, Found, Search
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us
from pbx_bridge.store.wanted import Wanted, number_key

_CHUNK = 200

Row = TypeVar("Row", CallRow, CallLine)


class Where(TypedDict, total=False):
    """Which calls.

    Attributes:
        number: of caller or called, as a person types it: 0912…, +98912…, Persian digits, an extension.
        customer: only this customer's calls, by code; not together with a number.
        start: only calls that began then or later.
        end: only calls that began before then.
        before: only calls after this place in the list.
        after: only calls before this place in the list, the nearest ones, for going back; wins over `before`.
        limit: at most so many; 50 unless told.
    """

    number: str
    customer: str
    start: datetime | None
    end: datetime | None
    before: PageKey | None
    after: PageKey | None
    limit: int


class CallBook:
    """Reads calls. Written by the recorder only."""

    def __init__(self, reader: Database, announcer: Announcer, region: str = "IR") -> None:
        self._reader, self._announcer, self._region = reader, announcer, region
        self._search = Search(reader, region)

    async def get(self, call_id: str) -> CallRow | None:
        """One call."""
        rows = await self._reader.rows(SQL["get_call"], call_id=call_id)
        return read_row(rows[0]) if rows else None

    async def page(self, **where: Unpack[Where]) -> list[CallRow]:
        """Whole calls newest first; what `where` may be is told there. Raises ValueError: a number and a customer."""
        return await self._list(read_row, whole=True, **where)

    async def lines(self, **where: Unpack[Where]) -> list[CallLine]:
        """The same calls as a list shows them."""
        return await self._list(read_line, whole=False, **where)

    async def search(
        self, wanted: Wanted, *, before: PageKey | None = None, after: PageKey | None = None, limit: int = 50
    ) -> Found:
        """Calls newest first, as lines with all that a list shows; see Search. Raises StoreError."""
        return await self._search.page(wanted, before=before, after=after, limit=limit)

    async def recorded(self, call_ids: Sequence[str]) -> frozenset[str]:
        """Those of these calls that have a recording which is kept. Raises StoreError."""
        return await self._search.recorded(call_ids)

    async def choices(self) -> Choices:
        """What there is to choose from in a search. Raises StoreError."""
        return await self._search.choices()

    async def customers_named(self, text: str, limit: int) -> Sequence[tuple[str, str]]:
        """Code and name of customers by code or a part of their name, at most so many. Raises StoreError."""
        return await self._search.customers_named(text, limit)

    async def open_calls(self, limit: int = 1000) -> list[CallRow]:
        """Every call in progress of every node, the latest first. Raises StoreError."""
        rows = SQL["calls_in_progress"]
        return await self._reader.read(lambda db: [read_row(row) for row in db.execute(rows, {"limit": limit})])

    async def candidates(self, call: Call) -> list[Customer]:
        """The customers of the number outside, of a call that is linked to none: two or more to choose from."""
        number = "" if call.customer_code else parties.outside_number(call, self._region)
        return await SqlCrm(self._reader).customers_by_phone(number) if number else []

    async def since(self, start: datetime | None = None, limit: int | None = None) -> AsyncIterator[CallRow]:
        """Calls newest first, down to those that began at `start`; at most `limit`."""
        async for chunk in self.chunks(start, limit):
            for row in chunk:
                yield row

    def chunks(self, start: datetime | None = None, limit: int | None = None) -> AsyncIterator[list[CallRow]]:
        """The same calls as they are read, some hundred at a time; none is empty."""
        return self._chunks(read_row, start, limit, whole=True)

    def line_chunks(self, start: datetime | None = None, limit: int | None = None) -> AsyncIterator[list[CallLine]]:
        """The same as lines."""
        return self._chunks(read_line, start, limit, whole=False)

    async def _chunks(
        self, read: Callable[[Any], Row], start: datetime | None, limit: int | None, *, whole: bool
    ) -> AsyncIterator[list[Row]]:
        left = limit
        before: PageKey | None = None
        while left is None or left > 0:
            chunk = _CHUNK if left is None else min(left, _CHUNK)
            rows = await self._list(read, whole=whole, start=start, before=before, limit=chunk)
            if rows:
                yield rows
            if len(rows) < chunk:
                return
            before = PageKey.of(rows[-1])
            left = None if left is None else left - len(rows)

    def watch(self) -> AbstractAsyncContextManager[asyncio.Queue[News]]:
        """A queue of every new revision from now on; RESYNC among them means: read the page again."""
        return self._announcer.watch()

    async def _list(
        self,
        read: Callable[[Any], Row],
        *,
        whole: bool,
        number: str = "",
        customer: str = "",
        start: datetime | None = None,
        end: datetime | None = None,
        before: PageKey | None = None,
        after: PageKey | None = None,
        limit: int = 50,
    ) -> list[Row]:
        if number.strip() and customer.strip():
            raise ValueError("calls are listed by number or by customer, not by both")
        above = (to_us(start), "") if start else FIRST
        below = (to_us(end), "") if end else LAST
        if after is not None:
            above = max(above, after.place)
        elif before is not None:
            below = min(below, before.place)
        values: dict[str, Any] = {
            "above_us": above[0],
            "above_id": above[1],
            "below_us": below[0],
            "below_id": below[1],
            "limit": limit,
        }
        name = "page_calls" if after is None else "newer_calls"
        if number.strip():
            name, values["number"] = f"{name}_of_number", number_key(number, self._region)
        elif customer.strip():
            name, values["customer"] = f"{name}_of_customer", plain_code(customer)
        statement = (WHOLE_CALLS if whole else CALL_LINES)[name]
        # Read in the database's thread: a page's bodies at one go would hold up the event loop.
        rows = await self._reader.read(lambda db: [read(row) for row in db.execute(statement, values)])
        return rows if after is None else rows[::-1]
