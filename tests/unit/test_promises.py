"""How a promise stands, what a ticket is promised, who is told next of a complaint: tables that people can read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.calls import escalation
from pbx_bridge.calls.escalation import Level
from pbx_bridge.calls.promises import Promise, Promises, Stands
from pbx_bridge.ivr.opening.hours import OfficeHours, Week
from pbx_bridge.ivr.opening.working import OfficeCalendar
from pbx_bridge.values.working_time import between

AT = datetime(2026, 11, 21, 5, 30, tzinfo=UTC)  # Saturday, 09:00 in Tehran
TEHRAN = ZoneInfo("Asia/Tehran")
WEEK = Week.parse({"sat-wed": "08:00-17:00"})
OFFICE = OfficeCalendar(OfficeHours(week=WEEK, zone=TEHRAN))
PROMISES = Promises(
    respond={"request": timedelta(hours=4), "request:Gold": timedelta(hours=1)},
    resolve={"request": timedelta(hours=9)},
    calendar=OFFICE,
    zone=TEHRAN,
)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


@pytest.mark.parametrize(
    ("stopped", "met", "now", "stands"),
    [
        (None, False, 1, Stands.RUNNING),
        (None, False, 3, Stands.NEAR),  # one hour is left
        (None, False, 4, Stands.NEAR),  # at the very moment it is not late
        (None, False, 4.01, Stands.BROKEN),
        (2, True, 9, Stands.KEPT),
        (4, True, 9, Stands.KEPT),
        (4.01, True, 9, Stands.BROKEN),
        (2, False, 9, Stands.STOPPED),
        (5, False, 9, Stands.BROKEN),  # it was broken before it was stopped
    ],
)
def test_a_promise_stands(stopped: float | None, met: bool, now: float, stands: Stands) -> None:
    promise = Promise(
        what="respond", due=AT + hours(4), stopped_at=None if stopped is None else AT + hours(stopped), met=met
    )
    assert promise.stands(AT + hours(now), AT + hours(now + 1)) is stands


@given(st.integers(0, 600), st.one_of(st.none(), st.integers(0, 600)), st.booleans(), st.integers(0, 600))
def test_time_alone_never_mends_a_promise(due: int, stopped: int | None, met: bool, now: int) -> None:
    promise = Promise(
        what="x", due=AT + hours(due), stopped_at=None if stopped is None else AT + hours(stopped), met=met
    )
    order = [Stands.RUNNING, Stands.NEAR, Stands.BROKEN]
    then, later = (promise.stands(AT + hours(at), AT + hours(at + 2)) for at in (now, now + 50))
    if stopped is not None:
        assert then is later
    else:
        assert order.index(later) >= order.index(then)


@pytest.mark.parametrize(
    ("kind", "grades", "respond", "resolve"),
    [
        ("request", ("", "silver"), 4, 9),
        ("request", ("", "gold"), 1, 9),
        ("request", ("gold", "silver"), 1, 9),  # the contract's level comes first
        ("complaint", ("gold", ""), None, None),
        ("request", ("", ""), 4, 9),
    ],
)
def test_terms_by_kind_tier_and_level(
    kind: str, grades: tuple[str, str], respond: float | None, resolve: float | None
) -> None:
    terms = PROMISES.terms(kind, grades, AT)
    found = [due and between(OFFICE, AT, due) for due in (terms.respond_by, terms.resolve_by)]
    assert found == [None if count is None else hours(count) for count in (respond, resolve)]


def test_a_night_between_is_not_counted() -> None:
    terms = PROMISES.terms("request", (), AT)  # 09:00; nine hours are one more than the day has left
    assert terms.resolve_by == AT + timedelta(days=1)
    assert PROMISES.left(AT + timedelta(days=1), AT) == hours(9)
    assert PROMISES.left(AT, AT + timedelta(days=1)) == -hours(9)


def test_what_stood_still_is_given_again() -> None:
    due, stopped = AT + hours(6), AT + hours(2)  # 15:00 and 11:00: four hours were left
    moved = PROMISES.moved(due, stopped, AT + timedelta(days=2))
    assert moved == AT + timedelta(days=2) + hours(4)
    assert PROMISES.moved(due, due + hours(1), AT + timedelta(days=2)) == due  # it was late before it stopped


@given(st.integers(0, 20_000), st.integers(0, 20_000), st.integers(0, 20_000))
def test_no_time_is_won_or_lost_by_stopping(due: int, stop: int, wait: int) -> None:
    end, stopped = AT + timedelta(minutes=due), AT + timedelta(minutes=stop)
    again = stopped + timedelta(minutes=wait)
    moved = PROMISES.moved(end, stopped, again)
    if stopped <= end:
        assert between(OFFICE, again, moved) == between(OFFICE, stopped, end)
    else:
        assert moved == end


# --- who is told next ---------------------------------------------------------------------------------------------

LEVELS = (Level(to="lead", after=hours(24)), Level(to="head", after=hours(72)), Level(to="boss"))


@pytest.mark.parametrize(
    ("by_hand", "after", "level"),
    [(0, 1, 0), (0, 24, 1), (0, 71, 1), (0, 72, 2), (0, 9000, 2), (1, 1, 1), (1, 80, 2), (3, 1, 3), (9, 1, 3)],
)
def test_the_level_is_the_highest_that_people_or_time_brought_it_to(by_hand: int, after: float, level: int) -> None:
    assert escalation.reached(LEVELS, AT, by_hand, AT + hours(after)) == level


def test_every_level_says_when_time_reaches_it() -> None:
    assert [(rung.number, rung.to, rung.at) for rung in escalation.rungs(LEVELS, AT)] == [
        (1, "lead", AT + hours(24)),
        (2, "head", AT + hours(72)),
        (3, "boss", None),
    ]
    assert escalation.reached((), AT, 0, AT) == 0
