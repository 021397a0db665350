"""Callbacks and follow-ups in the store: tried, put off, given, taken by one, closed; in SQLite and in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from crm_folder import import_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain_call import plain_call
from put_calls import put_calls
from store_facts import QUICK

from pbx_bridge.calls.call import Call, Direction, Outcome, SurveyAnswer, call_id
from pbx_bridge.calls.moments import Limits as MomentLimits
from pbx_bridge.store import Store, open_store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.callbacks import CallbackLine, NewFollowUp, Whose, place_of
from pbx_bridge.store.callbacks_rules import Kind, Retry
from pbx_bridge.store.derived import Derived
from pbx_bridge.store.derived.facets import Facets
from pbx_bridge.store.derived.moments import Moments
from pbx_bridge.store.dials import NewDial
from pbx_bridge.store.requests import NewCallback
from pbx_bridge.store.requests_calls import CalledBack

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NUMBER = "09121234567"
ASKED = NewCallback(
    origin="pbx1:1.1:callback:0",
    node="pbx1",
    channel="1.1",
    number="+989121234567",
    queue="support",
    wanted_at=NOW,
    customer_code="1001",
)
FOLLOW_UP = NewFollowUp(
    origin="1", number=NUMBER, wanted_at=NOW + 48 * HOUR, why="پیش‌فاکتور", by="zahra", owner="zahra"
)
ALL = Whose(everybody=True)
RETRY = Retry(tries=3, wait=2 * HOUR)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(place: StorePlace, clock: Clock, tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(place, folding=False, limits=QUICK, clock=clock) as store:
        await import_files(store, tmp_path, {"customers": "1001,Aria,fa,gold\n1002,Bita,fa,"})
        yield store


def derived() -> Derived:
    return Derived(parts=(Facets(), Moments(MomentLimits(long_wait_s=100)), CalledBack(RETRY, "IR")))


def out(number: int, at: datetime, outcome: Outcome | None, *, to: str = NUMBER, agent: str = "101") -> Call:
    """A call of ours; the other was rung for 20 s."""
    over = at + timedelta(seconds=20)
    answered = outcome is Outcome.ANSWERED
    return plain_call(
        at,
        call_id=call_id("pbx1", f"9.{number}"),
        root=f"9.{number}",
        direction=Direction.OUTBOUND,
        outcome=outcome,
        caller=agent,
        called=to,
        answered_at=over if answered else None,
        ended_at=None if outcome is None else over,
        agents=(agent,) if answered else (),
    )


async def told(store: Store, *calls: Call) -> None:
    await put_calls(store, calls, derived())


async def one(store: Store, name: str) -> CallbackLine:
    found = await store.callbacks.get(name)
    assert found is not None
    return found


async def asked(store: Store) -> str:
    return (await store.requests.ask_for_callback(ASKED)).id


# --- tries --------------------------------------------------------------------------------------------------------


async def test_busy_is_tried_again_and_an_answer_closes_it(store: Store) -> None:
    name = await asked(store)
    await told(store, out(1, NOW + MINUTE, Outcome.BUSY))
    after = await one(store, name)
    assert (after.tries, after.done_at, after.wanted_at) == (1, None, NOW + MINUTE + timedelta(seconds=20) + 2 * HOUR)
    await told(store, out(2, NOW + 3 * HOUR, Outcome.ANSWERED))
    done = await one(store, name)
    assert (done.result, done.done_by, done.done_at) == ("answered", "101", NOW + 3 * HOUR + timedelta(seconds=20))
    assert [(made.outcome, made.agent) for made in await store.callbacks.tries(name)] == [
        ("busy", ""),
        ("answered", "101"),
    ]


async def test_after_the_last_try_it_is_given_up_and_can_be_opened_again(store: Store) -> None:
    name = await asked(store)
    for number in range(3):
        await told(store, out(number, NOW + number * 3 * HOUR, Outcome.NO_ANSWER))
    over = await one(store, name)
    assert (over.tries, over.result, over.done_at is not None) == (3, "unreached", True)
    assert await store.callbacks.open_again(name, "lead", NOW + 24 * HOUR)
    again = await one(store, name)
    assert (again.tries, again.done_at, again.result, again.wanted_at) == (0, None, "", NOW + 24 * HOUR)
    assert len(await store.callbacks.tries(name)) == 3


async def test_a_call_told_again_is_one_try_and_its_last_word_counts(store: Store) -> None:
    name = await asked(store)
    call = out(1, NOW + MINUTE, None)
    await told(store, call)
    assert (await one(store, name)).tries == 0
    busy = out(1, NOW + MINUTE, Outcome.BUSY)
    await told(store, busy)
    await store.callbacks.put_off(name, "zahra", NOW + 9 * HOUR)
    await told(store, replace(busy, ended_by="agent"))
    later = await one(store, name)
    assert (later.tries, later.wanted_at) == (1, NOW + 9 * HOUR)
    await told(store, out(1, NOW + MINUTE, Outcome.CANCELLED))
    assert (await one(store, name)).tries == 0
    assert [made.outcome for made in await store.callbacks.tries(name)] == ["cancelled"]


async def test_what_our_agent_gave_up_is_no_try_that_counts(store: Store) -> None:
    name = await asked(store)
    await told(store, out(1, NOW + MINUTE, Outcome.CANCELLED))
    after = await one(store, name)
    assert (after.tries, after.wanted_at, after.done_at) == (0, NOW, None)


async def test_who_asks_again_is_tried_anew(store: Store) -> None:
    name = await asked(store)
    await told(store, out(1, NOW + MINUTE, Outcome.BUSY))
    again = await store.requests.ask_for_callback(replace(ASKED, origin="other", wanted_at=NOW + HOUR))
    after = await one(store, name)
    assert (again.id, after.tries, after.wanted_at) == (name, 0, NOW + HOUR)


async def test_other_numbers_other_times_and_calls_to_us_change_nothing(store: Store) -> None:
    name = await asked(store)
    before = await one(store, name)
    await told(
        store,
        out(1, NOW + MINUTE, Outcome.BUSY, to="02188776655"),
        out(2, NOW - HOUR, Outcome.ANSWERED),
        replace(out(3, NOW + HOUR, Outcome.ANSWERED), direction=Direction.INBOUND),
    )
    assert await one(store, name) == before


async def test_a_follow_up_waits_for_its_day_unless_it_was_dialled(store: Store) -> None:
    name = await store.callbacks.follow_up(FOLLOW_UP)
    await told(store, out(1, NOW + MINUTE, Outcome.ANSWERED))
    assert (await one(store, name)).done_at is None
    new = NewDial(node="pbx1", extension="101", number=NUMBER, user="zahra", key="k", about=f"callback:{name}")
    dial = (await store.dials.ask(new)).dial
    await told(store, replace(out(2, NOW + HOUR, Outcome.ANSWERED), root=dial.channel))
    done = await one(store, name)
    assert (done.result, [made.outcome for made in await store.callbacks.tries(name)]) == ("answered", ["answered"])


async def test_a_follow_up_is_set_once_and_a_caller_does_not_move_it(store: Store) -> None:
    names = await asyncio.gather(*(store.callbacks.follow_up(FOLLOW_UP) for _ in range(5)))
    assert len(set(names)) == 1
    again = await store.requests.ask_for_callback(replace(ASKED, queue=""))
    assert again.id != names[0]
    kept = await one(store, names[0])
    assert (kept.kind, kept.number, kept.made_by, kept.wanted_at) == (
        Kind.FOLLOW_UP,
        "+989121234567",
        "zahra",
        NOW + 48 * HOUR,
    )


# --- one at a time ------------------------------------------------------------------------------------------------


async def test_two_agents_never_call_the_same_person_at_once(store: Store, clock: Clock) -> None:
    first = await asked(store)
    second = (await store.requests.ask_for_callback(replace(ASKED, origin="o", queue="sales"))).id
    users = [f"agent{n}" for n in range(8)]
    wanted = [(first if n % 2 else second, user) for n, user in enumerate(users)]
    answers = await asyncio.gather(*(store.callbacks.take(name, user, 10 * MINUTE) for name, user in wanted))
    assert answers.count("") == 1
    winner = users[answers.index("")]
    assert set(answers) == {"", winner}
    held = {(await one(store, name)).held_by(clock.now) for name in (first, second)}
    assert held == {"", winner}
    assert await store.callbacks.take(wanted[answers.index("")][0], winner, 10 * MINUTE) == ""
    clock.now += 11 * MINUTE
    other = next(user for user in users if user != winner)
    assert await store.callbacks.take(first, other, 10 * MINUTE) == ""
    assert not await store.callbacks.free(first, winner)
    assert await store.callbacks.free(first, other)
    assert (await one(store, first)).held_by(clock.now) == ""


async def test_a_call_by_a_click_takes_what_it_is_about(store: Store, clock: Clock) -> None:
    name = await asked(store)
    for about, user, may in (
        (f"callback:{name}", "zahra", True),
        (f"callback:{name}", "zahra", True),
        (f"callback:{name}", "reza", False),
        ("customer:1001", "reza", True),
        ("callback:none", "reza", True),
    ):
        assert await store.callbacks.take_for(about, user, 10 * MINUTE) is may
    assert (await one(store, name)).held_by(clock.now) == "zahra"


async def test_a_try_sets_it_free(store: Store, clock: Clock) -> None:
    name = await asked(store)
    assert await store.callbacks.take(name, "zahra", 10 * MINUTE) == ""
    await told(store, out(1, NOW + MINUTE, Outcome.BUSY))
    assert (await one(store, name)).held_by(clock.now) == ""


async def test_what_is_not_there_or_over_is_not_taken(store: Store) -> None:
    name = await asked(store)
    assert await store.callbacks.take("0" * 16, "zahra", MINUTE) == "?"
    assert await store.callbacks.close(name, "zahra", "101", "solved", "با ایمیل")
    assert await store.callbacks.take(name, "zahra", MINUTE) == "?"
    assert not await store.callbacks.close(name, "zahra", "101", "solved")
    assert not await store.callbacks.put_off(name, "zahra", NOW + HOUR)
    assert not await store.callbacks.give(name, "zahra", "reza")
    with pytest.raises(ValueError, match="no result"):
        await store.callbacks.close(name, "zahra", "101", "drop table")


async def test_all_that_people_did_is_kept(store: Store, clock: Clock) -> None:
    name = await store.callbacks.follow_up(FOLLOW_UP)
    steps: list[Any] = [
        lambda: store.callbacks.give(name, "lead", "reza"),
        lambda: store.callbacks.put_off(name, "reza", NOW + 72 * HOUR, "در سفر است"),
        lambda: store.callbacks.close(name, "reza", "102", "solved", "\u202eevil\x00" + "x" * 900),
        lambda: store.callbacks.open_again(name, "lead", NOW),
    ]
    for step in steps:
        clock.now += MINUTE
        assert await step()
    made = await store.callbacks.changes(name)
    assert [(change.user, change.what) for change in made] == [
        ("zahra", "made"),
        ("lead", "given"),
        ("reza", "put_off"),
        ("reza", "closed"),
        ("lead", "opened"),
    ]
    assert made[3].detail.startswith("evilxx")
    assert len(made[3].detail) <= 500


# --- lists --------------------------------------------------------------------------------------------------------


async def test_who_was_given_one_is_told_until_they_take_notice(store: Store, clock: Clock) -> None:
    book, name = store.callbacks, await store.callbacks.follow_up(FOLLOW_UP)
    assert await book.handed("zahra") == []  # she set it for herself
    clock.now += MINUTE
    assert await book.give(name, "lead", "reza")
    (told,) = await book.handed("reza")
    assert (told.line.id, told.line.owner, told.by, told.at) == (name, "reza", "lead", clock.now)
    assert not await book.seen(name, "zahra")
    clock.now += MINUTE
    assert await book.seen(name, "reza")
    assert await book.handed("reza") == []
    clock.now += MINUTE
    assert await book.give(name, "lead", "zahra")
    clock.now += MINUTE
    assert await book.give(name, "zahra", "reza")  # again, by another
    ((told,), nothing) = await book.handed("reza"), await book.handed("zahra")
    assert (told.by, nothing) == ("zahra", [])
    clock.now += MINUTE
    assert await book.put_off(name, "reza", clock.now + HOUR)  # whoever works on it has seen it
    assert await book.handed("reza") == []
    other = await book.follow_up(replace(FOLLOW_UP, origin="2", by="lead", owner="reza", number="02144000001"))
    assert [one.line.id for one in await book.handed("reza")] == [other]
    clock.now += MINUTE
    assert await book.close(other, "lead", "lead", "solved")
    assert await book.handed("reza") == []


async def test_lists_are_by_owner_queue_and_time_and_go_on_where_they_ended(store: Store) -> None:
    mine = await store.callbacks.follow_up(replace(FOLLOW_UP, wanted_at=NOW + HOUR))
    theirs = await store.callbacks.follow_up(replace(FOLLOW_UP, origin="2", owner="reza", wanted_at=NOW))
    names = {
        queue: (await store.requests.ask_for_callback(replace(ASKED, origin=queue, queue=queue))).id
        for queue in ("support", "sales_a", "salesXa")
    }

    async def listed(**whose: Any) -> set[str]:
        return {line.id for line in await store.callbacks.open(Whose(**whose))}

    assert await listed(owner="zahra") == {mine}
    assert await listed(owner="zahra", pool=True, queues={"support"}) == {mine, names["support"]}
    assert await listed(pool=True, queues={"sales_a"}) == {names["sales_a"]}
    assert await listed(owner="zahra", pool=True) == {mine, *names.values()}
    assert await listed(everybody=True) == {mine, theirs, *names.values()}
    assert await listed() == set()
    seen: list[str] = []
    after: tuple[int, str] | None = None
    while page := await store.callbacks.open(ALL, after=after, limit=2):
        seen += [line.id for line in page]
        after = place_of(page[-1])
    assert len(seen) == len(set(seen)) == 5
    assert seen[-1] == mine
    assert {line.id for line in await store.callbacks.between(ALL, NOW, NOW + MINUTE)} == {theirs, *names.values()}
    for line in await store.callbacks.open(ALL):
        for whose in (Whose(owner="zahra"), Whose(pool=True, queues=("sales_a",)), ALL):
            assert whose.sees(line) == (line.id in {one.id for one in await store.callbacks.open(whose)})


async def test_what_went_wrong_lately_is_told_with_its_person(store: Store) -> None:
    name = await asked(store)
    stranger = (
        await store.requests.ask_for_callback(replace(ASKED, origin="s", number="+982188776655", customer_code=""))
    ).id
    bad = SurveyAnswer(question="q", answer=1, scale=5, queue="support", agent="101", at=NOW)
    calls = [
        plain_call(NOW - 24 * HOUR, call_id=call_id("pbx1", "1.1"), root="1.1", customer_code="1001", survey=(bad,)),
        plain_call(
            NOW - 20 * HOUR,
            call_id=call_id("pbx1", "1.2"),
            root="1.2",
            caller="02188776655",
            outcome=Outcome.ABANDONED_QUEUE,
            wait_us=200_000_000,
        ),
        plain_call(
            NOW - 40 * 24 * HOUR, call_id=call_id("pbx1", "1.3"), root="1.3", customer_code="1001", survey=(bad,)
        ),
    ]
    await told(store, *calls)
    wrong = await store.callbacks.wrong([await one(store, name), await one(store, stranger)])
    assert (wrong[name].unhappy, wrong[name].abandoned) == (1, 0)
    assert (wrong[stranger].unhappy, wrong[stranger].abandoned) == (0, 1)
    line = await one(store, name)
    assert (line.customer_name, line.tier) == ("Aria", "gold")


# --- whatever happens ---------------------------------------------------------------------------------------------

_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "busy", "answered", "cancelled", "off", "close", "again", "take", "later"]),
        st.integers(0, 3),
    ),
    max_size=14,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_STEPS)
async def test_a_callback_is_never_both_done_and_due(tmp_path: Path, steps: list[tuple[str, int]]) -> None:
    async with AsyncExitStack() as stack:
        clock = Clock()
        path = tmp_path / f"{uuid4()}.db"
        store = await stack.enter_async_context(open_store(path, folding=False, limits=QUICK, clock=clock))
        name = await asked(store)
        for number, (step, value) in enumerate(steps):
            match step:
                case "ask":
                    told_at = clock.now + value * HOUR
                    await store.requests.ask_for_callback(replace(ASKED, origin=str(number), wanted_at=told_at))
                case "busy" | "answered" | "cancelled":
                    await told(store, out(number - value, clock.now, Outcome(step)))
                case "off":
                    await store.callbacks.put_off(name, "u", clock.now + value * HOUR)
                case "close":
                    await store.callbacks.close(name, "u", "101", "solved")
                case "again":
                    await store.callbacks.open_again(name, "u", clock.now + value * HOUR)
                case "take":
                    await store.callbacks.take(name, f"u{value}", value * MINUTE)
                case _:  # later
                    clock.now += value * HOUR
            until = clock.now + timedelta(microseconds=1)
            due = {line.id for line in await store.callbacks.open(ALL, until=until)}
            later = {line.id for line in await store.callbacks.open(ALL, since=until)}
            done = {line.id for line in await store.callbacks.done(ALL)}
            assert [name in some for some in (due, later, done)].count(True) == 1
            line = await one(store, name)
            assert line.is_due(clock.now) == (line.id in due)
            assert (line.done_at is None) == (line.result == "")
            assert line.done_at is None or not line.held_by(clock.now)
            assert 0 <= line.tries <= RETRY.tries
