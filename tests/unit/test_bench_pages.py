"""The history that the pages are measured on: what the recorder would have written; and what is asked of it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from bench import big_store, history, history_calls
from bench.history_day import DayMaker, Town
from bench.made_calls import columns_of
from bench.measures import page_list, page_report
from bench.pages_asked import Asked
from bench.pages_bare import Bare
from bench.pages_site import NOW, site_on, viewers
from pbx_bridge.calls.call import Direction, Outcome
from pbx_bridge.store import call_body, open_store
from pbx_bridge.values.dates import TEHRAN
from pbx_bridge.web.history import filters

CALLS = 4000
# What is worked out of calls, without the numbers that facets happen to get.
WORKED_OUT = {
    "facets": "SELECT f.kind, f.value, c.started_at_us, c.call_no FROM call_facet c JOIN facet f ON f.id = c.facet",
    "tally": "SELECT name, day, part, n, total FROM tally",
    "moments": "SELECT call_id, kind, at_us, detail, agent FROM moment",
    "moments by day": "SELECT kind, state, day, n FROM moment_day",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return history.kept(CALLS, lambda _: None, tmp_path_factory.mktemp("history"))


@pytest.fixture
def db(folder: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{folder / 'store.db'}?mode=ro", uri=True)) as opened:
        opened.row_factory = sqlite3.Row
        yield opened


async def test_all_that_is_worked_out_is_what_the_store_itself_works_out(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "store.db"
    shutil.copy(folder / "store.db", again)
    with closing(sqlite3.connect(again)) as db:
        for table in ("worked_out", "call_facet", "facet", "tally", "moment", "moment_day"):
            db.execute(f"DELETE FROM {table}")  # noqa: S608 - ours
        db.execute("UPDATE call SET facets = NULL")
        db.commit()
    async with open_store(again, folding=False, zone=TEHRAN) as store:
        assert await store.backfill.finish() == CALLS
    with closing(sqlite3.connect(folder / "store.db")) as made, closing(sqlite3.connect(again)) as worked_out:
        for name, query in WORKED_OUT.items():
            ours, theirs = (sorted(db.execute(query).fetchall()) for db in (made, worked_out))
            assert ours
            assert ours == theirs, name
        assert _told(made) == _told(worked_out)


def _told(db: sqlite3.Connection) -> list[tuple[str, ...]]:
    """What a list shows of each call, in order, and what else it is found by."""
    known = {number: f"{kind}:{value}" for number, kind, value in db.execute("SELECT id, kind, value FROM facet")}
    rows = db.execute("SELECT facets FROM call ORDER BY call_no").fetchall()
    halves = [[[known[int(number)] for number in half.split()] for half in text.split("|")] for (text,) in rows]
    return [(*told, "|", *sorted(others)) for told, others in halves]


async def test_nothing_is_left_to_be_worked_out(folder: Path) -> None:
    async with open_store(folder / "store.db", folding=False, zone=TEHRAN) as store:
        assert await store.backfill.finish() == 0
        assert await store.users.verify(history.USER, history.PASSWORD) is not None


def test_a_made_row_is_the_one_the_recorder_would_write(db: sqlite3.Connection) -> None:
    for row in db.execute("SELECT * FROM call"):
        call = call_body.decode(row["body"])
        _, body, content_hash = call_body.encode(call)
        assert (row["body"], row["content_hash"]) == (body, content_hash)
        wanted = {name: value for name, value in columns_of(call).items() if name not in ("call_no", "facets")}
        assert {name: row[name] for name in wanted} == wanted


def test_a_year_of_a_support_line(db: sqlite3.Connection) -> None:
    assert (
        db.execute("SELECT COUNT(*), COUNT(DISTINCT call_id), MAX(call_no) FROM call").fetchone()[:] == (CALLS,) * 3
    )
    first, last = db.execute("SELECT MIN(started_at_us), MAX(started_at_us) FROM call").fetchone()
    assert 350 < (last - first) / 86_400e6 < 366
    values: dict[str, set[str]] = {}
    for kind, value in db.execute("SELECT kind, value FROM facet"):
        values.setdefault(kind, set()).add(value)
    assert values["agent"] == set(history_calls.AGENTS)
    assert values["queue"] == set(history_calls.QUEUES)
    assert values["node"] == set(history_calls.FLOW_NODES)
    assert values["direction"] == set(Direction)
    assert len(values["outcome"]) >= len(Outcome) - 1
    assert {"ticket", "survey", "want", "rang", "wait", "talk"} <= values.keys()
    again = db.execute("SELECT total * 1.0 / n FROM tally WHERE name = 'contact' ORDER BY n DESC").fetchone()[0]
    assert 0 < again < 1
    assert db.execute("SELECT COUNT(*) FROM recording WHERE state = 'present'").fetchone()[0] > CALLS / 4


def test_calls_that_share_bodies_differ_in_nothing_else() -> None:
    day = next(day for day in big_store.days(40_000, history.DAYS) if day.calls > 30)
    made = [DayMaker(Town(200), history_calls.shapes(300), share=share).batch(day) for share in (False, True)]
    body, hashed = (big_store.COLUMNS.index(name) for name in ("body", "content_hash"))
    own, shared = (
        [[value for place, value in enumerate(row) if place not in (body, hashed)] for row in batch.rows]
        for batch in made
    )
    assert own == shared
    assert len({row[body] for row in made[1].rows}) <= len(made[0].rows)
    assert (made[0].counts, made[0].moments, list(made[0].own)) == (
        made[1].counts,
        made[1].moments,
        list(made[1].own),
    )


def test_a_store_is_made_once(folder: Path) -> None:
    said: list[str] = []
    assert history.kept(CALLS, said.append, folder.parent) == folder
    assert not said


def test_an_interrupted_one_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(_: str) -> None:
        if list(tmp_path.iterdir()):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        history.kept(500, lambda _: interrupt(_), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_kind_of_search_is_understood() -> None:
    asked, seen = Asked(200), set[str]()
    for kind in asked.kinds:
        for _ in range(5):
            query = dict(parse_qsl(urlsplit(asked.one(kind)).query))
            assert not filters.read(query, TEHRAN, NOW, persian=True).errors
            seen |= query.keys()
    assert seen >= {"number", "before", "after", "range", "from", "to", "customer", "ticket", *filters.CHOSEN}


async def test_ours_and_the_peer_find_the_same_calls(folder: Path) -> None:
    asked, beside = Asked(history.customers_of(CALLS), seed=3), page_list.Beside()
    async with open_store(folder / "store.db", folding=False, zone=TEHRAN) as store:
        with closing(sqlite3.connect(folder / "store.db")) as db:
            for kind in asked.kinds:
                for _ in range(4):
                    await page_list.both(store.calls, Bare(db), kind, asked.one(kind), beside)
    assert set(beside.kinds) == set(asked.kinds)
    assert beside.found > 100


async def test_the_site_shows_the_history_and_its_reports(folder: Path) -> None:
    async with site_on(folder) as (address, _), viewers(address, 1) as [session]:
        async with session.get("/calls") as answer:
            assert (await answer.text()).count('<tr id="call-') == 50
        for path in page_report.PATHS:
            async with session.get(path) as answer:
                assert answer.status == 200, path
