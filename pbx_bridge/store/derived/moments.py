"""Finds the moments that went wrong as calls are written: see calls/moments.py."""

from __future__ import annotations

from collections.abc import Sequence

from pbx_bridge.calls.moments import Limits, MomentKind, moments_of
from pbx_bridge.store.derived.derived import Kept
from pbx_bridge.store.moment_rows import MomentRow, MomentRows
from pbx_bridge.store.times import to_us
from pbx_bridge.store.transaction import Transaction

_THIRD = frozenset({MomentKind.THIRD.value})


class Moments:
    """What each call has of them. The third call of a week is found by contacts.Contacts, which comes after this."""

    version = 1

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def added(self, transaction: Transaction, kept: Kept) -> None:
        """See Part."""
        if found := self._found(kept):
            MomentRows(transaction.db, kept.call.call_id).put_right(found, besides=_THIRD)

    def dropped(self, transaction: Transaction, kept: Kept) -> None:
        """See Part: of a call that is gone nothing may stay, not even a third call that the walk has yet to reach."""
        MomentRows(transaction.db, kept.call.call_id).put_right(())

    def changed(self, transaction: Transaction, before: Kept, after: Kept) -> None:
        """See Changing."""
        found = self._found(after)
        if found or self._found(before):
            MomentRows(transaction.db, after.call.call_id).put_right(found, besides=_THIRD)

    def walked(self, transaction: Transaction, before: Sequence[Kept], calls: Sequence[Kept]) -> None:
        """See Walked: what stands is put right call by call."""
        for kept in calls:
            MomentRows(transaction.db, kept.call.call_id).put_right(self._found(kept))

    def _found(self, kept: Kept) -> list[MomentRow]:
        call = kept.call
        return [
            MomentRow(kind=one.kind.value, at_us=to_us(one.at), detail=one.detail, agent=call.last_agent)
            for one in moments_of(call, self._limits)
        ]
