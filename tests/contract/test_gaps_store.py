"""Gaps, rows set aside and the ledger, on every engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from store_facts import NODE, NOON, at, begun, quick_store, revisions, whole

from pbx_bridge.calls.source import Cursor, Unreadable
from pbx_bridge.store import Store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.gaps import Gap, GapNews, GapState, Heard


@pytest.fixture
async def store(place: StorePlace) -> AsyncIterator[Store]:
    async with quick_store(place) as opened:
        yield opened


def gap(source: str = "cel", since: float = 0, **fields: object) -> Gap:
    plain = Gap(node=NODE, source=source, since=at(since), until=at(since + 10), reason="\ud800 away")
    return replace(plain, **fields)  # type: ignore[arg-type]


def news(*gaps: Gap, **fields: object) -> GapNews:
    return replace(GapNews(node=NODE, at=at(100), heard={}, gaps=gaps), **fields)  # type: ignore[arg-type]


async def test_up_to_when_each_source_was_heard(store: Store) -> None:
    await store.gaps.post(news(heard={"cel": Heard(at=NOON, file="cel:1"), "ari": Heard(at=NOON)}))
    await store.gaps.post(news(heard={"cel": Heard(at=at(5), file="cel:2")}))
    assert await store.gaps.heard(NODE) == {"cel": Heard(at=at(5), file="cel:2"), "ari": Heard(at=NOON)}
    assert await store.gaps.heard("pbx2") == {}


async def test_what_becomes_of_gaps(store: Store) -> None:
    lost, going = gap(since=20, lost=True), gap("queue", until=None)
    await store.gaps.post(news(gap(), lost, going, gap("ari"), gap("ami", until=None)))
    assert {g.source: g.state for g in await store.gaps.windows() if not g.lost} == {
        "cel": GapState.OPEN,
        "queue": GapState.OPEN,
        "ari": GapState.UNHEARD,
        "ami": GapState.OPEN,
    }
    assert len(await store.gaps.windows(unread=True)) == 4
    await store.gaps.post(news(filled={"cel", "queue"}))
    assert [g.state for g in await store.gaps.windows() if g.source == "cel"] == [GapState.LOST, GapState.READ]
    assert [g.read_at for g in await store.gaps.windows() if g.source == "queue"] == [None]  # it goes on
    await store.gaps.post(news(replace(lost, lost=False, reason="more")))
    assert [g.reason for g in await store.gaps.windows() if g.lost] == ["more"]  # a loss stays one


async def test_gaps_by_time_and_number(store: Store) -> None:
    await store.gaps.post(news(*(gap(since=n) for n in range(0, 100, 20))))
    assert [g.since for g in await store.gaps.windows(since=at(70))] == [at(80), at(60)]
    assert [g.since for g in await store.gaps.windows(limit=1)] == [at(80)]
    assert (await store.gaps.windows())[0].reason == "? away"


async def test_what_the_record_may_lack(store: Store) -> None:
    assert (await store.gaps.shortfall()).unreadable == 0
    aside = [Unreadable(node=NODE, file="cel:1", offset=n, body=f"b{n}", reason="r") for n in range(7)]
    await store.journal.add((), unreadable=aside)
    await store.gaps.post(news(*(gap(since=n, until=None) for n in range(9))))
    told = await store.gaps.shortfall()
    assert (told.unreadable, len(told.latest), len(told.gaps)) == (7, 3, 5)
    assert [row.record for row in await store.gaps.set_aside()] == aside[::-1]
    assert len(await store.gaps.set_aside(2)) == 2


async def test_what_is_on_record_under_a_channel(store: Store) -> None:
    await revisions(store, [*whole("1.1"), *begun("1.2", 60)], 2)
    one, other, none = await store.ledger.entries(NODE, [{"1.1"}, {"1.2", "9.9"}, {"9.9"}])
    assert [call.root for call in one.calls] == ["1.1"]
    assert [call.root for call in other.calls] == ["1.2"]
    assert (none.calls, none.folding) == ((), False)
    assert [entry.calls for entry in await store.ledger.entries("pbx2", [{"1.1"}])] == [()]


async def test_how_far_files_were_read(store: Store) -> None:
    await store.journal.add((), cursors=[Cursor(node=NODE, source="cel", file="cel:1", offset=70)])
    [reach] = await store.ledger.reaches(NODE)
    assert (reach.source, reach.file, reach.offset) == ("cel", "cel:1", 70)


async def test_calls_in_progress(store: Store) -> None:
    await revisions(store, [*whole("1.1"), *begun("1.2", 60)], 2)
    [call] = await store.ledger.open_calls(NODE, at(61))
    assert (call.root, call.keys) == ("1.2", frozenset({"1.2"}))
    assert await store.ledger.endless_channels(call) == ["1.2"]
    assert await store.ledger.open_calls(NODE, at(60)) == []
