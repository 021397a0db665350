"""The measure of lists: what the peer runs gives the very rows that ours gives."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bench import big_store
from bench.desk import Desk
from bench.figure import CannotMeasure
from bench.measures import lists
from pbx_bridge.store import open_store

PLACES = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("lists")
    big_store.make(made / "store.db", 30_000, customers=100, say=lambda _: None, workers=2)
    return made


@pytest.mark.parametrize("kind", lists.KINDS)
async def test_ours_and_the_peer_get_the_same_calls(folder: Path, kind: str) -> None:
    with closing(sqlite3.connect(folder / "store.db")) as db:
        places = lists.Places(db, random.Random(1))
        found = 0
        async with open_store(folder / "store.db", folding=False) as store:
            for _ in range(PLACES):
                where = places.one(kind)
                ours = [row.call.call_id for row in await store.calls.page(**where, limit=50)]
                bare = [row[3] for row in db.execute(*await lists.statement(where)).fetchall()]
                assert (bare[::-1] if kind == "back" else bare) == ours
                found += len(ours)
    assert found > PLACES


def test_every_kind_has_a_figure() -> None:
    assert [name for name in lists.NAMES if name.startswith("list_")] == [f"list_{kind}_p99" for kind in lists.KINDS]


async def test_a_folder_without_a_store_cannot_be_measured(tmp_path: Path) -> None:
    with pytest.raises(CannotMeasure, match=r"no store\.db there"):
        await lists.measure(Desk(say=lambda _: None, quick=True, big=tmp_path))
