"""How Persian says values. Dates are Jalali; numbers are fused: «بیستُ پنج», spoken bist-o-panj. Pure.

The sign ُ at a word's end is the spoken "o" of «و», ِ the ezafe: espeak-ng reads both right, where it reads a
written «و» as a stressed "va". Neither is shown to people. A whole clip for each of 0 to 99 keeps their melody.
"""

from __future__ import annotations

import re
from datetime import date, time

from pbx_bridge.ivr.grammar import Money, ValueKind, hours_minutes_seconds, thousands
from pbx_bridge.values import digits
from pbx_bridge.values.dates import to_jalali

_O = "\u064f"
_E = "\u0650"
_SHORT_VOWELS = re.compile("[\u064e\u064f\u0650\u0652]")

_TEENS = (
    "صفر", "یک", "دو", "سه", "چهار", "پنج", "شش", "هفت", "هشت", "نُه",
    "ده", "یازده", "دوازده", "سیزده", "چهارده", "پانزده", "شانزده", "هفده", "هجده", "نوزده",
)  # fmt: skip
_TENS = ("بیست", "سی", "چهل", "پنجاه", "شصت", "هفتاد", "هشتاد", "نود")
_HUNDREDS = ("", "صد", "دویست", "سیصد", "چهارصد", "پانصد", "ششصد", "هفتصد", "هشتصد", "نُهصد")
_SCALES = ("", "هزار", "میلیون", "میلیارد", "تریلیون")
_MINUS = "منفی"
_MONTHS = (
    "فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور",
    "مهر", "آبان", "آذر", "دی", "بهمن", "اسفند",
)  # fmt: skip
_ORDINALS = ("", "یکم", "دوم", "سوم", "چهارم", "پنجم", "ششم", "هفتم", "هشتم", "نهم", "دهم")
_CURRENCIES = {"toman": "تومان", "rial": "ریال"}
_AT = "ساعت" + _E
_UNITS = ("ساعت", "دقیقه", "ثانیه")


def _below_hundred(number: int) -> str:
    if number < len(_TEENS):
        return _TEENS[number]
    ten, one = divmod(number, 10)
    return f"{_TENS[ten - 2]}{_O} {_TEENS[one]}" if one else _TENS[ten - 2]


def _ordinal(number: int) -> str:
    if number < len(_ORDINALS):
        return _ORDINALS[number]
    if number == 30:
        return f"سی‌ا{_O}م"
    ten, one = divmod(number, 10)
    return f"{_TENS[ten - 2]}{_O} {_ORDINALS[one]}" if ten > 1 and one else _below_hundred(number) + "م"


_SMALL = tuple(_below_hundred(number) for number in range(100))
_DAYS = tuple(_ordinal(number) + _E for number in range(1, 32))


def _group(group: int, power: int) -> list[str]:
    hundreds, rest = divmod(group, 100)
    words = [_HUNDREDS[hundreds] + (_O if rest else "")] if hundreds else []
    if rest and (group, power) != (1, 1):  # «هزار», never «یک هزار»
        words.append(_SMALL[rest])
    return [*words, _SCALES[power]] if power else words


class Persian:
    """The Persian grammar."""

    def count(self, number: int) -> tuple[str, ...]:
        """A whole number."""
        if number == 0:
            return (_SMALL[0],)
        words = [_MINUS] if number < 0 else []
        for group, power in thousands(abs(number)):
            if words and words[-1] != _MINUS:
                words[-1] += _O
            words += _group(group, power)
        return tuple(words)

    def money(self, money: Money) -> tuple[str, ...]:
        """An amount and its currency."""
        return (*self.count(money.amount), _CURRENCIES[money.currency])

    def day(self, day: date) -> tuple[str, ...]:
        """«پانزدهمِ اسفندِ هزارُ چهارصدُ چهار»."""
        year, month, day_of_month = to_jalali(day)
        return (_DAYS[day_of_month - 1], _MONTHS[month - 1] + _E, *self.count(year))

    def clock(self, clock: time) -> tuple[str, ...]:
        """«ساعتِ چهاردهُ سی دقیقه»: the 24 hours of the day."""
        if clock.minute == 0:
            return (_AT, _SMALL[clock.hour])
        return (_AT, _SMALL[clock.hour] + _O, _SMALL[clock.minute], _UNITS[1])

    def duration(self, seconds: int) -> tuple[str, ...]:
        """«دو ساعتُ پنج دقیقه»."""
        words: list[str] = []
        for number, unit in zip(hours_minutes_seconds(seconds), _UNITS, strict=True):
            if number:
                words[-1:] = [words[-1] + _O] if words else []
                words += [*self.count(number), unit]
        return tuple(words) or (_SMALL[0], _UNITS[2])

    def inventory(self, kind: ValueKind) -> frozenset[str]:
        """Every clip text of a kind."""
        scales = _SCALES[1:]
        numbers = {*_SMALL, *_HUNDREDS[1:], *scales, _MINUS, *(word + _O for word in (*_HUNDREDS[1:], *scales))}
        match kind:
            case "digits" | "tracking":
                return frozenset(_SMALL[:10])
            case "count":
                return frozenset(numbers)
            case "money":
                return frozenset(numbers | set(_CURRENCIES.values()))
            case "date":
                return frozenset(self._years() | set(_DAYS) | {month + _E for month in _MONTHS})
            case "time":
                return frozenset({*_SMALL[:60], *(word + _O for word in _SMALL[:24]), _AT, _UNITS[1]})
            case "duration":
                return frozenset(numbers | set(_UNITS) | {unit + _O for unit in _UNITS})

    def shown(self, text: str) -> str:
        """The text without short vowels; the fused "o" as the «و» people write."""
        return _SHORT_VOWELS.sub("", text.replace(f"{_O} ", " و "))

    def shown_digits(self, text: str) -> str:
        """Persian digits."""
        return digits.to_persian(text)

    def shown_date(self, day: date) -> str:
        """«پانزدهم اسفند هزار و چهارصد و چهار»."""
        return self.shown(" ".join(self.day(day)))

    def _years(self) -> set[str]:
        hundreds = _HUNDREDS[1:]
        return {*_SMALL[1:], *hundreds, *(word + _O for word in hundreds), _SCALES[1], _SCALES[1] + _O}
