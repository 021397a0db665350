"""Keeps what calls are found by: a row in `call_facet` for each facet of each call, and the numbers on the call.

`call.facets` holds the numbers of a call's facets: those that a list shows, in order, then `|` and the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pbx_bridge.calls.facets import TOLD, VERSION, Facet, facets_of
from pbx_bridge.store import parties
from pbx_bridge.store.database import Db
from pbx_bridge.store.derived.derived import Kept
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us

_REMEMBERED = 100_000  # some ten megabytes


class Facets:
    """A part of Derived. Used by the writer alone; `committed` is told of each commit."""

    def __init__(self, region: str = "IR") -> None:
        self._region = region
        self._numbers: dict[Facet, int] = {}
        # Numbers given since the last commit. A savepoint or the whole transaction may still take them back, and
        # another facet may get them then: they are looked up again until they are on disk.
        self._fresh: set[int] = set()

    @property
    def version(self) -> int:
        """See Walked."""
        return VERSION

    def committed(self) -> None:
        """What was given is on disk."""
        self._fresh.clear()

    def added(self, db: Db, kept: Kept) -> None:
        """See Part."""
        text = self._text(db, kept)
        db.executemany(SQL["put_call_facet"], _values(_rows(kept, numbers_in(text))))
        self._note(db, kept, text)

    def dropped(self, db: Db, kept: Kept) -> None:
        """See Part."""
        if kept.facets:
            db.executemany(SQL["drop_call_facet"], _values(_rows(kept, numbers_in(kept.facets))))

    def changed(self, db: Db, before: Kept, after: Kept) -> None:
        """See Changing: most revisions of a call leave most of its facets, or all."""
        self._write(db, [(before, after)])

    def began(self, db: Db) -> None:
        """See Walked: what stands is put right call by call."""

    def walked(self, db: Db, calls: Sequence[Kept]) -> None:
        """See Walked."""
        self._write(db, [(kept, kept) for kept in calls])

    def _write(self, db: Db, changes: Sequence[tuple[Kept, Kept]]) -> None:
        """What calls were, and are: only what differs is touched."""
        old: set[_Row] = set()
        new: set[_Row] = set()
        for before, after in changes:
            text = self._text(db, after)
            old.update(_rows(before, numbers_in(before.facets or "")))
            new.update(_rows(after, numbers_in(text)))
            if text != before.facets:
                self._note(db, after, text)
        if old - new:
            db.executemany(SQL["drop_call_facet"], _values(sorted(old - new)))
        if new - old:
            db.executemany(SQL["put_call_facet"], _values(sorted(new - old)))

    def _note(self, db: Db, kept: Kept, text: str) -> None:
        call = kept.call
        values = {"call_id": call.call_id, "started_at_us": to_us(call.started_at), "facets": text}
        db.execute(SQL["set_facets"], values)

    def _text(self, db: Db, kept: Kept) -> str:
        call = kept.call
        facets = facets_of(call, parties.outside_number(call, self._region))
        told = [self._number(db, facet) for facet in facets if facet[0] in TOLD]
        others = [self._number(db, facet) for facet in facets if facet[0] not in TOLD]
        return f"{_joined(told)}|{_joined(others)}"

    def _number(self, db: Db, facet: Facet) -> int:
        known = self._numbers.get(facet)
        return known if known is not None else self._look_up(db, facet)

    def _look_up(self, db: Db, facet: Facet) -> int:
        values = {"kind": facet[0], "value": facet[1]}
        row = db.execute(SQL["facet_number"], values).fetchone()
        if row is None:
            new: int = db.execute(SQL["new_facet"], values).fetchall()[0][0]
            self._fresh.add(new)
            return new
        number: int = row[0]
        if number not in self._fresh:
            if len(self._numbers) >= _REMEMBERED:
                self._numbers.clear()
            self._numbers[facet] = number
        return number


def numbers_in(text: str) -> list[int]:
    """Every number of `call.facets`."""
    return [int(number) for number in text.replace("|", " ").split()]


def told_in(text: str) -> list[int]:
    """Those that a list shows, in order."""
    return [int(number) for number in text.partition("|")[0].split()]


_Row = tuple[int, int, int]
"""Facet, start and number of a call."""


def _rows(kept: Kept, numbers: Iterable[int]) -> list[_Row]:
    started_at_us = to_us(kept.call.started_at)
    return [(number, started_at_us, kept.no) for number in numbers]


def _values(rows: Iterable[_Row]) -> list[dict[str, int]]:
    return [{"facet": facet, "started_at_us": at_us, "no": no} for facet, at_us, no in rows]


def _joined(numbers: Iterable[int]) -> str:
    return " ".join(map(str, numbers))
