"""The tickets for people: found, read with their history, changed step by step. What a step does: ticket_steps.py."""

from __future__ import annotations

from collections.abc import Sequence

from pbx_bridge.calls.promises import Promises
from pbx_bridge.errors import RequestRefused
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store import ticket_rows
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.ticket_rows import OPEN, TicketSearch
from pbx_bridge.store.ticket_steps import Event, FullTicket, Step, is_theirs, take
from pbx_bridge.store.writer import Writer

_MOST_EVENTS = 500
_MOST_OPEN = 20  # of one customer


class TicketBook:
    """Every method may raise StoreError. `promises`: what is promised, for whoever shows how a ticket stands."""

    def __init__(
        self, writer: Writer, reader: Database, promises: Promises | None = None, clock: Clock = utc_now
    ) -> None:
        self._writer, self._reader, self._clock = writer, reader, clock
        self.promises = promises or Promises()

    async def search(self, wanted: TicketSearch) -> Sequence[FullTicket]:
        """The tickets that are meant, the newest first."""
        return await self._reader.read(lambda db: ticket_rows.search(db, wanted))

    async def get(self, number: str) -> FullTicket | None:
        """The ticket of a tracking number."""
        return await self._reader.read(lambda db: ticket_rows.one(db, number))

    async def history(self, number: str) -> Sequence[Event]:
        """What was done with a ticket, the latest first."""
        rows = await self._reader.rows(SQL["events_of_ticket"], tracking_number=number, limit=_MOST_EVENTS)
        return [ticket_rows.event(row) for row in rows]

    async def open_of(self, customer_code: str) -> Sequence[FullTicket]:
        """A customer's tickets that are neither resolved nor closed, the newest first."""
        now = self._clock()
        wanted = TicketSearch(now=now, near_until=now, status=OPEN, customer=customer_code, limit=_MOST_OPEN)
        return await self.search(wanted)

    async def change(self, number: str, step: Step, *, by: str, revision: int | None = None) -> FullTicket:
        """A step with a ticket; the ticket after it.

        Args:
            by: the user who does it.
            revision: the one that they saw; None: whatever it is now.

        Raises:
            RequestRefused: there is no such ticket, it cannot take this step, or somebody else changed it meanwhile.
        """
        now = self._clock()

        def change(db: Db) -> FullTicket:
            before = ticket_rows.one(db, number)
            if before is None:
                raise RequestRefused("unknown", f"{number}: no ticket has this tracking number")
            is_theirs(before, revision)
            after, event = take(before, step, self.promises, by=by, now=now)
            return ticket_rows.write(db, before, after, event)

        return await self._writer.submit(lambda tx: change(tx.db))
