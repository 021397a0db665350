"""How a contract stands on a day, Jalali months, and what came of its renewal."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.store.contracts_rules import (
    Entry,
    Kind,
    State,
    horizon,
    next_number,
    renewal_of,
    renewed,
    state_on,
    undone,
)
from pbx_bridge.store.crm import Contract
from pbx_bridge.values import dates
from pbx_bridge.values.dates import add_jalali_months, parse_date, to_jalali

TEHRAN = ZoneInfo("Asia/Tehran")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def day(text: str) -> date:
    return parse_date(text)


def contract(ends: str = "1404/12/29", starts: str = "1404/01/01") -> Contract:
    return Contract(customer_code="C-1", number="17", starts_on=day(starts), ends_on=day(ends), level="gold")


def entry(number: int, kind: Kind, *, undoes: int = -1, ends: str = "1404/12/29") -> Entry:
    at = NOON + timedelta(minutes=number)
    other = str(undoes) if undoes >= 0 else ""
    return Entry(id=str(number), at=at, user="u", kind=kind, ends_on=day(ends), undoes=other)


# --- months -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("1405/08/30", 6, "1406/02/30"),  # over the end of a year
        ("1405/06/31", 6, "1405/12/29"),  # a month of 31 days, and Esfand of 29
        ("1403/06/31", 6, "1403/12/30"),  # a leap year
        ("1402/12/29", 12, "1403/12/29"),
        ("1403/12/30", 12, "1404/12/29"),  # the leap day has no anniversary
        ("1403/12/30", 48, "1407/12/29"),
        ("1404/01/01", 0, "1404/01/01"),
        ("1404/02/31", -2, "1403/12/30"),
    ],
)
def test_months_are_those_of_the_calendar(start: str, months: int, end: str) -> None:
    assert add_jalali_months(day(start), months) == day(end)


def by_counting(start: date, months: int) -> date:
    """The same by walking day by day from month to month."""
    _, _, wanted = to_jalali(start)
    at = start
    for _ in range(months):
        at = at - timedelta(days=to_jalali(at)[2] - 1)
        here = to_jalali(at)[1]
        while to_jalali(at)[1] == here:
            at += timedelta(days=1)
    month = to_jalali(at)[1]
    while to_jalali(at)[2] < wanted and to_jalali(at + timedelta(days=1))[1] == month:
        at += timedelta(days=1)
    return at if months else start


@given(st.dates(date(1990, 1, 1), date(2060, 1, 1)), st.integers(0, 26))
def test_any_day_and_any_months_are_as_counted_day_by_day(start: date, months: int) -> None:
    assert add_jalali_months(start, months) == by_counting(start, months)


# --- how it stands ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("today", "state"),
    [
        ("1403/12/30", State.COMING),  # the leap day before it begins
        ("1404/01/01", State.VALID),
        ("1404/06/28", State.VALID),
        ("1404/06/29", State.ENDING),  # six months to the day
        ("1404/12/29", State.ENDING),
        ("1405/01/01", State.ENDED),
    ],
)
def test_a_contract_stands_as_its_days_say(today: str, state: State) -> None:
    assert state_on(contract(), day(today), 6) is state


def test_it_is_valid_to_the_last_second_of_its_last_day_in_tehran() -> None:
    end = dates.end_of_day(day("1404/12/29"), TEHRAN)
    last, over = ((end + timedelta(seconds=s)).astimezone(TEHRAN).date() for s in (-1, 0))
    assert (state_on(contract(), last, 6), state_on(contract(), over, 6)) == (State.ENDING, State.ENDED)


@given(st.dates(date(2000, 1, 1), date(2050, 1, 1)), st.integers(0, 800), st.integers(0, 24))
def test_the_states_are_one_after_the_other(starts: date, length: int, months: int) -> None:
    one = Contract(customer_code="C", number="1", starts_on=starts, ends_on=starts + timedelta(days=length), level="")
    order = list(State)
    first, last = starts - timedelta(days=2), one.ends_on + timedelta(days=2)
    seen = [state_on(one, first + timedelta(days=n), months) for n in range((last - first).days + 1)]
    places = [order.index(state) for state in seen]
    assert places == sorted(places)
    assert (seen[0], seen[-1]) == (State.COMING, State.ENDED)
    ending = [first + timedelta(days=n) for n, state in enumerate(seen) if state is State.ENDING]
    assert all(one.ends_on <= horizon(today, months) for today in ending)


# --- renewals -----------------------------------------------------------------------------------------------------


def test_an_outcome_holds_until_it_is_undone() -> None:
    won, undo, lost = entry(1, Kind.WON), entry(2, Kind.UNDO, undoes=1), entry(3, Kind.LOST)
    end = day("1404/12/29")
    assert renewal_of([won], end).word == "won"
    assert renewal_of([won, undo], end).word == "open"
    assert renewal_of([won, undo, lost], end).outcome == lost
    assert undone([won, undo, lost]) == {"1"}


def test_an_outcome_is_of_one_term() -> None:
    """An import made the term longer: what came of the old term's renewal says nothing of the new one."""
    assert renewal_of([entry(1, Kind.LOST)], day("1405/12/29")).word == "open"


@given(
    st.lists(st.tuples(st.sampled_from([Kind.WON, Kind.LOST, Kind.NOTE, Kind.STEP, Kind.UNDO]), st.integers(0, 9)))
)
def test_what_is_undone_never_holds(told: list[tuple[Kind, int]]) -> None:
    entries = [entry(n, kind, undoes=undoes if kind is Kind.UNDO else -1) for n, (kind, undoes) in enumerate(told)]
    standing = renewal_of(entries, day("1404/12/29"))
    gone = undone(entries)
    assert all(held is None or held.id not in gone for held in (standing.outcome, standing.step))
    left = [one for one in entries if one.kind in (Kind.WON, Kind.LOST) and one.id not in gone]
    assert standing.outcome == (left[-1] if left else None)


@given(st.lists(st.integers(1, 900), min_size=1, max_size=8))
def test_terms_that_go_on_from_each_other_never_overlap_and_leave_no_gap(lengths: list[int]) -> None:
    chain = [contract()]
    for length in lengths:
        old = chain[-1]
        number = next_number(old, {one.number for one in chain})
        chain.append(renewed(old, old.ends_on + timedelta(days=length), number, old.level))
    for old, new in pairwise(chain):
        assert new.starts_on == old.ends_on + timedelta(days=1)
        assert new.starts_on <= new.ends_on
    assert len({one.number for one in chain}) == len(chain)


def test_a_contract_that_would_end_before_it_begins_is_none() -> None:
    with pytest.raises(ValueError, match="before it begins"):
        renewed(contract(), day("1404/12/29"), "18", "")


def test_a_new_number_has_the_year_in_which_it_begins() -> None:
    old = contract()
    assert next_number(old, set()) == "17-1405"
    assert next_number(old, {"17-1405"}) == "17-1405-2"
    again = Contract(
        customer_code="C-1", number="17-1405", starts_on=old.starts_on, ends_on=day("1405/12/29"), level=""
    )
    assert next_number(again, {"17", "17-1405"}) == "17-1406"
