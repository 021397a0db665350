"""Keeps facets, tallies and moments in step with the calls, one call at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

from pbx_bridge.calls.call import Call
from pbx_bridge.store import call_body
from pbx_bridge.store.database import Db
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A call as it stands in the store, or is about to.

    Attributes:
        no: `call.call_no`; unlike a call's group it never changes.
        facets: `call.facets`; None: not worked out yet.
    """

    call: Call
    no: int
    facets: str | None = None


class Part(Protocol):
    """One kind of thing that is worked out of calls.

    A call is changed by `dropped` of what it was and then `added` of what it is, both in one transaction.
    """

    def added(self, transaction: Transaction, kept: Kept) -> None:
        """This call is on record now. Raises what the database raises."""

    def dropped(self, transaction: Transaction, kept: Kept) -> None:
        """This call is not on record any more, or not as it was. Raises what the database raises."""


@runtime_checkable
class Changing(Protocol):
    """A part that needs less than `dropped` and `added` for a call that was changed."""

    def changed(self, transaction: Transaction, before: Kept, after: Kept) -> None:
        """This call is on record as another one. Raises what the database raises."""


@runtime_checkable
class Naming(Protocol):
    """A part that has something to say before a call is written: what stands in the call's own row."""

    def named(self, db: Db, kept: Kept) -> Kept:
        """The call with its facets. Raises what the database raises."""


class Derived:
    """What whoever writes a call tells of it, in the same transaction.

    before ─► named ─► the call's row is written, with its number and facets ─► changed
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = tuple((part, _changing(part)) for part in parts)
        self._naming = tuple(part for part in parts if isinstance(part, Naming))

    def before(self, db: Db, call_id: str) -> Kept | None:
        """What was worked out of a call that is about to be written anew; None: nothing. Raises what it raises."""
        rows = db.execute(SQL["call_before"], {"call_id": call_id}).fetchall()
        if not rows or rows[0][1] is None:
            return None
        body, no, facets = rows[0]
        return Kept(call=call_body.decode(body), no=no, facets=facets)

    def named(self, db: Db, before: Kept | None, call: Call, group: int) -> Kept:
        """A call as it is about to be written. Raises what the database raises."""
        # Its group's number is free: groups are never numbered alike, and have one call.
        no, facets = (group, None) if before is None else (before.no, before.facets)
        kept = Kept(call=call, no=no, facets=facets)
        for part in self._naming:
            kept = part.named(db, kept)
        return kept

    def changed(self, transaction: Transaction, before: Kept | None, after: Kept) -> None:
        """A call came or was changed; its row is written. Raises what the database raises."""
        for part, changed in self._parts:
            if before is None:
                part.added(transaction, after)
            else:
                changed(transaction, before, after)

    def gone(self, transaction: Transaction, call_id: str) -> None:
        """A call is another one now; its row is still there. Raises what the database raises."""
        kept = self.before(transaction.db, call_id)
        if kept is not None:
            for part, _ in self._parts:
                part.dropped(transaction, kept)


def _changing(part: Part) -> Callable[[Transaction, Kept, Kept], None]:
    return part.changed if isinstance(part, Changing) else partial(_anew, part)


def _anew(part: Part, transaction: Transaction, before: Kept, after: Kept) -> None:
    part.dropped(transaction, before)
    part.added(transaction, after)
