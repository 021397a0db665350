"""Which callback comes first and why, when one is tried again, and what a call made for it means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_call import plain_call

from pbx_bridge.calls.call import Direction, Outcome, Segment, SegmentKind
from pbx_bridge.ivr.opening.hours import OfficeHours, Week
from pbx_bridge.store.callbacks_rules import (
    EARLY,
    Kind,
    PriorityOf,
    Retry,
    Weights,
    is_in_vain,
    next_try,
    priority,
    tried,
    was_made_for,
)

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)  # Saturday noon in Tehran
HOUR = timedelta(hours=1)
OFFICE = OfficeHours(week=Week.parse({"sat-wed": "08:00-17:00"}), zone=ZoneInfo("Asia/Tehran"))
RETRY = Retry(tries=3, wait=2 * HOUR, opens=OFFICE.opens)


# --- the next try -------------------------------------------------------------------------------------------------


def test_it_is_tried_again_after_a_while_and_given_up_in_the_end() -> None:
    assert next_try(NOW, 1, NOW, RETRY) == NOW + 2 * HOUR
    assert next_try(NOW, 2, NOW, RETRY) == NOW + 2 * HOUR
    assert next_try(NOW, 3, NOW, RETRY) is None


def test_nobody_is_called_at_night_or_on_the_weekend() -> None:
    evening = NOW + 4 * HOUR  # 16:00 in Tehran
    again = next_try(evening, 1, NOW, RETRY)
    assert again is not None
    assert again.astimezone(OFFICE.zone).isoformat() == "2026-11-22T08:00:00+03:30"
    wednesday = next_try(evening + timedelta(days=4), 1, NOW, RETRY)
    assert wednesday is not None
    assert wednesday.astimezone(OFFICE.zone).isoformat() == "2026-11-28T08:00:00+03:30"


def test_one_that_was_tried_early_is_not_called_before_it_was_wanted() -> None:
    assert next_try(NOW, 1, NOW + 3 * HOUR, RETRY) == NOW + 3 * HOUR


@given(st.integers(0, 10), st.integers(1, 9), st.integers(0, 20_000), st.integers(-20_000, 20_000))
def test_a_next_try_is_later_in_hours_and_there_are_only_so_many(
    tries: int, most: int, minutes: int, wanted: int
) -> None:
    retry = Retry(tries=most, wait=30 * timedelta(minutes=1), opens=OFFICE.opens)
    ended, wanted_at = NOW + timedelta(minutes=minutes), NOW + timedelta(minutes=wanted)
    again = next_try(ended, tries, wanted_at, retry)
    assert (again is None) == (tries >= most)
    if again is not None:
        assert again >= max(ended + retry.wait, wanted_at)
        assert OFFICE.standing(again).result == "open"


# --- what a call means --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "told", "counts"),
    [
        (Outcome.BUSY, "busy", True),
        (Outcome.NO_ANSWER, "no_answer", True),
        (Outcome.FAILED, "failed", True),
        (Outcome.CANCELLED, "cancelled", False),
        (Outcome.LOST, "lost", False),
    ],
)
def test_a_call_that_nobody_answered_is_a_try(outcome: Outcome, told: str, counts: bool) -> None:
    ring = Segment(kind=SegmentKind.RING, started_at=NOW, ended_at=NOW, party="09121234567", result=told)
    call = plain_call(NOW, outcome=outcome, answered_at=None, segments=(ring,), called="09121234567")
    call = replace(call, direction=Direction.OUTBOUND, ended_at=NOW)
    assert (tried(call), is_in_vain(tried(call))) == (told, counts)
    assert tried(replace(call, direction=Direction.INBOUND)) == ""
    assert tried(replace(call, ended_at=None, outcome=None)) == ""
    assert tried(replace(call, ended_at=None, outcome=None, answered_at=NOW)) == "answered"


def test_a_phone_of_ours_that_was_not_picked_up_is_no_try() -> None:
    """By a click it rings first: the customer was never called."""
    own = Segment(kind=SegmentKind.RING, started_at=NOW, ended_at=NOW, party="101", result="no_answer")
    call = plain_call(NOW, outcome=Outcome.FAILED, answered_at=None, segments=(own,), called="09121234567")
    assert tried(replace(call, direction=Direction.OUTBOUND)) == ""


def test_who_asked_to_be_called_is_served_by_any_call_of_ours() -> None:
    told = {"asked_at": NOW, "wanted_at": NOW + 5 * HOUR, "taken": None}
    assert was_made_for(Kind.ASKED, began=NOW + HOUR, **told)  # type: ignore[arg-type]
    assert not was_made_for(Kind.ASKED, began=NOW - HOUR, **told)  # type: ignore[arg-type]


def test_a_follow_up_is_not_done_by_a_call_about_something_else() -> None:
    wanted = NOW + timedelta(days=7)

    def is_for(began: datetime, taken: tuple[datetime, datetime] | None = None) -> bool:
        return was_made_for(Kind.FOLLOW_UP, began=began, asked_at=NOW, wanted_at=wanted, taken=taken)

    assert not is_for(NOW + HOUR)
    assert is_for(NOW + HOUR, (NOW + HOUR, NOW + 2 * HOUR))
    assert not is_for(NOW + 3 * HOUR, (NOW + HOUR, NOW + 2 * HOUR))
    assert is_for(wanted - EARLY)
    assert is_for(wanted + HOUR)


# --- priority -----------------------------------------------------------------------------------------------------


def test_the_weightiest_reason_stands_first_and_points_are_their_sum() -> None:
    told = priority(PriorityOf(tier="gold", third=1, unhappy=2, abandoned=1, tried=1, late=3 * HOUR), Weights())
    assert [(one.word, one.count, one.points) for one in told.reasons] == [
        ("unhappy", 2, 50),
        ("tier", 1, 30),
        ("third", 1, 25),
        ("abandoned", 1, 15),
        ("late_hour", 3, 6),
        ("tried", 1, 5),
    ]
    assert told.points == 131
    assert priority(PriorityOf(tier="unheard of"), Weights()).reasons == ()


_COUNTS = st.integers(0, 20)
_OF = st.builds(
    PriorityOf,
    tier=st.sampled_from(["", "gold", "silver", "x"]),
    third=_COUNTS,
    unhappy=_COUNTS,
    abandoned=_COUNTS,
    tried=_COUNTS,
    late=st.timedeltas(timedelta(days=-40), timedelta(days=400)),
)


@given(_OF, st.sampled_from(["third", "unhappy", "abandoned", "tried"]))
def test_every_point_has_its_reason_and_one_more_bad_moment_never_lowers(of: PriorityOf, name: str) -> None:
    told = priority(of, Weights())
    assert told.points == sum(one.points for one in told.reasons)
    assert all(one.points for one in told.reasons)
    more = priority(replace(of, **{name: getattr(of, name) + 1}), Weights())
    assert more.points > told.points
    later = priority(replace(of, late=of.late + timedelta(days=1)), Weights())
    assert later.points >= told.points
