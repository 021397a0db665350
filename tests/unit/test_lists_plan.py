"""How the lists of calls are read: from an index that already has their order, from the very place they begin at."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping

import pytest

from pbx_bridge.store.lines import CALL_LINES, WHOLE_CALLS
from pbx_bridge.store.migrate import migrate, shipped

LISTS = sorted(name for name in WHOLE_CALLS if name.startswith(("page_", "newer_")))
RANGE = "started_at_us>? AND started_at_us<?"


@pytest.fixture(scope="module")
def db() -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(":memory:", isolation_level=None)
    migrate(opened, shipped())
    yield opened
    opened.close()


def plan(db: sqlite3.Connection, statement: str) -> list[str]:
    values = dict.fromkeys(re.findall(r":(\w+)", statement), 1)
    return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}", values)]


def test_every_list_goes_both_ways() -> None:
    assert {"page_calls", "page_calls_of_number"} <= set(LISTS)
    ways = {way: {name.removeprefix(way) for name in LISTS if name.startswith(way)} for way in ("page", "newer")}
    assert ways["page"] == ways["newer"]


@pytest.mark.parametrize("columns", [WHOLE_CALLS, CALL_LINES], ids=["calls", "lines"])
@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_read_from_its_place_in_an_index(
    db: sqlite3.Connection, name: str, columns: Mapping[str, str]
) -> None:
    lines = plan(db, columns[name])
    read = [line for line in lines if re.match("SCAN|SEARCH", line)]
    assert read
    assert all(re.match("SEARCH call USING INDEX call_by_", line) and RANGE in line for line in read), lines


@pytest.mark.parametrize("columns", [WHOLE_CALLS, CALL_LINES], ids=["calls", "lines"])
@pytest.mark.parametrize("name", LISTS)
def test_no_list_is_sorted_or_gathered_before_its_first_row(
    db: sqlite3.Connection, name: str, columns: Mapping[str, str]
) -> None:
    assert [line for line in plan(db, columns[name]) if "TEMP" in line or "MATERIALIZE" in line] == []


@pytest.mark.parametrize("condition", ["caller_number >= :number", "started_at_us + 0 >= :above_us"])
def test_a_list_without_an_index_would_be_seen(db: sqlite3.Connection, condition: str) -> None:
    wrong = f"SELECT body FROM call WHERE {condition} ORDER BY talk_us LIMIT :limit"  # noqa: S608 - ours
    lines = plan(db, wrong)
    assert not all(RANGE in line for line in lines)
    assert any("TEMP" in line for line in lines)
