"""`python -m bench.big_store`: a store with millions of calls, in minutes, to measure queries on.

The tables, the columns and the encoding are the store's own; only the way in is not: nothing is folded per call, rows
go in by the day, nothing is flushed before the end, and the indexes of the calls are made last. Calls only: no facts
stand behind them, so nothing here can be rebuilt.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import re
import signal
import sqlite3
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from multiprocessing import get_context
from multiprocessing.pool import AsyncResult, Pool
from pathlib import Path
from typing import Any, TypeVar

import click

from bench.made_calls import Person, Shape, shapes
from pbx_bridge.errors import BridgeError, StoreError
from pbx_bridge.store import customers_found, open_store
from pbx_bridge.store.sql import SQL
from pbx_bridge.values.dates import TEHRAN

LAST_DAY = date(2026, 11, 20)
DAYS = 5 * 365
CUSTOMERS = 4000

_WEEK = (1.0, 1.0, 0.95, 0.55, 0.06, 1.2, 1.1)  # Monday first: Thursday is half a day, Friday is free
_HOURS = (1, 0, 0, 0, 0, 0, 1, 6, 40, 90, 110, 105, 80, 60, 75, 80, 60, 30, 12, 8, 6, 4, 3, 2)
_KNOWN = 0.7  # of the calls
_TELL_S = 2.0
_STRANGERS = 300_000  # numbers of people who are no customers
_NAMES = ("شرکت آریا صنعت", "بیمارستان مهر", "Parsa Trading", "فولاد سپاهان", "Nordlicht GmbH", "پخش البرز")
INSERT_CALL = SQL["upsert_call"].partition("ON CONFLICT")[0]
INSERT_GROUP = (
    "INSERT INTO call_group (id, node, dirty_since_us, settled, trouble) VALUES (?, 'pbx1', NULL, 2, '')"  # 2: packed
)
COLUMNS = tuple(re.findall(r":(\w+)", INSERT_CALL))
# What is lost when the machine dies is thrown away: no journal, no flush. Two workers sort an index.
FAST = (
    "journal_mode = OFF",
    "synchronous = OFF",
    "locking_mode = EXCLUSIVE",
    "cache_size = -1000000",
    "threads = 2",
)

Row = tuple[Any, ...]
Made = TypeVar("Made")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day's calls: how many, and the number of the first one."""

    on: date
    calls: int
    first: int


def days(calls: int, count: int = DAYS) -> list[Day]:
    """So many days, most of them working days, ever busier, `calls` in all."""
    dates = [LAST_DAY - timedelta(days=count - 1 - number) for number in range(count)]
    weights = [_WEEK[on.weekday()] * (0.7 + 0.6 * number / count) for number, on in enumerate(dates)]
    sums = list(itertools.accumulate(weights))
    ends = [round(calls * part / sums[-1]) for part in sums]
    return [
        Day(on=on, calls=end - first, first=first)
        for on, first, end in zip(dates, [0, *ends[:-1]], ends, strict=True)
    ]


class Crowd:
    """Who calls: customers, a few of them very often, and strangers."""

    def __init__(self, customers: int) -> None:
        self.customers = [
            Person.of(f"0912{number:07d}", f"C-{1000 + number}", _NAMES[number % len(_NAMES)])
            for number in range(customers)
        ]
        self._often = list(itertools.accumulate(1 / (number + 10) for number in range(customers)))

    def known(self, rng: random.Random, count: int) -> list[Person]:
        """So many customers, by how often they call."""
        return rng.choices(self.customers, cum_weights=self._often, k=count)

    @staticmethod
    def stranger(rng: random.Random) -> Person:
        """Somebody else; one of thirty hides the number."""
        if rng.random() < 1 / 30:
            return Person(number="", key="")
        number = rng.randrange(_STRANGERS)
        # Written as E.164 needs no parsing; the rest come as a trunk gives them, and are the customers above.
        return Person(number=f"+98935{number:07d}", key=f"+98935{number:07d}")


class Maker:
    """Makes a day's rows. One in each worker."""

    def __init__(self, customers: int) -> None:
        self._crowd = Crowd(customers)
        made = shapes()
        self._shapes = {known: [shape for shape in made if shape.known is known] for known in (True, False)}
        self._weights = {
            known: list(itertools.accumulate(shape.weight for shape in some)) for known, some in self._shapes.items()
        }

    def rows(self, day: Day) -> list[Row]:
        """The day's calls as rows of `upsert_call`, in the order they began."""
        rng = random.Random(day.first)
        starts = starts_of(day, rng)
        told = zip(starts, self._told_by(rng, day.calls), itertools.count(day.first), strict=False)
        return [_row(at_s, shape, person, number) for at_s, (shape, person), number in told]

    def _told_by(self, rng: random.Random, count: int) -> Iterator[tuple[Shape, Person]]:
        known = iter(self._crowd.known(rng, count))
        picked = {
            which: iter(rng.choices(some, cum_weights=self._weights[which], k=count))
            for which, some in self._shapes.items()
        }
        for _ in range(count):
            if rng.random() < _KNOWN:
                yield next(picked[True]), next(known)
            else:
                yield next(picked[False]), self._crowd.stranger(rng)


def _row(at_s: int, shape: Shape, person: Person, number: int) -> Row:
    days_since, second = divmod(at_s, 86_400)
    told = shape.told(at_s=at_s, days=dates_of(days_since), second=second, person=person, root=f"{at_s}.{number}")
    told["call_group"] = number + 1
    told["changed_at_us"] = (at_s + shape.length_s + 1) * 1_000_000
    return tuple([told[name] for name in COLUMNS])


