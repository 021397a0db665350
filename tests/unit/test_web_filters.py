"""A search as a person types it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from demo_history import NOON, make_call
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.web import filters
from pbx_bridge.web.show import Language, Show

TEHRAN = ZoneInfo("Asia/Tehran")


def _read(**fields: str) -> filters.Filters:
    return filters.read({name.rstrip("_"): text for name, text in fields.items()}, TEHRAN)


@pytest.mark.parametrize(
    "start", ["2026-11-21", "1405/08/30", "1405-8-30", "۱۴۰۵/۰۸/۳۰", "٢٠٢٦-١١-٢١", " 2026/11/21 "]
)
def test_a_day_is_the_same_in_either_calendar_and_digits(start: str) -> None:
    search = _read(from_=start, to=start)
    assert search.errors == {}
    assert search.start == datetime(2026, 11, 20, 20, 30, tzinfo=UTC)
    assert search.end == datetime(2026, 11, 21, 20, 30, tzinfo=UTC)


def test_a_time_of_day_is_taken_as_it_is() -> None:
    search = _read(from_="1405/08/30 10:15", to="2026-11-21 10:45")
    assert (search.start, search.end) == (
        datetime(2026, 11, 21, 6, 45, tzinfo=UTC),
        datetime(2026, 11, 21, 7, 15, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "text", ["yesterday", "1405/13/01", "2026-02-30", "1404/12/30", "9999-12-31", "0000/01/01", "-", "12:60"]
)
def test_a_date_that_is_none_keeps_its_text_and_names_its_field(text: str) -> None:
    search = _read(to=text, number="09121234567")
    assert search.errors == {"to": "error.date"}
    assert search.typed["to"] == text
    assert search.number == "09121234567"


def test_a_range_that_ends_before_it_begins() -> None:
    assert _read(from_="1405/08/30", to="2026-11-20").errors == {"to": "error.order"}
    assert _read(from_="1405/08/30", to="2026-11-21").errors == {}


def test_a_number_has_digits() -> None:
    assert _read(number="abc").errors == {"number": "error.number"}
    assert _read(number="۱۰۱").errors == {}


@given(st.fixed_dictionaries({}, optional={name: st.text(max_size=80) for name in filters.FIELDS}))
def test_nothing_a_person_types_is_an_exception(query: dict[str, str]) -> None:
    search = filters.read(query, TEHRAN)
    assert set(search.errors) <= set(filters.FIELDS)


@given(st.dates(date(1900, 1, 1), date(2200, 1, 1)), st.dates(date(1900, 1, 1), date(2200, 1, 1)))
def test_jalali_and_gregorian_ranges_are_the_same(one: date, other: date) -> None:
    first, last = sorted((one, other))
    fa, en = (Show(language=language, zone=TEHRAN) for language in (Language.FA, Language.EN))
    jalali = _read(from_=fa.typed_day(first), to=fa.typed_day(last))
    gregorian = _read(from_=en.typed_day(first), to=en.typed_day(last))
    assert (jalali.start, jalali.end, jalali.errors) == (gregorian.start, gregorian.end, {})


@pytest.mark.parametrize(
    "typed",
    ["09121234567", "+989121234567", "00989121234567", "9121234567", "۰۹۱۲۱۲۳۴۵۶۷", "0912 123-4567", "0912/1234567"],
)
def test_one_number_however_it_is_written(typed: str) -> None:
    search = _read(number=typed)
    assert search.matches(make_call(1, started_at=NOON, caller="09121234567"), "IR")
    assert search.matches(make_call(1, started_at=NOON, caller="101", called="+989121234567"), "IR")
    assert not search.matches(make_call(1, started_at=NOON, caller="09121234568"), "IR")


def test_a_search_by_day_has_its_first_moment_and_not_the_next_days() -> None:
    search = _read(from_="2026-11-21", to="2026-11-21")
    assert search.start
    assert search.end
    assert search.matches(make_call(1, started_at=search.start), "IR")
    assert not search.matches(make_call(1, started_at=search.end), "IR")
    assert search.matches(make_call(1, started_at=search.end - timedelta(microseconds=1)), "IR")


def test_ready_ranges_are_what_a_person_would_type() -> None:
    show = Show(language=Language.FA, zone=TEHRAN)
    ranges = dict(filters.ready_ranges(show, NOON))
    assert ranges["calls.today"] == {"from": "۱۴۰۵/۰۸/۳۰", "to": "۱۴۰۵/۰۸/۳۰"}
    assert ranges["calls.yesterday"] == {"from": "۱۴۰۵/۰۸/۲۹", "to": "۱۴۰۵/۰۸/۲۹"}
    assert filters.read(ranges["calls.week"], TEHRAN).errors == {}
