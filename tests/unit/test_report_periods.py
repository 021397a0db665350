"""The days a report is about, in both calendars."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.values import dates
from pbx_bridge.web.reports import periods
from pbx_bridge.web.reports.periods import Period
from pbx_bridge.web.show import Language, Show

TODAY = date(2026, 11, 21)  # 1405/08/30, a Saturday
FA, EN = (Show(language=language, zone=ZoneInfo("Asia/Tehran")) for language in (Language.FA, Language.EN))
days = st.dates(date(1980, 1, 1), date(2100, 1, 1))


@pytest.mark.parametrize(
    ("preset", "show", "now", "before"),
    [
        ("days7", EN, ("2026-11-15", "2026-11-21"), ("2026-11-08", "2026-11-14")),
        ("days30", FA, ("2026-10-23", "2026-11-21"), ("2026-09-23", "2026-10-22")),
        ("week", EN, ("2026-11-16", "2026-11-21"), ("2026-11-09", "2026-11-14")),
        ("week", FA, ("2026-11-21", "2026-11-21"), ("2026-11-14", "2026-11-14")),
        ("last_week", FA, ("2026-11-14", "2026-11-20"), ("2026-11-07", "2026-11-13")),
        ("month", EN, ("2026-11-01", "2026-11-21"), ("2026-10-01", "2026-10-21")),
        ("month", FA, ("1405/08/01", "1405/08/30"), ("1405/07/01", "1405/07/30")),
        ("last_month", EN, ("2026-10-01", "2026-10-31"), ("2026-09-01", "2026-09-30")),
        ("last_month", FA, ("1405/07/01", "1405/07/30"), ("1405/06/01", "1405/06/31")),
        ("year", EN, ("2025-11-22", "2026-11-21"), ("2024-11-22", "2025-11-21")),
    ],
)
def test_ready_periods(preset: str, show: Show, now: tuple[str, str], before: tuple[str, str]) -> None:
    asked = periods.ready(preset, show, TODAY)
    assert asked.now.span == tuple(dates.parse_date(text) for text in now)
    assert asked.before.span == tuple(dates.parse_date(text) for text in before)


def test_free_days_in_either_calendar_are_the_same() -> None:
    jalali = periods.read({"from": "۱۴۰۵/۰۸/۰۱", "to": "۱۴۰۵/۰۸/۳۰"}, FA, TODAY)
    gregorian = periods.read({"from": "2026-10-23", "to": "2026-11-21"}, EN, TODAY)
    assert (jalali.now, jalali.before) == (gregorian.now, gregorian.before)
    assert not jalali.errors
    assert jalali.query == {"from": "۱۴۰۵/۰۸/۰۱", "to": "۱۴۰۵/۰۸/۳۰"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "x"}, "from"),
        ({"to": "1405/13/01"}, "to"),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "to"),
        ({"from": "2000-01-01", "to": "2026-11-01"}, "to"),
        ({"from": "9999-12-31", "to": "9999-12-31"}, "from"),
        ({"from": "0001-01-01"}, "from"),
    ],
)
def test_what_cannot_be_read_is_told_by_its_field(query: dict[str, str], field: str) -> None:
    asked = periods.read(query, EN, TODAY)
    assert field in asked.errors
    assert asked.typed[field] == query[field]


def test_one_end_is_enough() -> None:
    assert periods.read({"from": "2026-11-01"}, EN, TODAY).now == Period(first=date(2026, 11, 1), last=TODAY)
    assert periods.read({"period": "nonsense"}, EN, TODAY).preset == "days30"


@given(days, st.sampled_from([FA, EN]))
def test_every_day_is_in_its_month_and_months_follow_each_other(day: date, show: Show) -> None:
    month = periods.month_of(day, show)
    assert month.first <= day <= month.last
    assert 28 <= month.days <= 31
    assert periods.month_before(month, show).last == month.first - timedelta(days=1)
    assert periods.month_named(periods.name_of_month(month, show)) == month


@given(days, st.sampled_from([FA, EN]), st.sampled_from(periods.PRESETS))
def test_a_period_never_meets_the_one_before(day: date, show: Show, preset: str) -> None:
    asked = periods.ready(preset, show, day)
    assert asked.before.last < asked.now.first <= asked.now.last <= day


@pytest.mark.parametrize("text", ["", "2026", "2026-0", "2026-13", "1405-13", "x-1", "-1-1", "99999-01"])
def test_no_such_month(text: str) -> None:
    assert periods.month_named(text) is None
