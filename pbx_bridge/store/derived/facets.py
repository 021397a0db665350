"""Keeps what calls are found by: a row in `call_facet` for each facet of each call, and the numbers on the call.

`call.facets` holds the numbers of a call's facets: those that a list shows, in order, then `|` and the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pbx_bridge.calls.facets import VERSION, Facet, told_of, untold_of
from pbx_bridge.store.database import Db
from pbx_bridge.store.derived.derived import Kept
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us
from pbx_bridge.store.transaction import Transaction

_REMEMBERED = 4_000  # most are tickets, and the calls of one come close together; one megabyte


class Facets:
    """A part of Derived. Used by the writer alone; `committed` is told of each commit."""

    def __init__(self) -> None:
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

    def named(self, db: Db, kept: Kept) -> Kept:
        """See Naming."""
        told, others = (
            [self._number(db, facet) for facet in some] for some in (told_of(kept.call), untold_of(kept.call))
        )
        return Kept(call=kept.call, no=kept.no, facets=f"{_joined(told)}|{_joined(others)}")

    def added(self, transaction: Transaction, kept: Kept) -> None:
        """See Part."""
        transaction.db.executemany(SQL["put_call_facet"], _values(_rows(kept)))

    def dropped(self, transaction: Transaction, kept: Kept) -> None:
        """See Part."""
        transaction.db.executemany(SQL["drop_call_facet"], _values(_rows(kept)))

    def changed(self, transaction: Transaction, before: Kept, after: Kept) -> None:
        """See Changing: most revisions of a call leave most of its facets, or all."""
        _replace(transaction.db, _rows(before), _rows(after))

    def walked(self, transaction: Transaction, before: Sequence[Kept], calls: Sequence[Kept]) -> None:
        """See Walked: what stands is put right call by call."""
        changed = [(was, now) for was, now in zip(before, calls, strict=True) if was.facets != now.facets]
        if changed:
            old, new = ([row for kept in some for row in _rows(kept)] for some in zip(*changed, strict=True))
            _replace(transaction.db, old, new)
            transaction.db.executemany(SQL["set_facets"], [_noted(now) for _, now in changed])

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


def _rows(kept: Kept) -> list[_Row]:
    started_at_us, no = to_us(kept.call.started_at), kept.no
    return [(number, started_at_us, no) for number in numbers_in(kept.facets or "")]


def _replace(db: Db, old: Iterable[_Row], new: Iterable[_Row]) -> None:
    """What was there, and is: only what differs is touched."""
    was, now = set(old), set(new)
    if was - now:
        db.executemany(SQL["drop_call_facet"], _values(sorted(was - now)))
    if now - was:
        db.executemany(SQL["put_call_facet"], _values(sorted(now - was)))


def _noted(kept: Kept) -> dict[str, str | int | None]:
    call = kept.call
    return {
        "call_id": call.call_id,
        "started_at_us": to_us(call.started_at),
        "no": kept.no,
        "facets": kept.facets,
    }


def _values(rows: Iterable[_Row]) -> list[dict[str, int]]:
    return [{"facet": facet, "started_at_us": at_us, "no": no} for facet, at_us, no in rows]


def _joined(numbers: Iterable[int]) -> str:
    return " ".join(map(str, numbers))
