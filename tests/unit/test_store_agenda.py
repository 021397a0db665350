"""When a dirty group is folded."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from pbx_bridge.store.agenda import Agenda, Pace
from pbx_bridge.store.transaction import Mark, Transaction

PACE = Pace(over_s=0.2, first_s=5.0, open_s=30.0, open_rate=2)


class Clock:
    """A monotonic clock a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def agenda(clock: Clock) -> Agenda:
    agenda = Agenda(PACE, clock)
    agenda.stale = False
    return agenda


def note(
    agenda: Agenda, marks: dict[int, Mark], *, recalled: bool = False, folded: dict[int, Mark] | None = None
) -> None:
    db = sqlite3.connect(":memory:")
    agenda.note(Transaction(db, marks=marks, folded=folded or {}, recalled=recalled))
    db.close()


def due_after(agenda: Agenda, clock: Clock, seconds: float) -> list[int]:
    clock.now += seconds
    return agenda.due()


def test_a_new_call_is_shown_soon_then_rarely(agenda: Agenda, clock: Clock) -> None:
    note(agenda, {1: Mark.NEW})
    assert due_after(agenda, clock, 4.9) == []
    assert due_after(agenda, clock, 0.1) == [1]
    note(agenda, {1: Mark.OPEN})
    assert not agenda.holds(1)
    note(agenda, {1: Mark.MORE})
    assert agenda.holds(1)
    assert due_after(agenda, clock, 29) == []
    assert due_after(agenda, clock, 1) == [1]


@pytest.mark.parametrize(("came", "wait_s"), [(Mark.MORE, PACE.open_s), (Mark.CLOSING, PACE.over_s)])
def test_what_comes_in_the_transaction_that_folds_a_call_waits_like_what_comes_later(
    agenda: Agenda, clock: Clock, came: Mark, wait_s: float
) -> None:
    note(agenda, {1: Mark.NEW})
    assert due_after(agenda, clock, PACE.first_s) == [1]
    note(agenda, {1: came}, folded={1: Mark.OPEN})
    assert due_after(agenda, clock, wait_s / 2) == []
    assert due_after(agenda, clock, wait_s / 2) == [1]


def test_so_many_calls_in_progress_are_folded_in_a_second_though_more_comes_of_them(
    agenda: Agenda, clock: Clock
) -> None:
    note(agenda, {1: Mark.NEW, 2: Mark.NEW, 3: Mark.NEW})
    assert due_after(agenda, clock, PACE.first_s) == [1, 2]
    note(agenda, {1: Mark.MORE, 2: Mark.MORE}, folded={1: Mark.OPEN, 2: Mark.OPEN})
    assert due_after(agenda, clock, 0.9) == []
    assert due_after(agenda, clock, 0.1) == [3]


def test_further_facts_do_not_put_it_off(agenda: Agenda, clock: Clock) -> None:
    note(agenda, {1: Mark.NEW})
    clock.now += 4
    note(agenda, {1: Mark.MORE})
    assert due_after(agenda, clock, 1) == [1]


@pytest.mark.parametrize("before", [(), (Mark.NEW,), (Mark.NEW, Mark.OPEN), (Mark.NEW, Mark.OPEN, Mark.MORE)])
def test_what_may_be_over_is_folded_in_a_moment(agenda: Agenda, clock: Clock, before: tuple[Mark, ...]) -> None:
    for mark in (*before, Mark.CLOSING):
        note(agenda, {1: mark})
    assert due_after(agenda, clock, 0.2) == [1]
    note(agenda, {1: Mark.OVER})
    assert due_after(agenda, clock, 100) == []


def test_what_comes_after_the_end_is_shown_in_a_moment(agenda: Agenda, clock: Clock) -> None:
    note(agenda, {1: Mark.OVER})
    note(agenda, {1: Mark.MORE})
    assert due_after(agenda, clock, 0.2) == [1]


def test_calls_in_progress_cost_so_much_and_no_more(agenda: Agenda, clock: Clock) -> None:
    for group in range(1, 6):
        note(agenda, {group: Mark.NEW})
        clock.now += 0.01
    assert due_after(agenda, clock, 5) == [1, 2]
    note(agenda, {1: Mark.OPEN, 2: Mark.OPEN})
    assert due_after(agenda, clock, 0.9) == []
    assert due_after(agenda, clock, 0.1) == [3, 4]


@pytest.mark.parametrize("mark", [Mark.OVER, Mark.BROKEN, Mark.GONE])
def test_what_is_settled_is_forgotten(agenda: Agenda, clock: Clock, mark: Mark) -> None:
    note(agenda, {1: Mark.CLOSING})
    note(agenda, {1: mark})
    assert due_after(agenda, clock, 100) == []
    assert not agenda.holds(1)


async def test_it_wakes_for_what_comes_sooner(agenda: Agenda) -> None:
    waiting = asyncio.create_task(Agenda.wait(agenda))
    await asyncio.sleep(0)
    note(agenda, {1: Mark.NEW})
    await asyncio.sleep(0)
    assert not waiting.done()
    agenda.forget()
    await asyncio.wait_for(waiting, 10)
    assert agenda.stale
    note(agenda, {}, recalled=True)
    assert not agenda.stale


def test_another_process_that_writes_all_the_time_puts_no_call_off(agenda: Agenda, clock: Clock) -> None:
    note(agenda, {1: Mark.CLOSING, 2: Mark.CLOSING})
    for _ in range(3):  # a rebuild beside the daemon
        clock.now += 0.05
        agenda.forget()
        assert agenda.due() == []
        clock.now += 0.01
        note(agenda, {1: Mark.CLOSING}, recalled=True)  # 2 was folded by the other one
    assert due_after(agenda, clock, 0.02) == [1]
    note(agenda, {1: Mark.OVER})
    agenda.forget()
    note(agenda, {1: Mark.CLOSING}, recalled=True)
    assert agenda.due() == [], "what comes later is waited for as ever"
