"""What is counted beside the calls is always what counting them anew gives, whatever came in which order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from demo_history import morning
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kept_calls import Counts, Keeper, recounted, thirds, wrongs
from plain_call import plain_call
from store_facts import NODE, NOON, QUICK, SOON, at, revisions, step, whole
from store_places import query

from pbx_bridge.calls.call import Call, Direction, Outcome, Segment, SegmentKind, SurveyAnswer, call_id
from pbx_bridge.calls.moments import MomentKind
from pbx_bridge.store import Store, open_store, recorder
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.derived import backfill
from pbx_bridge.store.derived.backfill import Backfill
from pbx_bridge.store.moment_rows import DAY_US
from pbx_bridge.store.moments import MomentState, Search
from pbx_bridge.store.times import to_us

TEHRAN, BERLIN = ZoneInfo("Asia/Tehran"), ZoneInfo("Europe/Berlin")
HOUR, DAY = 3600.0, 86400.0


@asynccontextmanager
async def keeping(place: StorePlace) -> AsyncIterator[tuple[Store, Keeper]]:
    async with open_store(place, folding=False, zone=TEHRAN, limits=QUICK) as store:
        yield store, Keeper(store, TEHRAN)


def walk(store: Store, keeper: Keeper, zone: ZoneInfo = TEHRAN) -> Backfill:
    return Backfill(store.writer, store.backfill._reader, keeper.parts, zone=zone.key)


async def on_record(store: Store) -> list[Call]:
    return [row.call async for row in store.calls.since()]


def counts(place: StorePlace) -> Counts:
    rows = query(place, "SELECT name, day, part, n, total FROM tally")
    return {(name, day, part): (n, total) for name, day, part, n, total in rows}


def moments(place: StorePlace) -> set[tuple[str, str]]:
    """Those there are; how many a day has is held against them."""
    rows = query(place, "SELECT call_id, kind, state, at_us FROM moment")
    days = Counter((kind, state, at_us // DAY_US) for _, kind, state, at_us in rows)
    told = query(place, "SELECT kind, state, day, n FROM moment_day")
    assert {(kind, state, day): n for kind, state, day, n in told if n} == days
    return {(call_id, kind) for call_id, kind, _, _ in rows}


def call(number: int, seconds: float = 0.0, **told: Any) -> Call:
    started = at(seconds)
    values = {"call_id": call_id("pbx1", f"7.{number}"), "root": f"7.{number}", "caller": "09121234567"}
    return plain_call(started, **(values | {"ended_at": started + timedelta(seconds=30)} | told))


async def test_a_morning_is_counted_as_it_is(place: StorePlace) -> None:
    async with keeping(place) as (store, keeper):
        await walk(store, keeper).finish()
        await keeper.keep(morning())
        calls = await on_record(store)
        assert len(calls) == len(morning())
        assert counts(place) == recounted(calls, TEHRAN)
        assert moments(place) == wrongs(calls)


async def test_a_call_between_two_changes_what_is_said_of_both(place: StorePlace) -> None:
    async with keeping(place) as (store, keeper):
        await walk(store, keeper).finish()
        await keeper.keep([call(1), call(2, 10 * DAY)])
        assert [n for (name, _, _), n in sorted(counts(place).items()) if name == "contact"] == [(1, 0), (1, 0)]
        await keeper.keep([call(3, 5 * DAY)])
        assert [n for (name, _, _), n in sorted(counts(place).items()) if name == "contact"] == [(1, 1)]
        await keeper.keep([call(3, 5 * DAY, caller="09350000000")])
        assert sum(n for (name, _, _), (n, _) in counts(place).items() if name == "contact") == 3
        assert counts(place) == recounted(await on_record(store), TEHRAN)


async def test_the_third_call_of_a_week_is_found_though_it_came_first(place: StorePlace) -> None:
    async with keeping(place) as (store, keeper):
        await walk(store, keeper).finish()
        for number, day in ((3, 4.0), (1, 0.0), (2, 2.0)):
            await keeper.keep([call(number, day * DAY)])
        assert moments(place) == {(call(3).call_id, "third")}
        await keeper.merge(call(1).call_id, call(2, 2 * DAY))
        assert moments(place) == set() == thirds(await on_record(store))


async def test_a_call_that_goes_on_counts_when_it_is_over(place: StorePlace) -> None:
    async with keeping(place) as (store, keeper):
        await walk(store, keeper).finish()
        await keeper.keep([call(1, ended_at=None, outcome=None)])
        assert counts(place) == {}
        await keeper.keep([call(1)])
        assert counts(place) == recounted(await on_record(store), TEHRAN) != {}


async def test_another_zone_counts_every_call_anew(place: StorePlace) -> None:
    async with open_store(place, folding=False, zone=TEHRAN, limits=QUICK) as store:
        keeper = Keeper(store, TEHRAN)
        await walk(store, keeper).finish()
        await keeper.keep([call(number, number * 7 * HOUR) for number in range(9)])
        moved = Keeper(store, BERLIN)
        await walk(store, moved, BERLIN).step(4)
        await walk(store, moved, BERLIN).finish()
        assert counts(place) == recounted(await on_record(store), BERLIN)
        assert moments(place) == wrongs(await on_record(store))


async def test_counts_of_an_earlier_walk_are_dropped_some_at_a_time(
    place: StorePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "_FORGOTTEN", 1)
    async with keeping(place) as (store, keeper):
        await walk(store, keeper).finish()
        await keeper.keep([call(number, number * 7 * HOUR, wait_us=number * 10**8) for number in range(9)])
        moved, before = Keeper(store, BERLIN), len(counts(place))
        assert await walk(store, moved, BERLIN).step(5) == 5  # not one call is walked yet
        assert len(counts(place)) == before - 5
        assert moments(place) == wrongs(await on_record(store))  # these stay until their call is looked at
        await moved.keep([call(3, 5 * HOUR), call(10, 6 * HOUR), call(4, 1000 * HOUR)])
        assert len(counts(place)) == before - 5
        assert await walk(store, moved, BERLIN).finish() == 10
        assert counts(place) == recounted(await on_record(store), BERLIN)
        assert moments(place) == wrongs(await on_record(store))


async def test_a_call_that_cannot_be_folded_is_not_counted(
    place: StorePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = call_id(NODE, "1.2")

    def refuse(db: Any, told: str, facts: Any) -> None:
        if told == broken:  # its row is written by then, and what is worked out of it
            raise ZeroDivisionError("half a call")

    monkeypatch.setattr(recorder, "note_recordings", refuse)
    async with open_store(place, zone=TEHRAN, pace=SOON, limits=QUICK) as store:
        await store.backfill.finish()
        facts = [fact for number in range(1, 5) for fact in whole(f"1.{number}", number * 60)]
        await revisions(store, facts, 3)
        calls = await on_record(store)
        assert {one.root for one in calls} == {"1.1", "1.3", "1.4"}
        assert counts(place) == recounted(calls, TEHRAN)
        assert moments(place) == wrongs(calls) == {(call_id(NODE, "1.4"), "third")}
        rows = query(place, "SELECT started_at_us FROM call_facet")
        assert {row[0] for row in rows} == {to_us(one.started_at) for one in calls}

        monkeypatch.undo()
        await revisions(store, [step("1.2", 1, 125, keys="2")], 1)
        calls = await on_record(store)
        assert len(calls) == 4
        assert counts(place) == recounted(calls, TEHRAN)
        assert moments(place) == wrongs(calls) == {(call_id(NODE, "1.3"), "third")}


async def test_what_the_walk_has_not_reached_is_counted_once(place: StorePlace) -> None:
    async with keeping(place) as (store, keeper):
        await keeper.keep([call(number, number * DAY) for number in range(4)])
        await walk(store, keeper).step(2)
        await keeper.keep([call(4, 3.5 * DAY), call(5, 0.5 * DAY), call(3, 3 * DAY, caller="09350000000")])
        await walk(store, keeper).finish()
        assert counts(place) == recounted(await on_record(store), TEHRAN)
        assert moments(place) == wrongs(await on_record(store))


async def test_what_somebody_worked_on_stays_and_goes_with_its_call(place: StorePlace) -> None:
    async with keeping(place) as (store, keeper):
        await walk(store, keeper).finish()
        await keeper.keep([call(1, wait_us=200_000_000), call(2, 60, fallback=True)])
        told: Any = {"state": MomentState.DONE, "owner": "sara", "note": "called back", "by": "lead"}
        assert await store.moments.change(call(1).call_id, MomentKind.LONG_WAIT, **told)
        assert not await store.moments.change(call(1).call_id, MomentKind.CUT, **told)
        await keeper.keep([call(1), call(2, 60)])
        assert moments(place) == {(call(1).call_id, "long_wait")}
        await keeper.merge(call(1).call_id, call(2, 60, wait_us=200_000_000))
        (line,) = await store.moments.list(Search(state=None))
        assert (line.call_id, line.at, line.note, line.owner) == (call(2).call_id, at(60), "called back", "sara")
        assert line.is_there
        assert await store.moments.list(Search()) == []


people = st.sampled_from(
    [{"caller": "09121234567"}, {"caller": "09350000000"}, {"caller": ""}, {"customer_code": "C-1"}]
)
answers = st.builds(
    SurveyAnswer,
    question=st.just("served"),
    answer=st.sampled_from([None, 1, 3, 5]),
    scale=st.just(5),
    queue=st.just("support"),
    agent=st.just("101"),
    at=st.just(NOON),
)


@st.composite
def any_call(draw: st.DrawFn) -> Call:
    seconds = draw(st.sampled_from([0.0, 1.0, 3 * DAY, 6.9 * DAY, 7 * DAY, 7.1 * DAY, 11 * DAY, 15 * DAY, 30 * DAY]))
    over = draw(st.booleans()) or draw(st.booleans())
    wait = draw(st.sampled_from([0, 20, 200]))
    waited = Segment(
        kind=SegmentKind.WAIT,
        started_at=at(seconds),
        ended_at=at(seconds + wait),
        party="support",
        result=draw(st.sampled_from(["answered", "abandoned"])),
    )
    return call(
        draw(st.integers(0, 7)),
        seconds,
        direction=draw(st.sampled_from([Direction.INBOUND, Direction.INBOUND, Direction.OUTBOUND])),
        outcome=draw(st.sampled_from(list(Outcome))) if over else None,
        ended_at=at(seconds + 300) if over else None,
        wait_us=wait * 1_000_000,
        segments=(waited,) if wait else (),
        survey=tuple(draw(st.lists(answers, max_size=1))),
        agents=("101",) if draw(st.booleans()) else (),
        fallback=draw(st.booleans()),
        **draw(people),
    )


Step = tuple[str, Any]
plans = st.lists(
    st.one_of(
        st.tuples(st.just("keep"), any_call()),
        st.tuples(st.just("keep"), any_call()),
        st.tuples(st.just("merge"), st.tuples(st.integers(0, 7), any_call())),
        st.tuples(st.just("walk"), st.integers(1, 4)),
        st.tuples(st.just("anew"), st.none()),
    ),
    max_size=25,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(plans)
def test_whatever_comes_in_any_order(place: StorePlace, plan: Sequence[Step]) -> None:
    asyncio.run(_play(place, plan))


async def _play(place: StorePlace, plan: Sequence[Step]) -> None:
    async with keeping(place) as (store, keeper):
        await store.writer.submit(_empty)
        standing: set[str] = set()
        for what, value in plan:
            match what:
                case "keep":
                    await keeper.keep([value])
                    standing.add(value.call_id)
                case "merge":
                    gone = call(value[0]).call_id
                    if gone in standing and gone != value[1].call_id:
                        await keeper.merge(gone, value[1])
                        standing = (standing - {gone}) | {value[1].call_id}
                case "walk":
                    await walk(store, keeper).step(value)
                case _:  # anew
                    await store.writer.submit(lambda tx: tx.db.execute("UPDATE worked_out SET version = version - 1"))
        await walk(store, keeper).finish()
        calls = await on_record(store)
        assert {one.call_id for one in calls} == standing
        assert counts(place) == recounted(calls, TEHRAN)
        assert moments(place) == wrongs(calls)


def _empty(transaction: Any) -> None:
    for table in ("call", "call_facet", "tally", "moment", "moment_day", "worked_out", "call_group"):
        transaction.db.execute(f"DELETE FROM {table}")  # noqa: S608
