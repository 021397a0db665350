"""What `say` gives is right and finite: every clip is in the inventory, and the words are the language's own."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from persiantools import digits as persian
from persiantools.jdatetime import MONTH_NAMES_FA, JalaliDate

from pbx_bridge.ivr.phrase import GROUP, Clip, Phrase
from pbx_bridge.ivr.speech import GRAMMARS, KINDS, Kind, Money, inventory, say, spoken
from pbx_bridge.values import tracking
from pbx_bridge.values.dates import parse_date

COUNTS = st.one_of(
    st.integers(-(10**12), 10**12), st.integers(0, 2000), st.builds(lambda p: 10**p, st.integers(0, 12))
)
LANGUAGES = st.sampled_from(sorted(GRAMMARS))
ALL = {language: inventory(language) for language in GRAMMARS}


def words(phrase: Phrase) -> str:
    return " ".join(item.text for item in phrase if isinstance(item, Clip))


def persian_words(number: int) -> str:
    """As persiantools writes them, less the «یک» that nobody says before «صد» and «هزار»."""
    told = persian.to_word(number).replace("یکصد", "صد")
    first = told.removeprefix("منفی ")
    if first == "یک هزار" or first.startswith("یک هزار "):
        told = told.replace("یک هزار", "هزار", 1)
    return told.replace(" و یک هزار", " و هزار") if abs(number) // 1000 % 1000 == 1 else told


def clips(phrase: Phrase) -> set[Clip]:
    return {item for item in phrase if isinstance(item, Clip)}


@given(COUNTS)
def test_persian_counts_are_the_words_of_persiantools(number: int) -> None:
    assert spoken(number, "count", "fa") == persian_words(number)


@pytest.mark.parametrize(
    ("number", "texts"),
    [
        (0, "صفر"),
        (25, "بیستُ پنج"),
        (100, "صد"),
        (1404, "هزارُ چهارصدُ چهار"),
        (2_300_000, "دو میلیونُ سیصد هزار"),
        (1_001_000, "یک میلیونُ هزار"),
        (-7, "منفی هفت"),
        (10**12, "یک تریلیون"),
    ],
)
def test_persian_numbers_are_fused(number: int, texts: str) -> None:
    assert words(say(number, "count", "fa")) == texts


@pytest.mark.parametrize(
    ("number", "texts"),
    [
        (0, "zero"),
        (21, "twenty-one"),
        (105, "one hundred five"),
        (1_200_034, "one million two hundred thousand thirty-four"),
        (-7, "minus seven"),
    ],
)
def test_english_numbers(number: int, texts: str) -> None:
    assert words(say(number, "count", "en")) == texts


@given(COUNTS, LANGUAGES)
def test_every_number_is_in_the_inventory(number: int, language: str) -> None:
    money = Money(amount=number, currency="rial")
    assert clips(say(number, "count", language)) <= inventory(language, "count")
    assert clips(say(money, "money", language)) <= inventory(language, "money")
    assert clips(say(abs(number), "duration", language)) <= inventory(language, "duration")


@given(st.dates(date(1921, 3, 21), date(2122, 3, 20)), LANGUAGES)
def test_every_date_is_in_the_inventory(day: date, language: str) -> None:
    assert clips(say(day, "date", language)) <= inventory(language, "date")


@pytest.mark.parametrize("year", [1399, 1403, 1404])
def test_every_day_of_a_year(year: int) -> None:
    day = parse_date(f"{year}-01-01")
    seen = set()
    while (jalali := JalaliDate(day)).year == year:  # type: ignore[no-untyped-call]
        text = spoken(day, "date", "fa")
        assert text.endswith(f" {MONTH_NAMES_FA[jalali.month]} {persian_words(year)}")
        for language, known in ALL.items():
            assert clips(say(day, "date", language)) <= known
        seen.add(text)
        day += timedelta(days=1)
    assert len(seen) == (366 if year in {1399, 1403} else 365)


@pytest.mark.parametrize(
    ("day", "fa", "en", "heard"),
    [
        (
            date(2026, 3, 6),
            "پانزدهم اسفند هزار و چهارصد و چهار",
            "March 6, 2026",
            "March sixth twenty twenty-six",
        ),
        (date(2025, 3, 20), "سی‌ام اسفند هزار و چهارصد و سه", "March 20, 2025", "March twentieth twenty twenty-five"),
        (
            date(2009, 4, 20),
            "سی و یکم فروردین هزار و سیصد و هشتاد و هشت",
            "April 20, 2009",
            "April twentieth two thousand nine",
        ),
        (
            date(2000, 12, 31),
            "یازدهم دی هزار و سیصد و هفتاد و نه",
            "December 31, 2000",
            "December thirty-first two thousand",
        ),
        (
            date(2105, 5, 3),
            "سیزدهم اردیبهشت هزار و چهارصد و هشتاد و چهار",
            "May 3, 2105",
            "May third twenty-one oh five",
        ),
    ],
)
def test_dates(day: date, fa: str, en: str, heard: str) -> None:
    assert spoken(day, "date", "fa") == fa
    assert spoken(day, "date", "en") == en
    assert words(say(day, "date", "en")) == heard


@given(st.text("0123456789", min_size=6, max_size=12), LANGUAGES)
def test_a_tracking_number_is_read_digit_by_digit_in_groups(number: str, language: str) -> None:
    phrase = say(number, "tracking", language)
    groups = tracking.groups(number)
    assert phrase.count(GROUP) == len(groups) - 1
    assert len(phrase) == len(number) + len(groups) - 1
    assert clips(phrase) <= inventory(language, "tracking")
    assert words(phrase) == words(say(number, "digits", language))


def test_persian_digits_are_digits() -> None:
    assert say("۴۷۱۲۹۰۶", "tracking", "en") == say("4712906", "tracking", "en")
    assert spoken("4712906", "tracking", "fa") == "۴۷۱ ۲۹ ۰۶"
    assert spoken("4712906", "tracking", "en") == "471 29 06"
    assert spoken("0912", "digits", "fa") == "۰۹۱۲"


@given(st.times(), LANGUAGES)
def test_every_time_is_in_the_inventory(clock: time, language: str) -> None:
    assert clips(say(clock, "time", language)) <= inventory(language, "time")


@pytest.mark.parametrize(
    ("value", "kind", "fa", "en"),
    [
        (time(14, 30), "time", "ساعت چهارده و سی دقیقه", "two thirty P.M."),
        (time(0, 5), "time", "ساعت صفر و پنج دقیقه", "twelve oh five A.M."),
        (time(9), "time", "ساعت نه", "nine A.M."),
        (timedelta(minutes=125), "duration", "دو ساعت و پنج دقیقه", "two hours and five minutes"),
        (3661, "duration", "یک ساعت و یک دقیقه و یک ثانیه", "one hour one minute and one second"),
        (0, "duration", "صفر ثانیه", "zero seconds"),
        (
            Money(amount=1_500_000, currency="toman"),
            "money",
            "یک میلیون و پانصد هزار تومان",
            "one million five hundred thousand tomans",
        ),
        (Money(amount=1, currency="rial"), "money", "یک ریال", "one rial"),
    ],
)
def test_times_durations_and_money(value: object, kind: Kind, fa: str, en: str) -> None:
    assert spoken(value, kind, "fa") == fa
    assert spoken(value, kind, "en") == en


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("12a", "digits"),
        ("", "tracking"),
        (12, "tracking"),
        ("²", "digits"),
        ("12", "count"),
        (True, "count"),
        (10**12 + 1, "count"),
        (5, "money"),
        (Money(amount=10**13, currency="rial"), "money"),
        (datetime(2026, 3, 6, tzinfo=UTC), "date"),
        ("2026-03-06", "date"),
        ("12:00", "time"),
        (-1, "duration"),
        (timedelta(seconds=-1), "duration"),
    ],
)
def test_a_value_that_is_not_of_its_kind_is_refused(value: object, kind: Kind) -> None:
    for language in GRAMMARS:
        with pytest.raises(ValueError, match=r"."):
            say(value, kind, language)
        with pytest.raises(ValueError, match=r"."):
            spoken(value, kind, language)


def test_a_language_without_a_grammar_is_refused() -> None:
    with pytest.raises(ValueError, match="'de'"):
        say(1, "count", "de")


def test_the_inventory_is_lean_and_covers_every_kind() -> None:
    for language, known in ALL.items():
        assert len(known) < 250
        assert known == {clip for kind in KINDS for clip in inventory(language, kind)}
