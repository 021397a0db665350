"""One table of a store as `db copy` sees it: ranges of its key, what differs between two of them, sums over all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pbx_bridge.errors import StoreError
from pbx_bridge.store.database import Db
from pbx_bridge.store.postgres.session import storable

Row = tuple[Any, ...]
_MODULUS = 2**128


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table.

    Attributes:
        columns: in their order.
        key: those that tell its rows apart.
        needs: other tables whose rows some of its rows need.
        numbered: the column whose numbers the database gives; empty if there is none.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    needs: tuple[str, ...]
    numbered: str

    @classmethod
    def of_sqlite(cls, db: Db, name: str) -> Table:
        """As SQLite describes it. Raises StoreError for a table without a key."""
        told = db.execute(f"PRAGMA table_info({name})").fetchall()
        key = [row[1] for row in sorted(told, key=lambda row: row[5]) if row[5]] or _unique(db, name)
        if not key:
            raise StoreError(f"the table {name} has no key and cannot be copied")
        types = {row[1]: row[2] for row in told}
        return cls(
            name=name,
            columns=tuple(row[1] for row in told),
            key=tuple(key),
            needs=tuple(sorted({row[2] for row in db.execute(f"PRAGMA foreign_key_list({name})")})),
            numbered=key[0] if len(key) == 1 and types[key[0]] == "INTEGER" else "",
        )

    def key_of(self, row: Row) -> Row:
        """What tells the row apart."""
        return tuple(row[self.columns.index(name)] for name in self.key)

    def range(self, db: Db, after: Row | None, until: Row | None, limit: int | None = None) -> list[Row]:
        """Its rows by key, from behind one to another."""
        bounds = [_bound(self.key, sign, end) for sign, end in ((">", after), ("<=", until)) if end is not None]
        values = _named(">", after) | _named("<=", until)
        where = f" WHERE {' AND '.join(bounds)}" if bounds else ""
        most = f" LIMIT {limit}" if limit is not None else ""
        statement = f"SELECT {', '.join(self.columns)} FROM {self.name}{where} ORDER BY {', '.join(self.key)}{most}"  # noqa: S608
        return db.execute(statement, values).fetchall()

    def apply(self, db: Db, work: Work) -> None:
        """Do what makes a range equal."""
        keys = " AND ".join(f"{name} = :{name}" for name in self.key)
        rest = ", ".join(f"{name} = :{name}" for name in self.columns if name not in self.key)
        marks = ", ".join(f":{name}" for name in self.columns)
        for statement, rows in (
            (f"DELETE FROM {self.name} WHERE {keys}", work.delete),  # noqa: S608
            (f"UPDATE {self.name} SET {rest} WHERE {keys}", work.update),  # noqa: S608
            (f"INSERT INTO {self.name} ({', '.join(self.columns)}) VALUES ({marks})", work.insert),  # noqa: S608
        ):
            if rows:
                db.executemany(statement, [dict(zip(self.columns, row, strict=True)) for row in rows])

    def highest(self, db: Db) -> int:
        """The highest number SQLite ever gave here."""
        statement = (
            f"SELECT COALESCE(MAX({self.numbered}), 0) FROM {self.name}"  # noqa: S608
            " UNION ALL SELECT seq FROM sqlite_sequence WHERE name = :name"
        )
        return max(int(row[0]) for row in db.execute(statement, {"name": self.name}).fetchall())

    def number_on(self, db: Db, highest: int) -> None:
        """Give only higher numbers from now on."""
        if highest > 0:
            statement = (
                "SELECT setval(name, :highest) FROM (SELECT pg_get_serial_sequence(:table, :column) AS name) AS found"
                " WHERE name IS NOT NULL"
            )
            db.execute(statement, {"highest": highest, "table": self.name, "column": self.numbered})


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What makes a range of the target equal."""

    delete: Sequence[Row]
    update: Sequence[Row]
    insert: Sequence[Row]

    @property
    def size(self) -> int:
        """How many rows it changes."""
        return len(self.delete) + len(self.update) + len(self.insert)


class Pair:
    """The same range of both stores."""

    def __init__(self, table: Table, source: Sequence[Row], target: Sequence[Row]) -> None:
        self.source = [tuple(storable(value) if isinstance(value, str) else value for value in row) for row in source]
        self.target, self._table = target, table

    def work(self) -> Work:
        """What makes the target equal."""
        there = self._by_key(self.target)
        here = self._by_key(self.source)
        return Work(
            delete=[row for key, row in there.items() if key not in here],
            update=[row for key, row in here.items() if key in there and there[key] != row],
            insert=[row for key, row in here.items() if key not in there],
        )

    def _by_key(self, rows: Sequence[Row]) -> Mapping[Row, Row]:
        return {self._table.key_of(row): row for row in rows}


@dataclass(slots=True)
class Sums:
    """How many rows each side has, and a sum over their hashes: the same in whatever order they come."""

    source: tuple[int, int] = (0, 0)
    target: tuple[int, int] = field(default=(0, 0))

    def add(self, pair: Pair) -> None:
        """Count a range in."""
        self.source, self.target = _sum(self.source, pair.source), _sum(self.target, pair.target)


def _sum(sums: tuple[int, int], rows: Sequence[Row]) -> tuple[int, int]:
    digests = (hashlib.blake2b(repr(row).encode(), digest_size=16).digest() for row in rows)
    return sums[0] + len(rows), (sums[1] + sum(int.from_bytes(digest) for digest in digests)) % _MODULUS


def _unique(db: Db, name: str) -> list[str]:
    for row in db.execute(f"PRAGMA index_list({name})").fetchall():
        if row[3] == "u":
            return [column[2] for column in db.execute(f"PRAGMA index_info({row[1]})").fetchall()]
    return []


def _bound(key: Sequence[str], sign: str, end: Row) -> str:
    return f"({', '.join(key)}) {sign} ({', '.join(f':{name}' for name in _named(sign, end))})"


def _named(sign: str, end: Row | None) -> dict[str, Any]:
    word = "after" if sign == ">" else "until"
    return {f"{word}_{number}": value for number, value in enumerate(end or ())}
