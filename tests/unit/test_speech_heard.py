"""A listener who knows Persian, and nothing of how we speak it, understands every value again.

The listener's words, its calendar and its reading of the clips are written here from scratch and are shared with no
code of ours: leap years by the cycle of 33 years, numbers by adding up what is heard.
"""

# ruff: noqa: SIM905 - Persian words are read more easily in a row than each between quotes

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time, timedelta
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.ivr.phrase import Clip, Phrase
from pbx_bridge.ivr.prompt_text import Choice, Slot, Words
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.speech import GRAMMARS, KINDS, Kind, Money, inventory, say

ONES = "صفر یک دو سه چهار پنج شش هفت هشت نه ده یازده دوازده سیزده چهارده پانزده شانزده هفده هجده نوزده".split()
TENS = "بیست سی چهل پنجاه شصت هفتاد هشتاد نود".split()
HUNDREDS = "صد دویست سیصد چهارصد پانصد ششصد هفتصد هشتصد نهصد".split()
VALUES = {
    **{word: value for value, word in enumerate(ONES)},
    **{word: 20 + 10 * place for place, word in enumerate(TENS)},
    **{word: 100 + 100 * place for place, word in enumerate(HUNDREDS)},
}
SCALES = {"هزار": 10**3, "میلیون": 10**6, "میلیارد": 10**9, "تریلیون": 10**12}
MONTHS = "فروردین اردیبهشت خرداد تیر مرداد شهریور مهر آبان آذر دی بهمن اسفند".split()
ORDINALS = {
    **dict(zip("یکم دوم سوم چهارم پنجم ششم هفتم هشتم نهم دهم".split(), range(1, 11), strict=True)),
    **{ONES[value] + "م": value for value in range(11, 20)},
    "بیستم": 20,
    "سی‌ام": 30,
}
AND = "\u064f"
OF = "\u0650"
LEAP = {1, 5, 9, 13, 17, 22, 26, 30}  # of each 33 years


def heard(phrase: Phrase) -> list[str]:
    """The words, a fused «ُ» at a word's end as the word «و»; other vowel signs are not heard as words."""
    text = " ".join(item.text for item in phrase if isinstance(item, Clip))
    words = [part for word in text.split() for part in ((word[:-1], "و") if word.endswith(AND) else (word,))]
    return [word.replace(AND, "").replace(OF, "") for word in words]


def number(words: list[str]) -> int:
    """Add up what is heard: parts joined by «و», each smaller than the one before; «هزار» alone is a thousand."""
    if words[0] == "منفی":
        return -number(words[1:])
    total, group, least, fresh = 0, 0, 10**15, True
    for word in words:
        if word == "و":
            assert not fresh, words
            fresh = True
            continue
        if word in SCALES:
            assert SCALES[word] < least, words
            total, group, least = total + (group or 1) * SCALES[word], 0, SCALES[word]
        else:
            assert fresh, words
            part = VALUES[word]
            assert group % (1000 if not group else 100 if group >= 100 and group % 100 == 0 else 10) == 0, words
            assert not group or part < (100 if group % 100 == 0 else 10), words
            assert part or len(words) == 1, words
            group += part
        fresh = False
    assert not fresh, words
    return total + group


def day_of(words: list[str]) -> tuple[int, int, int]:
    """Year, month and day of a date that was heard."""
    month = next(place for place, word in enumerate(words) if word in MONTHS)
    *tens, last = (word for word in words[:month] if word != "و")
    of_month = sum(VALUES[word] for word in tens) + ORDINALS[last]
    return number(words[month + 1 :]), MONTHS.index(words[month]) + 1, of_month


def days(first: int, last: int) -> Iterator[tuple[date, tuple[int, int, int]]]:
    """Every day of these Jalali years beside its Gregorian date, counted from 1 Farvardin 1300."""
    day = date(1921, 3, 21)
    for year in range(1300, last + 1):
        for month in range(1, 13):
            length = 31 if month < 7 else 30 if month < 12 or year % 33 in LEAP else 29
            for of_month in range(1, length + 1):
                if year >= first:
                    yield day, (year, month, of_month)
                day += timedelta(days=1)


def test_the_listener_is_no_yes_man() -> None:
    assert number("دو هزار و سیصد و چهل و پنج".split()) == 2345
    for wrong in ("دو هزار سیصد", "و دو", "دو و", "سه و چهار", "بیست و سی", "صد و دویست", "هزار و میلیون"):
        with pytest.raises(AssertionError):
            number(wrong.split())


def test_every_number_to_a_hundred_thousand_is_understood() -> None:
    known = inventory("fa", "count")
    for value in range(100_001):
        phrase = say(value, "count", "fa")
        assert number(heard(phrase)) == value
        assert known.issuperset(phrase)


