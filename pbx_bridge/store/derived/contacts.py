"""Keeps what the calls of one person say of each other in step with the calls: see calls/contacts.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from pbx_bridge.calls import contacts, tally
from pbx_bridge.calls.call import Direction
from pbx_bridge.calls.contacts import Contact, Standing
from pbx_bridge.store import moment_rows, parties
from pbx_bridge.store.database import Db
from pbx_bridge.store.derived.derived import Kept
from pbx_bridge.store.derived.tallies import count, counts_now
from pbx_bridge.store.reached import NOWHERE, Reached
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, to_us
from pbx_bridge.store.transaction import Transaction

_Changes = Mapping[Contact, tuple[Standing | None, Standing]]


class Contacts:
    """The counts of first calls, and the moments that are a third one."""

    version = 1

    def __init__(self, zone: tzinfo, region: str = "IR") -> None:
        self._zone, self._region = zone, region

    def added(self, transaction: Transaction, kept: Kept) -> None:
        """See Part."""
        if counts_now(transaction, kept.call):
            for one, (before, now) in self._changes(transaction.db, kept, transaction.reached).items():
                self._change(transaction, one, before, now)

    def dropped(self, transaction: Transaction, kept: Kept) -> None:
        """See Part."""
        if counts_now(transaction, kept.call):
            for one, (now, before) in self._changes(transaction.db, kept, transaction.reached).items():
                self._change(transaction, one, before, now)
        elif not transaction.reached.complete:  # what an earlier walk has found of it
            moment_rows.third(transaction.db, kept.call.call_id, to_us(kept.call.started_at), is_one=False)

    def walked(self, transaction: Transaction, before: Sequence[Kept], calls: Sequence[Kept]) -> None:
        """See Walked. What comes later was not reached, so it does not count yet."""
        for kept in calls:
            if kept.call.ended_at is not None and kept.call.outcome is not None:
                for one, (was, now) in self._changes(transaction.db, kept, NOWHERE).items():
                    self._change(transaction, one, was, now)

    def _changes(self, db: Db, kept: Kept, reached: Reached) -> _Changes:
        """What the call changes: nothing of those that the walk has not reached."""
        call = kept.call
        number = parties.outside_number(call, self._region)
        if call.direction is not Direction.INBOUND or not (call.customer_code or number):
            return {}
        this = Contact(at_us=to_us(call.started_at), call_id=call.call_id)
        whose = {"code": call.customer_code, "number": number, "at_us": this.at_us, "call_id": this.call_id}
        before = _neighbours(db, "before", whose, this.at_us - contacts.REACH_US)
        after: list[Contact] = []
        if reached is not NOWHERE:
            after = _neighbours(db, "after", whose, this.at_us + contacts.REACH_US)
        return contacts.changes(before[::-1], this, [one for one in after if reached.holds(one.at_us, one.call_id)])

    def _change(self, transaction: Transaction, one: Contact, before: Standing | None, now: Standing | None) -> None:
        (n, total), (was_n, was_total) = tally.contact_count(now), tally.contact_count(before)
        if (n, total) != (was_n, was_total):
            key = ("contact", tally.day_of(from_us(one.at_us), self._zone), "")
            count(transaction, {key: (n - was_n, total - was_total)})
        is_third, was_third = now is not None and now.third, before is not None and before.third
        if is_third is not was_third:
            moment_rows.third(transaction.db, one.call_id, one.at_us, is_one=is_third)


def _neighbours(db: Db, side: str, whose: Mapping[str, Any], limit_us: int) -> list[Contact]:
    """The nearest calls of a customer, or of a number that is no customer's."""
    statement = SQL[f"customer_contacts_{side}" if whose["code"] else f"contacts_{side}"]
    rows = db.execute(statement, {**whose, "limit_us": limit_us, "limit": contacts.NEAR}).fetchall()
    return [Contact(at_us=at_us, call_id=call_id) for at_us, call_id in rows]
