"""How promises of tickets were kept, counted: for reports, for a customer's card, for the talk about a renewal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store.database import Database
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """One promise of tickets of one kind. `running`: neither kept nor broken yet."""

    kept: int = 0
    broken: int = 0
    running: int = 0

    @property
    def decided(self) -> int:
        """Those that are kept or broken."""
        return self.kept + self.broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The tickets of one kind that were opened in a span of time.

    Attributes:
        respond, resolve, day: their promises; a ticket of which nothing was promised counts in none.
        responded, resolved: how many were so far, promised or not.
        respond_us, resolve_us: how long that took, by the clock on the wall, all together.
    """

    kind: str
    tickets: int
    respond: Tally
    resolve: Tally
    day: Tally
    responded: int
    respond_us: int
    resolved: int
    resolve_us: int


class PromiseBook:
    """Reads only."""

    def __init__(self, reader: Database, clock: Clock = utc_now) -> None:
        self._reader, self._clock = reader, clock

    async def kept(self, start: datetime, end: datetime, customer_code: str = "") -> Sequence[Kept]:
        """Tickets opened in [start, end) by kind; of one customer, or of all. Raises StoreError."""
        values = {"start_us": to_us(start), "end_us": to_us(end), "now_us": to_us(self._clock())}
        rows = await self._reader.rows(SQL["promises_counted"], **values, code=customer_code)
        return [
            Kept(
                kind=kind,
                tickets=tickets,
                respond=Tally(kept=counts[0], broken=counts[1], running=counts[2]),
                resolve=Tally(kept=counts[3], broken=counts[4], running=counts[5]),
                day=Tally(kept=counts[6], broken=counts[7], running=counts[8]),
                responded=counts[9],
                respond_us=int(counts[10]),
                resolved=counts[11],
                resolve_us=int(counts[12]),
            )
            for kind, tickets, *counts in rows
        ]
