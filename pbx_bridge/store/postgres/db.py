"""The Db protocol over a connection: `:name` parameters as in SQLite, partitions made for the rows that come."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import psycopg

from pbx_bridge.store.postgres.partitions import COLUMNS, Partitions
from pbx_bridge.store.postgres.session import PgError

_TOKEN = re.compile(r"'(?:[^']|'')*'|--[^\n]*|::|:([A-Za-z_]\w*)|%")
_PARTITIONED = re.compile(r"\s*(?:INSERT\s+INTO|UPDATE)\s+(call|fact)\b", re.IGNORECASE)
_CONFLICT = re.compile(r"\bON\s+CONFLICT\s*\(([^)]*)\)\s*DO\s+(UPDATE|NOTHING)\b", re.IGNORECASE)
# SQLite joins these in the order they are written; the server would choose, from guesses, to read whole tables.
_IN_ORDER = re.compile(r"\bCROSS JOIN (\w+) ON (.+?) WHERE\b", re.DOTALL)
_NOTHING: Mapping[str, Any] = {}


class PgRows:
    """What a statement gave. A statement that gives no rows gives none, as in SQLite."""

    def __init__(self, cursor: psycopg.Cursor[Any]) -> None:
        self._cursor = cursor

    @property
    def rowcount(self) -> int:
        """See Rows."""
        return self._cursor.rowcount

    @property
    def description(self) -> Any:
        """See Rows."""
        return self._cursor.description

    def fetchone(self) -> Any:
        """See Rows."""
        return self._cursor.fetchone() if self._cursor.description else None

    def fetchall(self) -> list[Any]:
        """See Rows."""
        return self._cursor.fetchall() if self._cursor.description else []

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor) if self._cursor.description else iter(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A named statement as the server gets it.

    Attributes:
        text: with psycopg's parameters.
        table: the partitioned table it puts rows into; else empty.
        first: to be run before it with the same values; else empty.
    """

    text: str
    table: str = ""
    first: str = ""


class PgDb:
    """A connection, used in one thread. Raises PgError."""

    def __init__(self, connection: psycopg.Connection[Any], partitions: Partitions | None = None) -> None:
        self.connection, self._partitions = connection, partitions

    def execute(self, statement: str, values: Mapping[str, Any] = _NOTHING, /) -> PgRows:
        """See Db."""
        told = translate(statement)
        try:
            if self._partitions is not None:
                if told.table:
                    self._partitions.make_room(self.connection, told.table, [values])
                elif told.text.startswith("ROLLBACK"):
                    self._partitions.forget()
            if told.first:
                self.connection.execute(told.first, values)
            return PgRows(self.connection.execute(told.text, values))
        except psycopg.Error as error:
            raise PgError.of(error) from error

    def executemany(self, statement: str, rows: Iterable[Mapping[str, Any]], /) -> PgRows:
        """See Db."""
        told = translate(statement)
        rows = rows if isinstance(rows, list) else list(rows)
        try:
            if told.table and self._partitions is not None:
                self._partitions.make_room(self.connection, told.table, rows)
            cursor = self.connection.cursor()
            if told.first:
                cursor.executemany(told.first, rows)
            cursor.executemany(told.text, rows)
        except psycopg.Error as error:
            raise PgError.of(error) from error
        return PgRows(cursor)


@lru_cache(maxsize=1000)
def translate(statement: str) -> Statement:
    """The statement in the server's form.

    A unique key of a partitioned table holds the column it is partitioned by, so ON CONFLICT has to name it. A row
    to be updated whose column changes is first moved to its new partition, where ON CONFLICT then finds it.
    """
    text = _TOKEN.sub(_translated, statement)
    text = _IN_ORDER.sub(r"CROSS JOIN LATERAL (SELECT * FROM \1 WHERE \2 OFFSET 0) AS \1 WHERE", text)
    match = _PARTITIONED.match(statement)
    if match is None:
        return Statement(text=text)
    table, first = match[1].lower(), ""
    column = COLUMNS[table]
    if conflict := _CONFLICT.search(text):
        text = f"{text[: conflict.end(1)]}, {column}{text[conflict.end(1) :]}"
        if conflict[2].upper() == "UPDATE":
            keys = " AND ".join(f"{key.strip()} = %({key.strip()})s" for key in conflict[1].split(","))
            first = f"UPDATE {table} SET {column} = %({column})s WHERE {keys} AND {column} <> %({column})s"  # noqa: S608
    return Statement(text=text, table=table, first=first)


def _translated(match: re.Match[str]) -> str:
    return f"%({match[1]})s" if match[1] else match[0].replace("%", "%%")
