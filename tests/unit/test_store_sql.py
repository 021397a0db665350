"""The reader of named queries, and that every query is right."""

from __future__ import annotations

import sqlite3

import pytest
from store_facts import EVERY_STATEMENT

from pbx_bridge.store.migrate import migrate, shipped
from pbx_bridge.store.sql import read


def test_queries_by_name() -> None:
    assert read("\n-- one: gives one\nSELECT 1;\n\n-- two: gives\nSELECT\n  2;\n") == {
        "one": "SELECT 1",
        "two": "SELECT\n  2",
    }


@pytest.mark.parametrize(
    "text", ["SELECT 1;", "-- a: x\nSELECT 1;\n-- a: y\nSELECT 2;\n", "-- no description:\nSELECT 1"]
)
def test_queries_that_cannot_be_told_apart(text: str) -> None:
    with pytest.raises(ValueError, match=r"two queries|without a name"):
        read(text)


@pytest.mark.parametrize("name", EVERY_STATEMENT)
def test_sqlite_takes_it(name: str) -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    migrate(db, shipped())
    statement = EVERY_STATEMENT[name]
    names = {word.strip("(),;") for word in statement.replace("(", " ").split() if word.startswith(":")}
    db.execute(f"EXPLAIN {statement}", {word[1:].rstrip(")"): 1 for word in names})
    db.close()
