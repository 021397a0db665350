"""The store of millions: its calls are such as the store itself would have written, however they were made."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import big_store
from bench.made_calls import NODE, columns_of, shapes
from pbx_bridge.calls.call import call_id
from pbx_bridge.store import call_body, open_store
from pbx_bridge.values.dates import TEHRAN

CALLS = 3000


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("big") / "store.db"
    big_store.make(made, CALLS, customers=50, say=lambda _: None, workers=1)
    return made


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as opened:
        opened.row_factory = sqlite3.Row
        yield opened


def test_a_made_row_is_the_one_the_recorder_would_write(db: sqlite3.Connection) -> None:
    for row in db.execute("SELECT * FROM call"):
        call = call_body.decode(row["body"])
        _, body, content_hash = call_body.encode(call)
        assert (row["body"], row["content_hash"]) == (body, content_hash)
        wanted = columns_of(call)
        assert {name: row[name] for name in wanted} == wanted
        assert row["call_id"] == call.call_id == call_id(NODE, call.root)
        assert call.ended_at is not None
        assert call.started_at <= call.ended_at


def test_there_are_as_many_as_were_asked_for_and_the_indexes_are_back(db: sqlite3.Connection) -> None:
    assert db.execute("SELECT COUNT(*), COUNT(DISTINCT call_id), COUNT(DISTINCT root) FROM call").fetchone()[:] == (
        (CALLS,) * 3
    )
    assert db.execute("SELECT COUNT(*) FROM call JOIN call_group ON call_group.id = call.call_group").fetchone()[
        0
    ] == (CALLS)
    with closing(sqlite3.connect(":memory:")) as fresh:
        from pbx_bridge.store.migrate import migrate, shipped

        migrate(fresh, shipped())
        names = "SELECT name, sql FROM sqlite_schema ORDER BY name"
        assert [row[:] for row in db.execute(names)] == fresh.execute(names).fetchall()


def test_they_are_spread_as_a_support_line_has_them(db: sqlite3.Connection) -> None:
    calls = [call_body.decode(row[0]) for row in db.execute("SELECT body FROM call")]
    local = [call.started_at.astimezone(TEHRAN) for call in calls]
    years = {at.year for at in local}
    assert years == set(range(min(years), min(years) + len(years)))
    assert len(years) >= 5
    assert sum(8 <= at.hour < 17 for at in local) > CALLS * 0.8
    assert sum(at.weekday() == 4 for at in local) < CALLS * 0.05
    assert len({(call.direction, call.outcome) for call in calls}) >= 6
    known = Counter(call.customer_code for call in calls)
    assert 0.5 < 1 - known.pop("") / CALLS < 0.9
    assert max(known.values()) > 2 * sum(known.values()) / len(known)
    assert any(call.steps for call in calls)


async def test_the_store_opens_and_lists_them(path: Path) -> None:
    async with open_store(path, folding=False) as store:
        page = await store.calls.page(limit=50)
        assert len(page) == 50
        customer = next(row.call.customer_code for row in page if row.call.customer_code)
        assert {row.call.customer_code for row in await store.calls.page(customer=customer)} == {customer}


def test_shapes_are_many() -> None:
    made = shapes()
    assert len(made) > 200
    assert {shape.known for shape in made} == {True, False}
    assert all(shape.weight > 0 for shape in made)


def test_a_day_made_again_is_the_same() -> None:
    day = next(day for day in big_store.days(20_000) if day.calls > 3)
    assert big_store.Maker(20).rows(day) == big_store.Maker(20).rows(day)


@pytest.mark.parametrize("calls", [1, 7, 20_001])
def test_the_days_hold_every_call_once(calls: int) -> None:
    days = big_store.days(calls)
    assert sum(day.calls for day in days) == calls
    assert [day.first for day in days[1:]] == [day.first + day.calls for day in days[:-1]]


def test_a_store_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("mine")
    result = CliRunner().invoke(big_store.main, ["--calls", "5", "--to", str(tmp_path)])
    assert result.exit_code == 1
    assert "is there already" in result.output
    assert (tmp_path / "store.db").read_text() == "mine"


def test_an_interrupted_one_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        big_store.make(tmp_path / "store.db", 50, customers=5, say=interrupt, workers=1)
    assert list(tmp_path.iterdir()) == []
