"""Moments are found and counted as looking at each of them would, and never by looking at each."""

from __future__ import annotations

import random
import re
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from kept_calls import Keeper
from plain_call import plain_call
from store_facts import NOON, QUICK
from store_places import query

from pbx_bridge.calls.call import call_id
from pbx_bridge.calls.moments import MomentKind
from pbx_bridge.store import Store, moment_lists, open_store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.migrate import migrate, shipped
from pbx_bridge.store.moment_rows import DAY_US
from pbx_bridge.store.moments import MomentLine, MomentState, Search
from pbx_bridge.store.reports import Reports

TEHRAN = ZoneInfo("Asia/Tehran")
USERS, AGENTS = ("sara", "ali"), ("101", "102")


@pytest.fixture
async def store(place: StorePlace) -> AsyncIterator[Store]:
    """Some hundred moments of a fortnight, a third of them worked on; some calls begin at the same moment."""
    rng = random.Random(14)
    async with open_store(place, folding=False, zone=TEHRAN, limits=QUICK) as opened:
        await opened.backfill.finish()
        await Keeper(opened, TEHRAN).keep(
            plain_call(
                start := NOON + timedelta(hours=rng.randrange(336)),
                call_id=call_id("pbx1", f"1.{number}"),
                root=f"1.{number}",
                ended_at=start + timedelta(seconds=30),
                caller=rng.choice(("09121234567", "09350000000", "")),
                agents=tuple(rng.sample(AGENTS, rng.randrange(2))),
                wait_us=rng.choice((0, 0, 200_000_000)),
                fallback=rng.random() < 0.1,
                left_voicemail=rng.random() < 0.3,
            )
            for number in range(150)
        )
        for line in await opened.moments.list(Search(limit=1000)):
            if rng.random() < 0.4:
                state, owner = rng.choice(list(MomentState)), rng.choice(("", *USERS))
                book = opened.moments
                assert await book.change(line.call_id, line.kind, state=state, owner=owner, note="", by="lead")
        yield opened


def _holds(line: MomentLine, search: Search) -> bool:
    user, agent = search.own or ("", "")
    return (
        search.state in (None, line.state)
        and search.kind in (None, line.kind)
        and search.owner in ("", line.owner)
        and (search.start is None or line.at >= search.start)
        and (search.end is None or line.at < search.end)
        and (search.own is None or line.owner == user or bool(agent and line.agent == agent))
    )


async def test_every_list_is_what_looking_at_each_would_give(store: Store) -> None:
    every = await store.moments.list(Search(state=None, limit=1000))
    assert len(every) > 100
    places = [(line.at, line.call_id, line.kind.value) for line in every]
    assert places == sorted(set(places), reverse=True)
    owns = (None, ("sara", ""), ("sara", "101"), ("ali", "102"))
    spans = ((None, None), (NOON + timedelta(days=2), NOON + timedelta(days=9)))
    met = 0
    for state, kind, owner, own, (start, end) in product(
        (None, *MomentState), (None, *MomentKind), ("", "sara"), owns, spans
    ):
        search = Search(state=state, kind=kind, owner=owner, own=own, start=start, end=end, limit=7)
        expected = [line for line in every if _holds(line, search)]
        assert await _pages(store, search) == expected, search
        met += len(expected)
    assert met > 1000


async def _pages(store: Store, search: Search) -> list[MomentLine]:
    found: list[MomentLine] = []
    while some := await store.moments.list(search):
        found += some
        search = replace(search, after=some[-1].place)
    return found


async def test_days_are_counted_as_counting_each_would(store: Store) -> None:
    every = await store.moments.list(Search(state=None, limit=1000))
    first = NOON.astimezone(TEHRAN).date()
    for zone, begun, days in product((UTC, TEHRAN, ZoneInfo("America/New_York")), range(0, 14, 3), (1, 2, 5, 30)):
        reports = Reports(store.backfill._reader, zone)
        start, end = first + timedelta(days=begun), first + timedelta(days=begun + days - 1)
        told = {(kind, s): n for kind, by in (await reports.moments(start, end)).items() for s, n in by.items()}
        assert told == _counted(every, zone, start, end)


def _counted(lines: Sequence[MomentLine], zone: tzinfo, start: date, end: date) -> Counter[tuple[str, str]]:
    return Counter(
        (line.kind.value, line.state.value) for line in lines if start <= line.at.astimezone(zone).date() <= end
    )


async def test_no_list_walks_all_moments(place: StorePlace, store: Store) -> None:
    if not isinstance(place, Path):
        pytest.skip("what a plan of SQLite's is")
    for kind, state, owner, own, agent in product(("", "cut"), ("", "open"), *([(False, True)] * 3)):
        statement = moment_lists.page(kind, state, owner=owner, own=own, agent=agent)
        plan = [row[-1] for row in query(place, f"EXPLAIN QUERY PLAN {re.sub(r':[a-z_]+', '1', statement)}")]
        assert not [line for line in plan if re.match(r"SCAN (moment|call)\b", line)], (statement, plan)
        looked = [line for line in plan if re.match(r"SEARCH moment USING", line)]
        assert all("at_us" in line or "call_id=? AND kind=?" in line for line in looked), plan


def test_moments_from_before_there_were_counts_are_counted() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        before = [one for one in shipped() if one.version < 14]
        migrate(db, before)
        for call, at_us, state in (
            ("a", -1, "open"),
            ("b", DAY_US - 1, "open"),
            ("c", 0, "open"),
            ("d", DAY_US, "done"),
        ):
            row = {"call_id": call, "kind": "cut", "at_us": at_us, "state": state}
            db.execute(
                "INSERT INTO moment (call_id, kind, at_us, state) VALUES (:call_id, :kind, :at_us, :state)", row
            )
        migrate(db, shipped())
        days = db.execute("SELECT kind, state, day, n FROM moment_day ORDER BY day").fetchall()
    assert days == [("cut", "open", -1, 1), ("cut", "open", 0, 2), ("cut", "done", 1, 1)]


def test_a_moment_of_the_list_has_a_place() -> None:
    line = MomentLine(
        call_id="x",
        kind=MomentKind.CUT,
        at=datetime(2026, 11, 21, tzinfo=UTC),
        detail="",
        state=MomentState.OPEN,
        owner="",
        note="",
        changed_at=None,
        changed_by="",
        is_there=True,
    )
    assert line.place == "1795219200000000.x.cut"
