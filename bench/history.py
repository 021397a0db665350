"""`python -m bench.history`: a store with millions of calls of one year, with all that the pages read beside them.

Facets, tallies, moments and contacts are worked out by the functions that the recorder uses, but once for each shape
of a call and not for each call; so the store is what the recorder would have written, a thousand times as fast. A
test holds that. What belongs to people (notes, views, who owns a moment) is not there.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import re
import shutil
import signal
import sqlite3
import sys
import time
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing import get_context
from pathlib import Path

import click

from bench import history_calls
from bench.big_store import (
    FAST,
    INSERT_CALL,
    INSERT_GROUP,
    Day,
    Say,
    days,
    insert_customers,
    made_ahead,
    new_store,
    telling,
)
from bench.history_day import Batch, DayMaker, Town
from pbx_bridge.calls import contacts, tally
from pbx_bridge.calls.contacts import Contact
from pbx_bridge.errors import BridgeError, StoreError
from pbx_bridge.store import open_store
from pbx_bridge.store.derived.tallies import BLOCK, BLOCKS
from pbx_bridge.store.moment_rows import DAY_US
from pbx_bridge.store.reached import BEFORE_ALL, Reached
from pbx_bridge.store.times import from_us
from pbx_bridge.values.dates import TEHRAN

CALLS = 10_000_000
DAYS = 365
USER, PASSWORD = "bench", "a password of the bench"
HOME = Path(__file__).resolve().parents[1] / "var" / "history"

_WITH_BODIES = 500_000  # calls: above that, the calls of a shape share one, see DayMaker
_EACH_CUSTOMER_CALLS = 50  # so many times in the year, at the mean
_LOW = 0xFFFFFFFF
_PLACES = re.sub(r":\w+", "?", INSERT_CALL).rstrip(" )\n")
_INSERT = f"{_PLACES})"
_RECORDING = (
    "INSERT INTO recording (node, file, channel, call_id, started_at_us, state, path, length_us, bytes, sha256)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_MOMENT = "INSERT INTO moment (call_id, kind, at_us, detail, agent) VALUES (?, ?, ?, ?, ?)"
_THIRD = (
    "INSERT INTO moment (call_id, kind, at_us, agent)"
    " SELECT call_id, 'third', started_at_us, agent FROM call WHERE call_no = ?"
)
_MOMENT_DAYS = (
    f"INSERT INTO moment_day (kind, state, day, n) SELECT kind, state, at_us / {DAY_US}, COUNT(*)"  # noqa: S608 - ours
    " FROM moment GROUP BY 1, 2, 3"
)
_FACET = "INSERT INTO facet (id, kind, value) VALUES (?, ?, ?)"
_CALL_FACET = "INSERT INTO call_facet (facet, started_at_us, call_no) VALUES (?, ?, ?)"
_TALLY = "INSERT INTO tally (name, day, part, n, total) VALUES (?, ?, ?, ?, ?)"
# What a store follows from: when one of these changes, another is made.
_OURS = Path(__file__).resolve().parent
_THEIRS = _OURS.parent / "pbx_bridge"
_SOURCES = (
    *(_OURS / f"{name}.py" for name in ("history", "history_day", "history_calls", "made_calls", "big_store")),
    *sorted((_THEIRS / "store" / "migrations").glob("*.sql")),
    *(_THEIRS / "store" / "derived" / f"{name}.py" for name in ("facets", "tallies", "moments")),
    *(_THEIRS / "calls" / f"{name}.py" for name in ("call", "facets", "tally", "contacts", "moments")),
)


def kept(calls: int, say: Say, home: Path = HOME) -> Path:
    """The folder of a store with so many calls: one made before, if nothing it depends on has changed since.

    Raises:
        StoreError: none can be made.
    """
    folder = home / f"{calls}-{_content_key()}"
    if not (folder / "made").exists():
        for old in home.glob(f"{calls}-*"):
            shutil.rmtree(old)
        say(f"making a store of {calls:,} calls: {folder.name}")
        try:
            make(folder / "store.db", calls, say=say)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        (folder / "made").touch()
    asyncio.run(_mark_worked_out(folder / "store.db"))
    return folder


def calls_in(folder: Path) -> int:
    """How many calls the store in this folder has. Raises sqlite3.Error: there is none."""
    with closing(sqlite3.connect(f"{(folder / 'store.db').absolute().as_uri()}?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT MAX(call_no) FROM call").fetchone()[0])


def customers_of(calls: int) -> int:
    """How many customers there are in a store of so many calls."""
    return max(200, calls // _EACH_CUSTOMER_CALLS)


def _content_key() -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in _SOURCES)).hexdigest()[:12]


def make(path: Path, calls: int, *, say: Say, workers: int | None = None) -> None:
    """A new store at `path` with so many calls. An interrupted one is removed.

    Raises:
        StoreError: there is a store already, or none can be made.
    """
    if path.exists():
        raise StoreError(f"{path} is there already: name another folder, or remove it")
    try:
        asyncio.run(new_store(path))
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            for pragma in FAST:
                db.execute(f"PRAGMA {pragma}").fetchall()
            _Filling(db, calls, say).fill(workers or os.cpu_count() or 1)
        asyncio.run(_finish(path))
    except BaseException:
        for end in ("", "-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
        raise


async def _finish(path: Path) -> None:
    """What the store itself has to write: who may sign in, and who answers."""
    async with open_store(path, folding=False, zone=TEHRAN) as store:
        await store.users.create(USER, PASSWORD, "lead")
        await store.agents.fill(history_calls.AGENTS)


async def _mark_worked_out(path: Path) -> None:
    """Spare the store from walking all calls again. How it numbers its parts is nothing that the store depends on."""
    there = Reached(place=BEFORE_ALL, complete=True)
    async with open_store(path, folding=False, zone=TEHRAN) as store:
        await store.writer.submit(lambda transaction: store.backfill._move(transaction, there))


class _Filling:
    """Fills a store that is empty."""

    def __init__(self, db: sqlite3.Connection, calls: int, say: Say) -> None:
        self._db, self._calls, self._say = db, calls, say
        self._town = Town(customers_of(calls))
        self._maker = DayMaker(self._town, history_calls.shapes(), share=calls > _WITH_BODIES)
        self._starts = array("q")  # of each call, in order: calls are numbered from 1 on
        self._common: dict[int, array[int]] = {}  # the calls of each facet that many have
        self._own = array("Q")  # see Batch
        self._counts: Counter[tally.Key] = Counter()
        self._totals: Counter[tally.Key] = Counter()
        self._thirds = array("I")  # calls that are somebody's third within a week

    def fill(self, workers: int) -> None:
        """Everything, the indexes last."""
        indexes = self._drop_indexes()
        with get_context("fork").Pool(workers, _start, (self._maker,)) as pool:
            tell = telling(self._calls, self._say)
            for batch in made_ahead(pool, _batch, days(self._calls, DAYS), ahead=2 * workers):
                self._put(batch)
                tell(len(self._starts))
        insert_customers(self._db, self._town.customers)
        for part in (self._facets, self._contacts, self._tallies):
            self._say(part.__name__.strip("_"))
            with self._one_transaction():
                part()
        for name, sql in indexes:
            self._say(f"index {name}")
            self._db.execute(sql)
        with self._one_transaction():
            self._db.executemany(_THIRD, ((no,) for no in sorted(self._thirds)))
            self._db.execute(_MOMENT_DAYS)
        for pragma in ("locking_mode = NORMAL", "journal_mode = WAL"):
            self._db.execute(f"PRAGMA {pragma}").fetchall()

    def _drop_indexes(self) -> list[tuple[str, str]]:
        indexes = self._db.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
            " AND tbl_name IN ('call', 'call_group', 'recording', 'moment')"
        ).fetchall()
        for name, _ in indexes:
            self._db.execute(f"DROP INDEX {name}")
        return indexes

    @contextmanager
    def _one_transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        yield
        self._db.execute("COMMIT")

    def _put(self, batch: Batch) -> None:
        first = len(self._starts) + 1
        self._starts += batch.starts
        with self._one_transaction():
            self._db.executemany(INSERT_GROUP, zip(range(first, len(self._starts) + 1)))
            self._db.executemany(_INSERT, batch.rows)
            self._db.executemany(_RECORDING, batch.recordings)
            self._db.executemany(_MOMENT, batch.moments)
        for number, calls in batch.common.items():
            self._common.setdefault(number, array("I")).extend(calls)
        self._own += batch.own
        self._counts.update(batch.counts)
        self._totals.update(batch.totals)

    def _facets(self) -> None:
        """In the order of the key, so that each row comes last."""
        book, starts = self._maker.book, self._starts
        self._db.executemany(_FACET, ((number, *facet) for facet, number in book.common.items()))
        for number in sorted(self._common):
            calls = self._common[number]
            self._db.executemany(_CALL_FACET, ((number, starts[no - 1], no) for no in calls))
        self._own = array("Q", sorted(self._own))
        for number, some in itertools.groupby(self._own, key=lambda one: one >> 32):
            if number < book.first_ticket:
                continue
            self._db.execute(_FACET, (number, *book.own(number)))
            self._db.executemany(_CALL_FACET, ((number, starts[(one & _LOW) - 1], one & _LOW) for one in some))

    def _contacts(self) -> None:
        """What the calls of each person say of each other."""
        book = self._maker.book
        for number, some in itertools.groupby(self._own, key=lambda one: one >> 32):
            if number >= book.first_ticket:
                return
            calls = {Contact(at_us=self._starts[(one & _LOW) - 1], call_id=""): one & _LOW for one in some}
            for contact, standing in contacts.standings(list(calls)).items():
                n, total = tally.contact_count(standing)
                if n:
                    key = ("contact", tally.day_of(from_us(contact.at_us), TEHRAN), "")
                    self._counts[key] += n
                    self._totals[key] += total
                if standing.third:
                    self._thirds.append(calls[contact])

    def _tallies(self) -> None:
        for (name, day, part), n in list(self._counts.items()):
            block = (name + BLOCKS, day // BLOCK, part)
            self._counts[block] += n
            self._totals[block] += self._totals[name, day, part]
        keys = sorted(key for key, n in self._counts.items() if n or self._totals[key])
        self._db.executemany(_TALLY, ((*key, self._counts[key], self._totals[key]) for key in keys))


_maker: list[DayMaker] = []  # of this worker


def _start(maker: DayMaker) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the writer is told, and ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _maker.append(maker)


def _batch(day: Day) -> Batch:
    return _maker[0].batch(day)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--calls", type=click.IntRange(min=1), default=CALLS, show_default=True, help="How many.")
def main(calls: int) -> None:
    """Make a store with millions of calls of one year below var/history, and print its folder.

    Kept for the next time: the same is not made twice. Uses every core. Ctrl-C stops it and removes what was made.

    \b
    Example:
      .venv/bin/python -m bench.history --calls 300000
    """
    begun = time.monotonic()

    def say(text: str) -> None:
        click.echo(f"[{time.monotonic() - begun:6.1f} s] {text}", err=True)

    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    try:
        folder = kept(calls, say)
    except (OSError, BridgeError, sqlite3.Error) as error:
        click.echo(f"history: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("history: interrupted, nothing left behind", err=True)
        sys.exit(130)
    size = (folder / "store.db").stat().st_size
    say(f"{calls:,} calls, {size / 1e9:.2f} GB, {size / calls:,.0f} bytes a call")
    click.echo(folder)


if __name__ == "__main__":
    main()
