"""How far the walk over calls from before came (see derived/backfill.py): what counts, and what is left to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pbx_bridge.store.database import Db
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us

BEFORE_ALL = (-(2**63 - 1), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How far the walk came.

    Attributes:
        place: start in microseconds and call_id of the last call that was walked.
        complete: it came to the end: there is nothing left to do, and never will be.
    """

    place: tuple[int, str]
    complete: bool

    def holds(self, started_at_us: int, call_id: str) -> bool:
        """Whether the call at this place is worked out, and has to be kept in step."""
        return self.complete or (started_at_us, call_id) <= self.place

    @property
    def behind(self) -> datetime | None:
        """Calls that began later may not be worked out yet; None: all are. Aware UTC."""
        if self.complete:
            return None
        return from_us(max(self.place[0], 0))


NOWHERE = Reached(place=BEFORE_ALL, complete=False)


def reached(db: Db) -> Reached:
    """As it stands in this transaction. Raises what the database raises."""
    row = db.execute(SQL["worked_out"]).fetchone()
    return NOWHERE if row is None else Reached(place=(row[2], row[3]), complete=bool(row[4]))