def starts_of(day: Day, rng: random.Random) -> list[int]:
    """When the day's calls begin, seconds since 1970, in order."""
    midnight = int(datetime.combine(day.on, clock_time(), TEHRAN).timestamp())
    hours = rng.choices(range(24), weights=_HOURS, k=day.calls)
    return sorted(midnight + 3600 * hour + rng.randrange(3600) for hour in hours)


def dates_of(days_since: int) -> tuple[str, str]:
    """A day's date in UTC as times begin with it, `2026-11-21T`, and the next one's. Days since 1970."""
    if days_since not in _seen_dates:
        today = datetime.fromtimestamp(days_since * 86_400, UTC)
        _seen_dates[days_since] = (f"{today:%Y-%m-%dT}", f"{today + timedelta(days=1):%Y-%m-%dT}")
    return _seen_dates[days_since]


_seen_dates: dict[int, tuple[str, str]] = {}
_maker: list[Maker] = []  # of this worker


def _start(customers: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the writer is told, and ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _maker.append(Maker(customers))


def _rows(day: Day) -> list[Row]:
    return _maker[0].rows(day)


def make(path: Path, calls: int, *, customers: int = CUSTOMERS, say: Say, workers: int | None = None) -> None:
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
            _fill(db, calls, customers, workers or os.cpu_count() or 1, say)
    except BaseException:
        for end in ("", "-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
        raise


async def new_store(path: Path) -> None:
    """An empty store."""
    async with open_store(path, folding=False):
        pass


def _fill(db: sqlite3.Connection, calls: int, customers: int, workers: int, say: Say) -> None:
    indexes = db.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'call' AND sql IS NOT NULL"
    ).fetchall()
    for name, _ in indexes:
        db.execute(f"DROP INDEX {name}")
    insert_customers(db, Crowd(customers).customers)
    with get_context("fork").Pool(workers, _start, (customers,)) as pool:
        _insert_calls(db, made_ahead(pool, _rows, days(calls), ahead=2 * workers), telling(calls, say))
    for name, sql in indexes:
        say(f"index {name}")
        db.execute(sql)
    for pragma in ("locking_mode = NORMAL", "journal_mode = WAL"):
        db.execute(f"PRAGMA {pragma}").fetchall()


def made_ahead(pool: Pool, make_one: Callable[[Day], Made], some: Sequence[Day], ahead: int) -> Iterator[Made]:
    """What is made of each day in turn, made a few days ahead of whoever writes it."""
    coming: deque[AsyncResult[Made]] = deque()
    for day in some:
        coming.append(pool.apply_async(make_one, (day,)))
        if len(coming) > ahead:
            yield coming.popleft().get()
    while coming:
        yield coming.popleft().get()


def _insert_calls(db: sqlite3.Connection, batches: Iterator[list[Row]], tell: Callable[[int], None]) -> None:
    insert = re.sub(r":\w+", "?", INSERT_CALL)
    done = 0
    for rows in batches:
        db.execute("BEGIN")
        db.executemany(INSERT_GROUP, [(number,) for number in range(done + 1, done + len(rows) + 1)])
        db.executemany(insert, rows)
        db.execute("COMMIT")
        done += len(rows)
        tell(done)


def insert_customers(db: sqlite3.Connection, people: Sequence[Person]) -> None:
    """Customers, each with the one number they call from."""
    db.execute("BEGIN")
    db.executemany(
        SQL["upsert_customer"],
        [
            {"code": p.code, "name": p.name, "language": "fa", "tier": "standard", "agent": "", "pin_hash": ""}
            for p in people
        ],
    )
    db.executemany(
        SQL["upsert_contact"], [{"customer_code": p.code, "phone_e164": p.key, "name": p.name} for p in people]
    )
    customers_found.index(db, [p.code for p in people])
    db.execute("COMMIT")


def telling(calls: int, say: Say) -> Callable[[int], None]:
    """Tells now and then how many calls are done."""
    begun = time.monotonic()
    told = begun

    def tell(done: int) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= _TELL_S or done == calls:
            told = now
            say(f"{done:,} of {calls:,} calls, {done / (now - begun):,.0f}/s")

    return tell


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--calls", type=click.IntRange(min=1), default=10_000_000, show_default=True, help="How many.")
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for store.db; it may be used as PBX_BRIDGE_HOME afterwards.",
)
def main(calls: int, folder: Path) -> None:
    """Make a store with millions of calls of five years, to measure queries on.

    Uses every core. Ctrl-C stops it and removes what was made.

    \b
    Example:
      .venv/bin/python -m bench.big_store --calls 1000000 --to var/big
    """
    path = folder / "store.db"
    begun = time.monotonic()

    def say(text: str) -> None:
        click.echo(f"[{time.monotonic() - begun:6.1f} s] {text}", err=True)

    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    try:
        make(path, calls, say=say)
    except (OSError, BridgeError, sqlite3.Error) as error:
        click.echo(f"big_store: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("big_store: interrupted, nothing left behind", err=True)
        sys.exit(130)
    size = path.stat().st_size
    say(f"{path}: {calls:,} calls, {size / 1e9:.2f} GB, {size / calls:,.0f} bytes a call")


if __name__ == "__main__":
    main()
