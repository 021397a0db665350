"""Dates, times, durations and numbers as people of each language read them; hostile text made harmless."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.values import dates
from pbx_bridge.values.hostile import clean
from pbx_bridge.web.show import Language, Show, isolate, left_to_right

TEHRAN = ZoneInfo("Asia/Tehran")
FA = Show(language=Language.FA, zone=TEHRAN)
EN = Show(language=Language.EN, zone=TEHRAN)
MOMENT = datetime(2026, 11, 21, 21, 2, 5, 999_999, tzinfo=UTC)  # half past midnight in Tehran: the next day


def test_a_moment_is_shown_in_the_zone_and_calendar_of_the_page() -> None:
    assert (EN.date_of(MOMENT), EN.clock(MOMENT)) == ("22 Nov 2026", "00:32:05")
    assert (FA.date_of(MOMENT), FA.clock(MOMENT)) == ("۱۴۰۵/۰۹/۰۱", "۰۰:۳۲:۰۵")
    assert EN.long_date(MOMENT) == "Sunday 22 November 2026"
    assert FA.long_date(MOMENT) == "یکشنبه ۱ آذر ۱۴۰۵"


def test_leap_day_of_the_jalali_calendar() -> None:
    assert FA.day(date(2025, 3, 20)) == "۱۴۰۳/۱۲/۳۰"
    assert FA.day(date(2025, 3, 21)) == "۱۴۰۴/۰۱/۰۱"


@given(st.dates(date(1800, 1, 1), date(2300, 1, 1)))
def test_a_day_as_typed_is_read_back_as_itself(day: date) -> None:
    assert dates.parse_date(FA.typed_day(day)) == day
    assert dates.parse_date(EN.typed_day(day)) == day


@pytest.mark.parametrize(
    ("us", "shown"),
    [
        (0, "0:00"),
        (499_999, "0:00"),
        (500_000, "0:01"),
        (59_499_999, "0:59"),
        (59_500_000, "1:00"),
        (125_000_000, "2:05"),
        (3_725_000_000, "1:02:05"),
        (360_000_000_000, "100:00:00"),
        (-5_000_000, "0:00"),
    ],
)
def test_durations(us: int, shown: str) -> None:
    assert EN.duration(us) == shown


def test_no_time_spent_is_a_dash() -> None:
    assert EN.spent(0) == "–"
    assert FA.spent(61_000_000) == "۱:۰۱"


@pytest.mark.parametrize(
    ("number", "en", "fa"),
    [
        ("09121234567", "0912 123 4567", "۰۹۱۲ ۱۲۳ ۴۵۶۷"),
        ("+989121234567", "0912 123 4567", "۰۹۱۲ ۱۲۳ ۴۵۶۷"),
        ("00989121234567", "0912 123 4567", "۰۹۱۲ ۱۲۳ ۴۵۶۷"),
        ("+4930901820", "+49 30 901820", "+۴۹ ۳۰ ۹۰۱۸۲۰"),
        ("100", "100", "۱۰۰"),
        ("", "", ""),
        ("\u202e<b>7", "<b>7", "<b>۷"),
    ],
)
def test_phone_numbers(number: str, en: str, fa: str) -> None:
    assert (EN.phone(number), FA.phone(number)) == (en, fa)


def test_numbers_and_tracking_numbers() -> None:
    assert (EN.number(1234567), FA.number(1234567)) == ("1,234,567", "۱٬۲۳۴٬۵۶۷")
    assert (EN.tracking("471208123"), FA.tracking("471208123")) == ("471 208 123", "۴۷۱ ۲۰۸ ۱۲۳")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Bob\u202egnp.exe", "Bobgnp.exe"),
        ("\u2066a\u2069\u200f\u061cb\x00\x07\x1b[31m", "ab[31m"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\r\n\t\u2028b", "a b"),
        ("x" + "\u0301" * 50, "x" + "\u0301" * 3),
        ("\ud800bad", "bad"),
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
    ],
)
def test_hostile_text_is_made_harmless(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_long_text_is_cut_with_a_mark() -> None:
    assert clean("م" * 300, 80) == "م" * 79 + "…"
    assert clean("م" * 80, 80) == "م" * 80


@given(st.text(), st.integers(1, 400))
def test_clean_text_has_no_character_that_steers(text: str, limit: int) -> None:
    shown = clean(text, limit)
    assert len(shown) <= limit
    assert all(unicodedata.category(c)[0] != "C" or c in "\u200c\u200d" for c in shown)
    assert not any(unicodedata.category(c) in ("Zl", "Zp") for c in shown)


def test_isolated_text_cannot_end_its_isolation() -> None:
    assert isolate("a\u2069\u202eb") == "\u2068ab\u2069"
    assert left_to_right("12 3") == "\u206612 3\u2069"
