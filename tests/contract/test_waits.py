"""What the record knows for a caller about to wait, from both engines: the pace of a queue, how they fared before."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from demo_history import NOON, make_call
from store_facts import quick_store

from pbx_bridge.calls.call import Call, CallStep, Direction, Outcome, Segment, SegmentKind
from pbx_bridge.ivr.questions import StandingOfQueue, TicketOfNumber
from pbx_bridge.ivr.standing import QueueStandings
from pbx_bridge.store import Store, call_body
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.agenda import Agenda
from pbx_bridge.store.migrate import migrate, shipped
from pbx_bridge.store.recorder import Recorder
from pbx_bridge.store.sql import SQL

CALLER = "09121234567"
MINUTE = timedelta(minutes=1)


async def put(store: Store, calls: Sequence[Call]) -> None:
    """The calls as the recorder would write them."""
    columns = Recorder(Agenda())._columns
    rows = []
    for number, call in enumerate(calls):
        _, body, content_hash = call_body.encode(call)
        values = {"body": body, "content_hash": content_hash, "call_group": number + 1, "changed_at_us": 0}
        rows.append(columns(call) | values)
    await store.writer.submit(lambda transaction: transaction.db.executemany(SQL["upsert_call"], rows))


def part(kind: SegmentKind, start: float, seconds: float | None, result: str = "", party: str = "support") -> Segment:
    began = NOON + timedelta(seconds=start)
    ended = None if seconds is None else began + timedelta(seconds=seconds)
    return Segment(kind=kind, started_at=began, ended_at=ended, party=party, result=result)


def waited(number: int, start: float, seconds: float, result: str = "answered", party: str = "support") -> Call:
    """A call that waited in a queue."""
    wait = part(SegmentKind.WAIT, start, seconds, result, party)
    return make_call(number, started_at=wait.started_at - timedelta(seconds=5), segments=(wait,))


def earlier(minutes: float, outcome: Outcome | None, *, number: int = 1, caller: str = CALLER, **told: Any) -> Call:
    """A call of the caller's, so many minutes before noon."""
    return make_call(number, started_at=NOON - minutes * MINUTE, caller=caller, outcome=outcome, **told)


# --- pace ---------------------------------------------------------------------------------------------------------


async def test_the_pace_is_that_of_the_queues_own_last_hour(place: StorePlace) -> None:
    calls = [
        waited(1, -7000, 900),  # answered more than an hour ago
        waited(2, -3700, 160),  # began before the hour, answered in it
        *(waited(3 + i, -600 + 100 * i, 40) for i in range(3)),
        waited(9, -500, 5000, party="services"),
        waited(10, 100, 5000),  # not yet: it is noon
    ]
    async with quick_store(place) as store:
        await put(store, calls)
        assert await store.waits.pace("support", NOON) == pytest.approx((160 + 3 * 40) / 4)
        assert await store.waits.pace("services", NOON) is None
        assert await store.waits.pace("nowhere", NOON) is None


# --- how they fared -----------------------------------------------------------------------------------------------

WAITING = (part(SegmentKind.WAIT, -300, 60),)
TALKING = (part(SegmentKind.WAIT, -300, 60, "answered"), part(SegmentKind.TALK, -240, 60, party="101"))
GOODBYE = (CallStep(at=NOON, flow_node="end", kind="ended", data={"by": "flow"}),)


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        pytest.param([], "", id="nothing"),
        pytest.param([earlier(5, Outcome.ABANDONED_QUEUE)], "cut_off", id="gave up waiting"),
        pytest.param([earlier(5, Outcome.LOST, end_estimated=True)], "cut_off", id="the PBX died"),
        pytest.param(
            [earlier(5, Outcome.ANSWERED, segments=TALKING, ended_by="system")], "cut_off", id="cut off in the talk"
        ),
        pytest.param(
            [earlier(5, Outcome.MISSED, segments=WAITING, ended_by="system")], "cut_off", id="cut off while waiting"
        ),
        pytest.param(
            [earlier(5, Outcome.MISSED, segments=WAITING, steps=GOODBYE, ended_by="system")],
            "again",
            id="waited in vain, the flow said goodbye",
        ),
        pytest.param([earlier(5, Outcome.ABANDONED_IVR)], "again", id="left in the menus"),
        pytest.param([earlier(59, Outcome.VOICEMAIL)], "again", id="left a message"),
        pytest.param([earlier(61, Outcome.ABANDONED_QUEUE)], "", id="more than an hour ago"),
        pytest.param([earlier(5, Outcome.ANSWERED, segments=TALKING)], "", id="spoke with somebody"),
        pytest.param(
            [earlier(30, Outcome.ANSWERED, segments=TALKING), earlier(5, Outcome.ABANDONED_IVR, number=2)],
            "",
            id="spoke with somebody, then left in the menus",
        ),
        pytest.param(
            [earlier(30, Outcome.ABANDONED_QUEUE), earlier(5, Outcome.ABANDONED_IVR, number=2)],
            "again",
            id="only the last call can have been cut off",
        ),
        pytest.param([earlier(5, None)], "", id="a call that goes on"),
        pytest.param([earlier(5, Outcome.NO_ANSWER, direction=Direction.OUTBOUND)], "", id="a call of ours"),
        pytest.param([earlier(5, Outcome.ABANDONED_QUEUE, caller="02188776655")], "", id="somebody else"),
        pytest.param([earlier(5, Outcome.ABANDONED_QUEUE, caller="")], "", id="a hidden number"),
    ],
)
async def test_how_a_caller_fared_in_the_last_hour(place: StorePlace, calls: list[Call], expected: str) -> None:
    async with quick_store(place) as store:
        await put(store, calls)
        assert await store.waits.broken_off("+98 912 123 4567", NOON) == expected
        assert await store.waits.broken_off("", NOON) == ""


