"""No statement walks through what grows with the calls: SQLite tells how it would answer each.

On an empty store SQLite knows no counts, so what it chooses here it chooses at any size.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from pbx_bridge.store.migrate import migrate, shipped
from pbx_bridge.store.sql import SQL

GROWS = frozenset(
    {
        "audit",
        "call",
        "call_facet",
        "call_group",
        "call_key",
        "call_note",
        "fact",
        "fact_pack",
        "moment",
        "packed_key",
    }
    | {"recording"}
)

# What a person asks for once, with a progress bar; or an index that holds only what is still to do.
WALKS = {
    "count_walked": "call by call, for the progress of `db work-out`",
    "count_groups": "for the progress of `calls rebuild`",
    "count_to_pack": "call_group_unpacked",
    "dirty_groups": "call_group_unsettled",
    "broken_groups": "call_group_unsettled",
    "calls_in_progress": "call_group_unsettled",
}


@pytest.fixture(scope="module")
def db() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        migrate(db, shipped())
        yield db


def _plan(db: sqlite3.Connection, statement: str) -> list[str]:
    values = dict.fromkeys(re.findall(r"(?<!:):([a-z_0-9]+)", statement), 0)
    return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}", values)]


def _aliases(statement: str) -> dict[str, str]:
    named = re.findall(r"(?:FROM|JOIN|,)\s+([a-z_]+)\s+(?:AS\s+)?([a-z_]+)", statement)
    return {alias: table for table, alias in named}


@pytest.mark.parametrize("name", [name for name, text in SQL.items() if "{" not in text])
def test_what_grows_is_not_walked_through(db: sqlite3.Connection, name: str) -> None:
    known = _aliases(SQL[name])
    walked = [line for line in _plan(db, SQL[name]) if line.startswith("SCAN")]
    of_grown = [line for line in walked if known.get(line.split()[1], line.split()[1]) in GROWS]

    if why := WALKS.get(name):
        assert len(of_grown) == 1, of_grown
        assert not why.startswith("call_group_") or of_grown[0].endswith(f"USING INDEX {why}")
    else:
        assert of_grown == []
