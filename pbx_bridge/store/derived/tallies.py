"""Keeps what reports count in step with the calls: see calls/tally.py and calls/contacts.py.

An ended call is added once, and taken away before it is added as another. So a day's counts are always what counting
its calls anew would give. Each count stands there twice, by day and by block of days: a year is then read as eleven
blocks and the days at its ends, a tenth of the rows.

The calls of one transaction have most of their counts in common: these are summed up in it, and written before the
commit. While the walk of backfill.py goes on, a call behind the place it has reached is left to it: else it counted
twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo

from pbx_bridge.calls import tally
from pbx_bridge.calls.call import Call
from pbx_bridge.calls.tally import Count, Key
from pbx_bridge.store.database import Db
from pbx_bridge.store.derived.derived import Kept
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us
from pbx_bridge.store.transaction import Transaction

BLOCK = 32  # days
BLOCKS = "/"  # after the name of a count: its days are blocks


class Tallies:
    """What each call adds of itself."""

    version = tally.VERSION

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    def added(self, transaction: Transaction, kept: Kept) -> None:
        """See Part."""
        if counts_now(transaction, kept.call):
            count(transaction, tally.contributions(kept.call, self._zone))

    def dropped(self, transaction: Transaction, kept: Kept) -> None:
        """See Part."""
        if counts_now(transaction, kept.call):
            counted = tally.contributions(kept.call, self._zone)
            count(transaction, {key: (-n, -total) for key, (n, total) in counted.items()})

    def walked(self, transaction: Transaction, before: Sequence[Kept], calls: Sequence[Kept]) -> None:
        """See Walked."""
        for kept in calls:
            count(transaction, tally.contributions(kept.call, self._zone))


def counts_now(transaction: Transaction, call: Call) -> bool:
    """Whether a call counts: it is over, and the walk has reached it. Raises what the database raises."""
    if call.ended_at is None or call.outcome is None:
        return False
    return transaction.reached.holds(to_us(call.started_at), call.call_id)


def count(transaction: Transaction, counts: Mapping[Key, Count]) -> None:
    """So many more; below zero: fewer."""
    _sum_up(transaction.counts, counts)


def write_counts(transaction: Transaction) -> None:
    """Before the commit: what the transaction counted. Raises what the database raises."""
    if not transaction.counts:
        return
    counts: dict[Key, Count] = {}
    for (name, day, part), counted in transaction.counts.items():
        _sum_up(counts, {(name, day, part): counted, (name + BLOCKS, day // BLOCK, part): counted})
    transaction.counts.clear()
    # In the order of the key: side by side on disk.
    rows = [_row(key, *counts[key]) for key in sorted(counts) if counts[key] != (0, 0)]
    if rows:
        transaction.db.executemany(SQL["add_tally"], rows)
    if less := [{"name": r["name"], "day": r["day"], "part": r["part"]} for r in rows if _may_empty(r)]:
        transaction.db.executemany(SQL["drop_empty_tally"], less)


def drop_some_counts(db: Db, limit: int) -> int:
    """Drop some of the counts of an earlier walk; how many there were. Raises what the database raises."""
    return db.execute(SQL["drop_some_tallies"], {"limit": limit}).rowcount


def _sum_up(counts: dict[Key, Count], more: Mapping[Key, Count]) -> None:
    for key, (n, total) in more.items():
        known = counts.get(key)
        counts[key] = (n, total) if known is None else (known[0] + n, known[1] + total)


def _row(key: Key, n: int, total: int) -> dict[str, str | int]:
    name, day, part = key
    return {"name": name, "day": day, "part": part, "n": n, "total": total}


def _may_empty(row: Mapping[str, str | int]) -> bool:
    return int(row["n"]) <= 0 and int(row["total"]) <= 0