@given(st.integers(0, 10**12) | st.builds(lambda a, p: a * 1000**p, st.integers(1, 999), st.integers(0, 3)))
def test_every_number_to_a_million_millions_is_understood(value: int) -> None:
    assert number(heard(say(value, "count", "fa"))) == value
    assert number(heard(say(-value, "count", "fa"))) == -value


def test_every_group_is_understood_at_every_place() -> None:
    """A number is its groups of three digits: all of them, at each place, beside every kind of neighbour."""
    for power in range(4):
        for group in range(1, 1000):
            for beside in (0, 1, 999):
                value = group * 1000**power + beside * (1000 ** (power - 1) if power else 1000)
                assert number(heard(say(value, "count", "fa"))) == value


def test_every_day_of_two_hundred_years_is_understood() -> None:
    known = {language: inventory(language, "date") for language in GRAMMARS}
    count = 0
    for day, jalali in days(1300, 1500):
        phrase = say(day, "date", "fa")
        assert day_of(heard(phrase)) == jalali
        assert known["fa"].issuperset(phrase)
        assert known["en"].issuperset(say(day, "date", "en"))
        count += 1
    assert count == 201 * 365 + sum(year % 33 in LEAP for year in range(1300, 1501))


def test_every_minute_of_a_day_is_understood() -> None:
    for minute in range(24 * 60):
        clock = time(minute // 60, minute % 60)
        words = heard(say(clock, "time", "fa"))
        assert words[0] == "ساعت"
        told = words[1:-1] if words[-1] == "دقیقه" else words[1:]
        hour, _, rest = " ".join(told).partition(" و ") if clock.hour < 20 or clock.hour == 20 else ("", "", "")
        if clock.hour > 20:
            ten, one, rest = [*" ".join(told).split(" و ", 2), ""][:3]
            hour = f"{ten} و {one}"
        assert number(hour.split()) == clock.hour
        assert (number(rest.split()) if rest else 0) == clock.minute
        for language in GRAMMARS:
            assert inventory(language, "time").issuperset(say(clock, "time", language))


@given(st.integers(0, 400 * 3600) | st.integers(0, 10**12))
def test_a_length_of_time_is_understood(seconds: int) -> None:
    words = heard(say(seconds, "duration", "fa"))
    total, told = 0, list[str]()
    for word in words:
        if word in {"ساعت", "دقیقه", "ثانیه"}:
            total += number(told[1:] if told[0] == "و" else told) * {"ساعت": 3600, "دقیقه": 60, "ثانیه": 1}[word]
            told = []
        else:
            told.append(word)
    assert (total, told) == (seconds, [])


@given(st.integers(0, 10**12), st.sampled_from(["toman", "rial"]))
def test_an_amount_is_understood(amount: int, currency: Literal["toman", "rial"]) -> None:
    *told, unit = heard(say(Money(amount=amount, currency=currency), "money", "fa"))
    assert number(told) == amount
    assert unit == {"toman": "تومان", "rial": "ریال"}[currency]
    for language in GRAMMARS:
        known = inventory(language, "money")
        assert known.issuperset(say(Money(amount=amount, currency=currency), "money", language))


VALUES_OF: dict[Kind, st.SearchStrategy[object]] = {
    "digits": st.text("0123456789", min_size=1, max_size=20),
    "tracking": st.text("0123456789", min_size=6, max_size=12),
    "count": st.integers(-(10**12), 10**12),
    "money": st.builds(Money, amount=st.integers(0, 10**12), currency=st.sampled_from(["toman", "rial"])),
    "date": st.dates(date(1921, 3, 21), date(2122, 3, 20)),
    "time": st.times(),
    "duration": st.integers(0, 10**6),
    "name": st.text(),
    "text": st.text(),
}
SHIPPED = PromptBook.load()
EVERY = [(key, language) for language in SHIPPED.languages for key in sorted(SHIPPED.keys(language))]


def test_every_kind_of_value_is_tried() -> None:
    assert set(VALUES_OF) == set(KINDS)


@pytest.mark.parametrize(("key", "language"), EVERY)
@settings(max_examples=25)
@given(st.data())
def test_every_clip_that_a_shipped_prompt_can_need_is_known(key: str, language: str, data: st.DataObject) -> None:
    """`clips` is what is rendered: all that any values make of any prompt is in it, each word of a choice too."""
    values: dict[str, object] = {}
    for part in SHIPPED.prompt(key, language).parts:
        match part:
            case Slot(name=name, kind=kind):
                values[name] = data.draw(VALUES_OF[kind])
            case Choice(name=name, family=family):
                chosen = sorted(SHIPPED.family(family))
                values[name] = data.draw(st.sampled_from(chosen)).removeprefix(f"{family}_")
            case Words():
                pass
    rendered = SHIPPED.clips([key], language)
    phrase = SHIPPED.phrase(key, language, values, rendered.__contains__)  # free text is made ahead, not rendered
    said = {item for item in phrase if isinstance(item, Clip)}
    assert said
    assert said <= rendered
