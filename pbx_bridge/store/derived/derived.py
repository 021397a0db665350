"""Keeps facets, tallies and moments in step with the calls, one call at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from pbx_bridge.calls.call import Call
from pbx_bridge.store import call_body
from pbx_bridge.store.database import Db
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A call as it stands in the store.

    Attributes:
        no: `call.call_no`; unlike a call's group it never changes.
        facets: `call.facets`; None: not worked out yet.
    """

    call: Call
    no: int
    facets: str | None = None

    @classmethod
    def read(cls, row: Sequence[Any]) -> Kept | None:
        """The row of `call_before`: body, call_no, facets; None where nothing was worked out of it yet."""
        body, no, facets = row
        return None if no is None else cls(call=call_body.decode(body), no=no, facets=facets)


def number_call(db: Db, call: Call, no: int) -> None:
    """Its short number, unless it has one. Raises what the database raises."""
    values = {"call_id": call.call_id, "started_at_us": to_us(call.started_at), "no": no}
    db.execute(SQL["number_call"], values)


class Part(Protocol):
    """One kind of thing that is worked out of calls.

    A call is changed by `dropped` of what it was and then `added` of what it is, both in one transaction.
    """

    def added(self, db: Db, kept: Kept) -> None:
        """This call is on record now. Raises what the database raises."""

    def dropped(self, db: Db, kept: Kept) -> None:
        """This call is not on record any more, or not as it was. Raises what the database raises."""


@runtime_checkable
class Changing(Protocol):
    """A part that needs less than `dropped` and `added` for a call that was changed."""

    def changed(self, db: Db, before: Kept, after: Kept) -> None:
        """This call is on record as another one. Raises what the database raises."""


class Derived:
    """What whoever writes a call tells of it, in the same transaction."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = tuple(parts)

    def before(self, db: Db, call_id: str) -> Kept | None:
        """What stands of a call that is about to be written anew. Raises what the database raises."""
        rows = db.execute(SQL["call_before"], {"call_id": call_id}).fetchall()
        return Kept.read(rows[0]) if rows else None

    def changed(self, db: Db, before: Kept | None, call: Call, group: int) -> None:
        """A call came or was changed; its row is written. Raises what the database raises."""
        if before is None:  # its group's number is free: groups are never numbered alike, and have one call
            number_call(db, call, group)
            after = Kept(call=call, no=group)
        else:
            after = replace(before, call=call)
        for part in self._parts:
            if before is None:
                part.added(db, after)
            elif isinstance(part, Changing):
                part.changed(db, before, after)
            else:
                part.dropped(db, before)
                part.added(db, after)

    def gone(self, db: Db, call_id: str) -> None:
        """A call is another one now; its row is still there. Raises what the database raises."""
        kept = self.before(db, call_id)
        if kept is not None:
            for part in self._parts:
                part.dropped(db, kept)
