"""Both engines: a file of SQLite's, and a database of a real PostgreSQL server, started once for all the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.need import need
from harness.postgres import Server, program, running

from pbx_bridge.store.address import StorePlace


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server."""
    if program("initdb") is None:
        need("initdb")
    with running() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StorePlace]:
    """Where a new store is, of one engine and of the other."""
    if request.param == "sqlite":
        yield tmp_path / "s.db"
        return
    started: Server = request.getfixturevalue("server")
    database = started.new_database(empty=False)
    yield database
    started.drop(database)
