"""Links past calls anew when the contacts of a number changed, or customers were merged: as new revisions, from the
call's kept body.

    contact changed ─► number marked, in the same transaction ─► its calls looked through, some in each transaction,
    newest first ─► those whose customer is another now: next revision, outbox row ─► mark gone

How far a number has come is kept with its mark, so a killed process leaves the rest to the next one. A call that is
folded meanwhile is linked as the contacts are then (see parties.py), so none is missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import structlog

from pbx_bridge.errors import StoreError
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store import call_body, parties
from pbx_bridge.store.announce import CallRow
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.derived import Derived
from pbx_bridge.store.lines import WHOLE_CALLS
from pbx_bridge.store.outbox import note_revision
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.writer import Writer
from pbx_bridge.tasks import beside

log = structlog.get_logger()

Progress = Callable[[int, int, str], None]
"""Done, total, nothing."""

_AT_ONCE = 200  # calls looked through in one transaction, and numbers at most
_LOOK_S = 1.0  # how often marks of another process are looked for
_PAUSE_S = 5.0  # after a transaction that the store refused for a reason of our own making
_LAST_US = 2**63 - 1
_CUSTOMER = "customer:"  # before a code that is marked as a number is; no number begins so


def mark_numbers(db: Db, numbers: Iterable[str]) -> None:
    """The contacts of these E.164 numbers changed: look through their calls, from the newest."""
    db.executemany(SQL["mark_relink"], [{"number": number} for number in numbers])


def mark_new(db: Db, contacts: Iterable[Mapping[str, Any]]) -> None:
    """The same for contacts about to be kept, each a row of `upsert_contact`; those there already mark nothing."""
    db.executemany(SQL["mark_relink_of_new"], list(contacts))


def mark_customers(db: Db, codes: Iterable[str]) -> None:
    """These customers were merged, or are customers of their own again: look through their calls, from the newest."""
    mark_numbers(db, [f"{_CUSTOMER}{code}" for code in codes])


class Relinker:
    """Works the marks off."""

    def __init__(
        self, writer: Writer, reader: Database, derived: Derived, *, region: str = "IR", clock: Clock = utc_now
    ) -> None:
        self._writer, self._reader, self._derived = writer, reader, derived
        self._region, self._clock = region, clock

    async def waiting(self) -> int:
        """Numbers whose calls are not all looked through."""
        rows = await self._reader.rows(SQL["count_relink"])
        count: int = rows[0][0]
        return count

    async def finish(self, progress: Progress | None = None) -> None:
        """Look through the calls of every marked number, and show how many of these are done. Raises StoreError."""
        shown, total = 0, await self.waiting()
        while await self._writer.submit(self._some):
            if progress is not None:
                left = await self.waiting()  # more than before, when another process marks some meanwhile
                for done in range(shown + 1, total - left + 1):
                    progress(done, total, "")
                shown = max(shown, total - left)

    def running(self) -> AbstractAsyncContextManager[None]:
        """Work the marks off as they come, whoever makes them."""
        return beside(self._run(), name="store-relinking")

    async def _run(self) -> None:
        while True:
            try:
                if await self.waiting():
                    await self.finish()
            except StoreError:  # the marks are still there
                log.exception("calls_not_linked")
                await asyncio.sleep(_PAUSE_S)
            await asyncio.sleep(_LOOK_S)

    def _some(self, transaction: Transaction) -> bool:
        """The next calls of the marked numbers; False when no number is marked."""
        left, numbers = _AT_ONCE, 0
        while left > 0 and numbers < _AT_ONCE:
            looked = self._some_of_one(transaction, left)
            if looked is None:
                break
            left, numbers = left - looked, numbers + 1
        return numbers > 0

    def _some_of_one(self, transaction: Transaction, limit: int) -> int | None:
        """At most so many calls of one marked number: how many there were; None when no number is marked."""
        db = transaction.db
        # Written before the contacts are read: who marks it again meanwhile waits for this transaction.
        taken = db.execute(SQL["take_relink"]).fetchall()
        if not taken:
            return None
        number, below_us, below_id = taken[0]
        rows = db.execute(WHOLE_CALLS[_list_of(number)], _page(number, below_us, below_id, limit)).fetchall()
        for body, *_ in rows:
            self._relink(transaction, body)
        if len(rows) < limit:
            db.execute(SQL["drop_relink"], {"number": number})
        else:
            _, _, below_us, below_id = rows[-1]
            db.execute(SQL["move_relink"], {"number": number, "below_us": below_us, "below_id": below_id})
        return len(rows)

    def _relink(self, transaction: Transaction, kept: str) -> None:
        db, before, now_us = transaction.db, call_body.decode(kept), to_us(self._clock())
        resolved = parties.resolve(before, parties.directory_of(db), self._region)
        if resolved is before:
            return
        call, body, content_hash = call_body.encode(resolved)
        values = {
            "call_id": call.call_id,
            "started_at_us": to_us(call.started_at),
            "customer_code": call.customer_code,
            "customer_by": call.customer_by,
            "changed_at_us": now_us,
            "body": body,
            "content_hash": content_hash,
        }
        standing = self._derived.before(db, call.call_id)
        after = None if standing is None else self._derived.named(db, standing, call, standing.no)
        values["facets"] = None if after is None else after.facets
        for (revision,) in db.execute(SQL["relink_call"], values).fetchall():
            if after is not None:
                self._derived.changed(transaction, standing, after)
            note_revision(db, call.call_id, revision, gone=False, now_us=now_us)
            transaction.news.append(CallRow(call=call, revision=revision))


def _list_of(marked: str) -> str:
    return "page_calls_of_customer" if marked.startswith(_CUSTOMER) else "page_calls_of_number"


def _page(marked: str, below_us: int, below_id: str, limit: int) -> dict[str, Any]:
    return {
        "number": marked,
        "customer": marked.removeprefix(_CUSTOMER),
        "above_us": -_LAST_US,
        "above_id": "",
        "below_us": below_us,
        "below_id": below_id,
        "limit": limit,
    }
