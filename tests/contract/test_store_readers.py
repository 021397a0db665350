"""Reading: several at once, so that a page that takes long holds up no caller's lookup."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from pbx_bridge.errors import StoreError
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.database import Db, connect
from pbx_bridge.store.sqlite_readers import READERS


@pytest.fixture
async def made(place: StorePlace) -> StorePlace:
    async with connect(place) as database:
        await database.migrate()
    return place


class Long:
    """A piece of work that ends when it is told to."""

    def __init__(self) -> None:
        self.begun, self.end = threading.Event(), threading.Event()

    def __call__(self, db: Db) -> Any:
        self.begun.set()
        assert self.end.wait(30)
        return db.execute("SELECT 1").fetchone()[0]


async def test_a_long_read_holds_up_no_other(made: StorePlace) -> None:
    async with connect(made, reading=True) as reader:
        long = [Long() for _ in range(READERS - 1)]
        reading = [asyncio.create_task(reader.read(one)) for one in long]
        await asyncio.gather(*(asyncio.to_thread(one.begun.wait) for one in long))

        assert await reader.rows("SELECT 2") == [(2,)]

        for one in long:
            one.end.set()
        assert await asyncio.gather(*reading) == [1] * len(long)


async def test_who_was_cancelled_takes_no_connection_along(made: StorePlace) -> None:
    async with connect(made, reading=True) as reader:
        for _ in range(3 * READERS):
            long = Long()
            reading = asyncio.create_task(reader.read(long))
            await asyncio.to_thread(long.begun.wait)
            reading.cancel()
            long.end.set()
            await asyncio.gather(reading, return_exceptions=True)

        answers = await asyncio.gather(*(reader.rows("SELECT 3") for _ in range(3 * READERS)))
        assert answers == [[(3,)]] * len(answers)


async def test_closing_ends_every_thread(tmp_path: Path) -> None:
    place = tmp_path / "s.db"
    async with connect(place) as database:
        await database.migrate()
    before = set(threading.enumerate())
    async with connect(place, reading=True) as reader:
        long = [Long() for _ in range(READERS)]
        reading = [asyncio.create_task(reader.read(one)) for one in long]
        await asyncio.gather(*(asyncio.to_thread(one.begun.wait) for one in long))
        assert len(set(threading.enumerate()) - before) >= READERS
        for one in long:
            one.end.set()
        await asyncio.gather(*reading)
    left = [thread for thread in set(threading.enumerate()) - before if "connection_worker" in thread.name]
    for thread in left:  # it has told that it ends, and may be about to
        await asyncio.to_thread(thread.join, 10)
    assert not [thread for thread in left if thread.is_alive()]


async def test_a_reader_of_sqlite_writes_nothing(tmp_path: Path) -> None:
    place = tmp_path / "s.db"
    async with connect(place) as database:
        await database.migrate()
    async with connect(place, reading=True) as reader:
        with pytest.raises(StoreError, match="reading only"):
            await reader.transact(lambda db: db.execute("DELETE FROM call"))
        with pytest.raises(StoreError, match="cannot be read"):
            await reader.read(lambda db: db.execute("DELETE FROM call"))
