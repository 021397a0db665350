"""How English says values, the American way: "March sixth, twenty twenty-six", "two thirty P.M.". Pure."""

from __future__ import annotations

from datetime import date, time

from pbx_bridge.ivr.grammar import Money, ValueKind, hours_minutes_seconds, thousands

_TEENS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_HUNDRED = "hundred"
_SCALES = ("", "thousand", "million", "billion", "trillion")
_MINUS = "minus"
_OH = "oh"
_AND = "and"
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_ORDINALS = (
    "", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth",
    "nineteenth", "twentieth",
)  # fmt: skip
_CURRENCIES = {"toman": ("toman", "tomans"), "rial": ("rial", "rials")}
_HALVES = ("A.M.", "P.M.")
_UNITS = (("hour", "hours"), ("minute", "minutes"), ("second", "seconds"))


def _below_hundred(number: int) -> str:
    if number < len(_TEENS):
        return _TEENS[number]
    ten, one = divmod(number, 10)
    return f"{_TENS[ten - 2]}-{_TEENS[one]}" if one else _TENS[ten - 2]


def _ordinal(number: int) -> str:
    if number < len(_ORDINALS):
        return _ORDINALS[number]
    ten, one = divmod(number, 10)
    return f"{_TENS[ten - 2]}-{_ORDINALS[one]}" if one else "thirtieth"


_SMALL = tuple(_below_hundred(number) for number in range(100))
_DAYS = tuple(_ordinal(number) for number in range(1, 32))


def _group(group: int, power: int) -> list[str]:
    hundreds, rest = divmod(group, 100)
    words = [_SMALL[hundreds], _HUNDRED] if hundreds else []
    words += [_SMALL[rest]] if rest else []
    return [*words, _SCALES[power]] if power else words


class English:
    """The English grammar."""

    def count(self, number: int) -> tuple[str, ...]:
        """A whole number."""
        if number == 0:
            return (_SMALL[0],)
        words = [_MINUS] if number < 0 else []
        for group, power in thousands(abs(number)):
            words += _group(group, power)
        return tuple(words)

    def money(self, money: Money) -> tuple[str, ...]:
        """An amount and its currency."""
        return (*self.count(money.amount), _CURRENCIES[money.currency][abs(money.amount) != 1])

    def day(self, day: date) -> tuple[str, ...]:
        """Month, day and year of the Gregorian date."""
        return (_MONTHS[day.month - 1], _DAYS[day.day - 1], *self._year(day.year))

    def clock(self, clock: time) -> tuple[str, ...]:
        """The 12-hour clock."""
        minute = (_OH, _SMALL[clock.minute]) if clock.minute < 10 else (_SMALL[clock.minute],)
        return (_SMALL[clock.hour % 12 or 12], *(minute if clock.minute else ()), _HALVES[clock.hour // 12])

    def duration(self, seconds: int) -> tuple[str, ...]:
        """Hours, minutes and seconds, as far as they are not zero."""
        told = [
            (*self.count(number), unit[number != 1])
            for number, unit in zip(hours_minutes_seconds(seconds), _UNITS, strict=True)
            if number
        ]
        if len(told) > 1:
            told.insert(-1, (_AND,))
        return tuple(word for words in told for word in words) or (_SMALL[0], _UNITS[2][1])

    def inventory(self, kind: ValueKind) -> frozenset[str]:
        """Every clip text of a kind."""
        numbers = {*_SMALL, _HUNDRED, *_SCALES[1:], _MINUS}
        match kind:
            case "digits" | "tracking":
                return frozenset(_SMALL[:10])
            case "count":
                return frozenset(numbers)
            case "money":
                return frozenset(numbers | {word for pair in _CURRENCIES.values() for word in pair})
            case "date":
                return frozenset({*_MONTHS, *_DAYS, *_SMALL[1:], _HUNDRED, _SCALES[1], _OH})
            case "time":
                return frozenset({*_SMALL[1:60], _OH, *_HALVES})
            case "duration":
                return frozenset(numbers | {word for pair in _UNITS for word in pair} | {_AND})

    def shown(self, text: str) -> str:
        """The text as it is: English is written as it is read."""
        return text

    def shown_digits(self, text: str) -> str:
        """ASCII digits."""
        return text

    def shown_date(self, day: date) -> str:
        """March 6, 2026."""
        return f"{_MONTHS[day.month - 1]} {day.day}, {day.year}"

    def _year(self, year: int) -> tuple[str, ...]:
        """1999 in pairs, 1905 with an "oh", 2006 and the like as a count."""
        century, rest = divmod(year, 100)
        if century % 10 == 0 and rest < 10:
            return self.count(year)
        if rest == 0:
            return (_SMALL[century], _HUNDRED)
        return (_SMALL[century], *((_OH,) if rest < 10 else ()), _SMALL[rest]) if century else (_SMALL[rest],)
