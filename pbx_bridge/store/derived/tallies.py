"""Keeps what reports count in step with the calls: see calls/tally.py and calls/contacts.py.

An ended call is added once, and taken away before it is added as another. So a day's counts are always what counting
its calls anew would give. Each count stands there twice, by day and by block of days: a year is then read as eleven
blocks and the days at its ends, a tenth of the rows.

While the walk of backfill.py goes on, a call behind the place it has reached is left to it: else it counted twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo

from pbx_bridge.calls import contacts, tally
from pbx_bridge.calls.call import Call
from pbx_bridge.calls.contacts import Contact, Standing
from pbx_bridge.calls.facets import person_of
from pbx_bridge.calls.moments import MomentKind
from pbx_bridge.calls.tally import Count, Key
from pbx_bridge.store import parties
from pbx_bridge.store.database import Db
from pbx_bridge.store.derived import backfill
from pbx_bridge.store.derived.derived import Kept
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, to_us

BLOCK = 32  # days
BLOCKS = "/"  # after the name of a count: its days are blocks


class Tallies:
    """What each call adds of itself."""

    version = tally.VERSION

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    def added(self, db: Db, kept: Kept) -> None:
        """See Part."""
        if _reached(db, kept.call):
            _add(db, tally.contributions(kept.call, self._zone))

    def dropped(self, db: Db, kept: Kept) -> None:
        """See Part."""
        if _reached(db, kept.call):
            _subtract(db, tally.contributions(kept.call, self._zone))

    def began(self, db: Db) -> None:
        """See Walked."""
        db.execute(SQL["drop_tallies"])

    def walked(self, db: Db, calls: Sequence[Kept]) -> None:
        """See Walked. Calls of one day have most of their counts in common."""
        counts: dict[Key, Count] = {}
        for kept in calls:
            for key, (n, total) in tally.contributions(kept.call, self._zone).items():
                before = counts.get(key, (0, 0))
                counts[key] = (before[0] + n, before[1] + total)
        _add(db, counts)


class Contacts:
    """What the calls of one person say of each other. Comes after the facets, by which it finds them."""

    version = 1

    def __init__(self, zone: tzinfo, region: str = "IR") -> None:
        self._zone, self._region = zone, region

    def added(self, db: Db, kept: Kept) -> None:
        """See Part."""
        for one, (before, now) in self._changes(db, kept.call, _reached(db, kept.call)).items():
            self._change(db, one, before, now)

    def dropped(self, db: Db, kept: Kept) -> None:
        """See Part."""
        for one, (now, before) in self._changes(db, kept.call, _reached(db, kept.call)).items():
            self._change(db, one, before, now)

    def began(self, db: Db) -> None:
        """See Walked. Tallies has dropped the counts, and Moments what was found."""

    def walked(self, db: Db, calls: Sequence[Kept]) -> None:
        """See Walked. What comes later was not reached, so it does not count yet."""
        for kept in calls:
            for one, (before, now) in self._changes(db, kept.call, backfill.NOWHERE).items():
                self._change(db, one, before, now)

    def _changes(
        self, db: Db, call: Call, reached: backfill.Reached | None
    ) -> Mapping[Contact, tuple[Standing | None, Standing]]:
        """What the call changes: nothing where the walk has not reached it, and nobody that it has not reached."""
        person = person_of(call, parties.outside_number(call, self._region))
        if reached is None or not person or call.ended_at is None or call.outcome is None:
            return {}
        this = Contact(at_us=to_us(call.started_at), call_id=call.call_id)
        before = _neighbours(db, "contacts_before", person, this, this.at_us - contacts.REACH_US)
        after: list[Contact] = []
        if reached is not backfill.NOWHERE:
            after = _neighbours(db, "contacts_after", person, this, this.at_us + contacts.REACH_US)
        return contacts.changes(before[::-1], this, [one for one in after if reached.holds(one.at_us, one.call_id)])

    def _change(self, db: Db, one: Contact, before: Standing | None, now: Standing | None) -> None:
        (n, total), (was_n, was_total) = tally.contact_count(now), tally.contact_count(before)
        if (n, total) != (was_n, was_total):
            key = ("contact", tally.day_of(from_us(one.at_us), self._zone), "")
            _subtract(db, {key: (was_n - n, was_total - total)})
        is_third, was_third = now is not None and now.third, before is not None and before.third
        if is_third != was_third:
            values = {"call_id": one.call_id, "kind": MomentKind.THIRD.value}
            if is_third:
                db.execute(SQL["find_moment"], {**values, "at_us": one.at_us, "detail": ""})
            else:
                db.execute(SQL["drop_moment"], values)


def _reached(db: Db, call: Call) -> backfill.Reached | None:
    """How far the walk is; None for a call that does not count: it goes on, or the walk has not reached it."""
    if call.ended_at is None or call.outcome is None:
        return None
    reached = backfill.reached(db)
    return reached if reached.holds(to_us(call.started_at), call.call_id) else None


def _neighbours(db: Db, statement: str, person: str, this: Contact, limit_us: int) -> list[Contact]:
    values = {
        "person": person,
        "at_us": this.at_us,
        "call_id": this.call_id,
        "limit_us": limit_us,
        "limit": contacts.NEAR,
    }
    return [Contact(at_us=at_us, call_id=call_id) for at_us, call_id in db.execute(SQL[statement], values).fetchall()]


def _add(db: Db, counts: Mapping[Key, Count]) -> None:
    if counts:
        db.executemany(SQL["add_tally"], _rows(counts))


def _subtract(db: Db, counts: Mapping[Key, Count]) -> None:
    _add(db, {key: (-n, -total) for key, (n, total) in counts.items()})
    if counts:
        places = [{key: row[key] for key in ("name", "day", "part")} for row in _rows(counts)]
        db.executemany(SQL["drop_empty_tally"], places)


def _rows(counts: Mapping[Key, Count]) -> list[dict[str, str | int]]:
    # In the order of the key: side by side on disk, and no two writers wait for each other crosswise.
    rows = [_row(*key, count) for key, count in counts.items()]
    rows += [_row(name + BLOCKS, day // BLOCK, part, count) for (name, day, part), count in counts.items()]
    return sorted(rows, key=lambda row: (row["name"], row["day"], row["part"]))


def _row(name: str, day: int, part: str, count: Count) -> dict[str, str | int]:
    return {"name": name, "day": day, "part": part, "n": count[0], "total": count[1]}
