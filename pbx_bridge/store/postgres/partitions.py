"""The monthly partitions of calls and facts: made ahead, and for the months of older rows as these come.

A row of a time that no clock should tell goes to the default partition; so does one of a month whose partition
cannot be made just now, because a backup holds the table. It moves over when that partition is made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg
import structlog

log = structlog.get_logger()

COLUMNS = {"call": "started_at_us", "fact": "at_us"}  # what each table is partitioned by
_DAY_US = 86_400_000_000
_BACK_US, _AHEAD_US = 15 * 366 * _DAY_US, 70 * _DAY_US
_AGAIN_S = 60.0


class Partitions:
    """What one writing connection knows of them. Everything happens inside the writer's transaction."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._months: dict[str, set[int]] = {}  # by the first microsecond of each
        self._last: dict[str, tuple[int, int]] = {}
        self._not_before = 0.0
        self._looked_ahead_at = 0.0

    def forget(self) -> None:
        """What this transaction made may be gone."""
        self._months.clear()
        self._last.clear()
        self._looked_ahead_at = 0.0

    def look_ahead(self, connection: psycopg.Connection[Any]) -> None:
        """Make those of this month and the next two, now and then."""
        now = self._clock()
        if 0 <= now - self._looked_ahead_at < 3600:
            return
        self._looked_ahead_at = now
        for ahead in (0, 30, 60):
            for table in COLUMNS:
                self._make_room_at(connection, table, int(now * 1_000_000) + ahead * _DAY_US)

    def make_room(self, connection: psycopg.Connection[Any], table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Make the partitions of these rows."""
        column = COLUMNS[table]
        low, high = self._last.get(table, (0, 0))
        for row in rows:
            at_us = row.get(column)
            if at_us is not None and not low <= at_us < high:
                self._make_room_at(connection, table, at_us)
                low, high = self._last.get(table, (0, 0))

    def _make_room_at(self, connection: psycopg.Connection[Any], table: str, at_us: int) -> None:
        now = self._clock()
        if not -_BACK_US <= at_us - int(now * 1_000_000) <= _AHEAD_US:
            return
        low, high = month_of(at_us)
        months = self._months.get(table)
        if months is None:
            months = self._months[table] = _standing(connection, table)
        if low not in months:
            if 0 <= self._not_before - now <= _AGAIN_S:
                return
            if not _make(connection, table, low, high):
                self._not_before = now + _AGAIN_S
                return
            months.add(low)
        self._last[table] = (low, high)


def month_of(at_us: int) -> tuple[int, int]:
    """The first microsecond of a moment's month, UTC, and of the next month."""
    at = datetime.fromtimestamp(at_us // 1_000_000, UTC)
    first = datetime(at.year, at.month, 1, tzinfo=UTC)
    after = datetime(at.year + at.month // 12, at.month % 12 + 1, 1, tzinfo=UTC)
    return int(first.timestamp()) * 1_000_000, int(after.timestamp()) * 1_000_000


def _name(table: str, low: int) -> str:
    return f"{table}_{datetime.fromtimestamp(low // 1_000_000, UTC):%Y_%m}"


def _standing(connection: psycopg.Connection[Any], table: str) -> set[int]:
    rows = connection.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = CAST(%s AS regclass)",
        (table,),
    ).fetchall()
    found = (name.removeprefix(f"{table}_").split("_") for (name,) in rows if not name.endswith("_default"))
    return {int(datetime(int(year), int(month), 1, tzinfo=UTC).timestamp()) * 1_000_000 for year, month in found}


def _make(connection: psycopg.Connection[Any], table: str, low: int, high: int) -> bool:
    """Made beside the table and then attached: attaching lets readers and writers of other months go on."""
    name, column = _name(table, low), COLUMNS[table]
    span = f"{column} >= {low} AND {column} < {high}"
    connection.execute("SAVEPOINT partition")
    try:
        for statement in (
            "SET LOCAL lock_timeout = '300ms'",
            f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)",
            f"WITH moved AS (DELETE FROM {table}_default WHERE {span} RETURNING *)"  # noqa: S608
            f" INSERT INTO {name} SELECT * FROM moved",
            f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({low}) TO ({high})",
            "SET LOCAL lock_timeout = '5s'",
        ):
            connection.execute(statement)
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DuplicateTable) as error:
        connection.execute("ROLLBACK TO partition")
        log.warning("store_partition_not_made", partition=name, reason=error.diag.message_primary)
        return False
    finally:
        if not connection.broken:
            _release(connection)
    return True


def _release(connection: psycopg.Connection[Any]) -> None:
    if connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS:
        connection.execute("RELEASE partition")
