"""Finds the moments that went wrong as calls are written: see calls/moments.py.

One that somebody worked on stays, whatever becomes of its call.
"""

from __future__ import annotations

from collections.abc import Sequence

from pbx_bridge.calls.moments import Limits, moments_of
from pbx_bridge.store.database import Db
from pbx_bridge.store.derived.derived import Kept
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us


class Moments:
    """What each call has of them. The third call of a week is found by tallies.Contacts."""

    version = 1

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def added(self, db: Db, kept: Kept) -> None:
        """See Part."""
        for one in moments_of(kept.call, self._limits):
            values = {"call_id": kept.call.call_id, "kind": one.kind.value}
            db.execute(SQL["find_moment"], {**values, "at_us": to_us(one.at), "detail": one.detail})

    def dropped(self, db: Db, kept: Kept) -> None:
        """See Part."""
        for one in moments_of(kept.call, self._limits):
            db.execute(SQL["drop_moment"], {"call_id": kept.call.call_id, "kind": one.kind.value})

    def began(self, db: Db) -> None:
        """See Walked."""
        db.execute(SQL["drop_moments"])

    def walked(self, db: Db, calls: Sequence[Kept]) -> None:
        """See Walked."""
        for kept in calls:
            self.added(db, kept)