# --- together -----------------------------------------------------------------------------------------------------


def asks(channel: str = "c9", **values: Any) -> StandingOfQueue:
    return StandingOfQueue(queue="support", channel=channel, caller=CALLER, **values)


class Queues:
    """One queue as it stands now."""

    def __init__(self, line: dict[str, int], *, free: bool = False) -> None:
        self.line, self.free = line, free

    def waiting_now(self, queue: str) -> dict[str, int]:
        return self.line if queue == "support" else {}

    def somebody_free(self, queue: str) -> bool:
        return self.free and queue == "support"


async def test_while_an_agent_is_free_no_wait_is_expected_of_the_first(place: StorePlace) -> None:
    now = Queues({}, free=True)
    async with quick_store(place) as store:
        await put(store, [waited(3 + i, -600 + 100 * i, 40) for i in range(3)])
        desk = QueueStandings(store.waits, now, lambda: NOON)
        assert (await desk.answer(asks())).wait is None
        now.line = {"c1": 0}
        assert (await desk.answer(asks())).wait == 90
        now.line, now.free = {}, False
        assert (await desk.answer(asks())).wait == 60


async def test_the_whole_answer(place: StorePlace) -> None:
    line = {"c1": 0, "c2": 10, "c3": 0, "c9": 0}
    async with quick_store(place) as store:
        await put(
            store, [*(waited(3 + i, -600 + 100 * i, 40) for i in range(3)), earlier(5, Outcome.ABANDONED_QUEUE)]
        )
        desk = QueueStandings(store.waits, Queues(line), lambda: NOON)
        plain = await desk.answer(asks())
        assert (plain.waiting, plain.position, plain.wait, plain.priority, plain.because) == (3, 4, 180, 0, "")
        known = await desk.answer(asks(vip=10, again=3))
        assert (known.position, known.wait, known.priority, known.because) == (1, 60, 13, "vip cut_off")
        behind = await desk.answer(asks(channel="c10", again=5))
        assert (behind.waiting, behind.position) == (4, 3)  # c2 by the list, c9 by what we gave them ourselves


async def test_a_queues_pace_is_not_worked_out_for_every_caller(place: StorePlace) -> None:
    now = NOON
    async with quick_store(place) as store:
        desk = QueueStandings(store.waits, Queues({}), lambda: now)
        assert (await desk.answer(asks())).wait is None
        await put(store, [waited(3 + i, -600 + 100 * i, 40) for i in range(3)])
        assert (await desk.answer(asks())).wait is None
        now += timedelta(seconds=31)
        assert (await desk.answer(asks())).wait == 60


async def test_other_questions_are_not_for_it(place: StorePlace) -> None:
    async with quick_store(place) as store:
        desk = QueueStandings(store.waits, Queues({}))
        with pytest.raises(TypeError, match="not about a queue"):
            await desk.answer(TicketOfNumber("1"))


@pytest.mark.parametrize(
    ("name", "index"), [("waits_between", "call_by_start"), ("calls_of_caller_between", "call_by_caller")]
)
def test_both_are_read_from_an_index_in_its_order(name: str, index: str) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        migrate(db, shipped())
        values = dict.fromkeys(re.findall(r":(\w+)", SQL[name]), 1)
        lines = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {SQL[name]}", values)]
    assert len(lines) == 1
    assert f"USING INDEX {index} (" in lines[0]
    assert "started_at_us>? AND started_at_us<?" in lines[0]
