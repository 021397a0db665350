"""A search as a person types it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from demo_history import NOON, make_call
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.calls.call import Call
from pbx_bridge.web.history import filters, ranges
from pbx_bridge.web.show import Language, Show

TEHRAN = ZoneInfo("Asia/Tehran")


def _read(**fields: str) -> filters.Filters:
    return filters.read({name.rstrip("_"): text for name, text in fields.items()}, TEHRAN, NOON)


def _matches(search: filters.Filters, call: Call) -> bool:
    return search.wanted().matches(call, "IR", recorded=False)


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
    assert _read(number="-/-").errors == {"number": "error.number"}
    assert _read(number="۱۰۱").errors == {}


def test_what_has_a_letter_is_a_customer() -> None:
    for typed in ("abc", "C-1042", "شرکت ۱۲"):
        search = _read(number=typed)
        assert (search.number, search.named, search.errors) == ("", (typed,), {})
    assert _read(number="09121234567", customer="1042").named == ("1042",)


def test_each_further_filter_is_a_condition() -> None:
    search = _read(agent="101", outcome="missed", ticket="۴۷۱ ۲۰۸ ۸", wait="۹۰", talk="60", recorded="1", node="menu")
    assert search.errors == {}
    wanted = search.wanted(own="102")
    assert set(wanted.facets) == {("agent", "101"), ("outcome", "missed"), ("ticket", "4712088"), ("node", "menu")}
    assert (wanted.wait_over_s, wanted.talk_over_s, wanted.recorded, wanted.own) == (90, 60, True, "102")


@pytest.mark.parametrize(
    ("name", "text"), [("ticket", "123"), ("ticket", "4712089"), ("wait", "-1"), ("talk", "9" * 9)]
)
def test_a_further_filter_that_cannot_be_read_is_named(name: str, text: str) -> None:
    assert set(_read(**{name: text}).errors) == {name}


@pytest.mark.parametrize("name", ["direction", "outcome", "range", "recorded"])
def test_a_word_that_is_none_asks_nothing(name: str) -> None:
    assert not _read(**{name: "nonsense"}).any


@given(st.sampled_from(ranges.NAMES), st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.booleans())
def test_spans_of_days_are_whole_and_follow_each_other(name: str, today: date, persian: bool) -> None:
    first, last = ranges.days(name, today, persian=persian)
    assert first <= last
    if name in ("today", "week", "month"):
        assert first <= today <= last
        before = {"today": "yesterday", "week": "last_week", "month": "last_month"}[name]
        assert ranges.days(before, today, persian=persian)[1] == first - timedelta(days=1)
        assert ranges.days(name, last, persian=persian) == (first, last)
        assert ranges.days(name, first, persian=persian) == (first, last)


def test_a_span_moves_with_the_day_and_typed_days_win() -> None:
    week = _read(range="week")
    assert (week.start, week.end) == (_read(from_="2026-11-16").start, _read(to="2026-11-22").end)
    persian = filters.read({"range": "month"}, TEHRAN, NOON, persian=True)
    assert (persian.start, persian.end) == (_read(from_="1405/08/01").start, _read(to="1405/08/30").end)
    typed = _read(range="week", from_="2026-11-01")
    assert typed.start == _read(from_="2026-11-01").start
    assert typed.typed["range"] == ""


@given(st.fixed_dictionaries({}, optional={name: st.text(max_size=80) for name in filters.FIELDS}))
def test_nothing_a_person_types_is_an_exception(query: dict[str, str]) -> None:
    search = filters.read(query, TEHRAN, NOON)
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
    assert _matches(search, make_call(1, started_at=NOON, caller="09121234567"))
    assert _matches(search, make_call(1, started_at=NOON, caller="101", called="+989121234567"))
    assert not _matches(search, make_call(1, started_at=NOON, caller="09121234568"))


def test_a_search_by_day_has_its_first_moment_and_not_the_next_days() -> None:
    search = _read(from_="2026-11-21", to="2026-11-21")
    assert search.start
    assert search.end
    assert _matches(search, make_call(1, started_at=search.start))
    assert not _matches(search, make_call(1, started_at=search.end))
    assert _matches(search, make_call(1, started_at=search.end - timedelta(microseconds=1)))
