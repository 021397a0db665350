"""PostgreSQL takes what SQLite takes: every named statement, and the same tables and columns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from harness.postgres import Server
from store_facts import EVERY_STATEMENT

from pbx_bridge.store.address import Address
from pbx_bridge.store.migrate import migrate, shipped
from pbx_bridge.store.postgres.db import translate
from pbx_bridge.store.sql import SQL

_OURS = {"store_turn"}  # SQLite's file lock does its work


@pytest.fixture(scope="module")
def migrated(server: Server) -> Address:
    address = server.new_database()
    with psycopg.connect(address.url, autocommit=True) as db:
        for migration in shipped("postgres"):
            db.execute(migration.text.encode())
    return address


@pytest.fixture
def db(migrated: Address) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(migrated.url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("name", EVERY_STATEMENT)
def test_postgresql_takes_it(db: psycopg.Connection[Any], name: str) -> None:
    text, count = translate(EVERY_STATEMENT[name]).text, 0
    seen: dict[str, str] = {}
    while (start := text.find("%(")) >= 0:
        end = text.index(")s", start) + 2
        count = len(seen)
        text = text[:start] + seen.setdefault(text[start:end], f"${count + 1}") + text[end:]
    prepared = db.pgconn.prepare(b"", text.replace("%%", "%").encode())
    assert prepared.status == psycopg.pq.ExecStatus.COMMAND_OK, prepared.get_error_message()


def test_both_engines_have_the_same_tables_and_columns(db: psycopg.Connection[Any]) -> None:
    told = db.execute(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        " AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum"
    ).fetchall()
    mine: dict[str, list[str]] = {}
    for table, column in told:
        mine.setdefault(table, []).append(column)
    assert {name: columns for name, columns in mine.items() if name not in _OURS} == _of_sqlite()


def _of_sqlite() -> dict[str, list[str]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        migrate(db, shipped())
        query = (
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'migration'"
        )
        tables = [name for (name,) in db.execute(query)]
        return {t: [row[1] for row in db.execute(f"PRAGMA table_info({t})")] for t in sorted(tables)}


def test_both_engines_have_the_same_indexes(db: psycopg.Connection[Any]) -> None:
    query = (
        "SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid"
        " WHERE i.relnamespace = 'public'::regnamespace AND NOT i.relispartition"
        " AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.oid) ORDER BY 1"
    )
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as other:
        migrate(other, shipped())
        theirs = other.execute("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1")
        assert db.execute(query).fetchall() == theirs.fetchall()


def test_both_engines_number_their_migrations_alike() -> None:
    assert [m.version for m in shipped()] == [m.version for m in shipped("postgres")]


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("SELECT ':a', x FROM t WHERE y = :b_1 -- :c 'd", "SELECT ':a', x FROM t WHERE y = %(b_1)s -- :c 'd"),
        (
            "SELECT x::text, 'it''s :q' WHERE x LIKE '%' AND y % 2 = :y",
            "SELECT x::text, 'it''s :q' WHERE x LIKE '%%'",
        ),
    ],
)
def test_parameters_are_told_from_texts(statement: str, text: str) -> None:
    assert translate(statement).text.startswith(text)


def test_a_unique_key_of_a_partitioned_table_has_its_column() -> None:
    fact, call = translate(SQL["insert_fact"]), translate(SQL["upsert_call"])
    assert "ON CONFLICT (node, file, at_offset, at_us) DO NOTHING" in fact.text
    assert (fact.table, fact.first) == ("fact", "")
    assert "ON CONFLICT (call_id, started_at_us) DO UPDATE" in call.text
    assert call.first == (
        "UPDATE call SET started_at_us = %(started_at_us)s"
        " WHERE call_id = %(call_id)s AND started_at_us <> %(started_at_us)s"
    )
    assert translate(SQL["insert_key"]).table == ""
