"""A look into a store of either engine, past all of our code."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from pbx_bridge.store.address import StorePlace


def query(place: StorePlace, statement: str) -> list[Any]:
    """The rows of a query."""
    if isinstance(place, Path):
        with closing(sqlite3.connect(place)) as db:
            return db.execute(statement).fetchall()
    with psycopg.connect(place.url) as server:
        return server.execute(statement.encode()).fetchall()
