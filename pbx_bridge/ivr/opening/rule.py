"""A yearly rule of an iCalendar event (RRULE of RFC 5545) and the days it names. Pure."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

LAST_YEAR = 2100

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_NTH = re.compile(r"([+-]?[1-5])(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"(\d{4})(\d{2})(\d{2})(T\d{6}Z?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Every `interval` years, in a month: on a day of it, or on the nth weekday (counted from its end below 0)."""

    month: int
    day: int = 0
    nth: int = 0
    weekday: int = 0
    interval: int = 1
    count: int | None = None
    until: date | None = None

    def days(self, first: date) -> Iterator[date]:
        """The days from the first one on, up to `LAST_YEAR`. A day that a year does not have is left out."""
        left = self.count
        for year in range(first.year, LAST_YEAR + 1, self.interval):
            day = self._in(year)
            if day is None or day < first:
                continue
            if left == 0 or (self.until is not None and day > self.until):
                return
            left = None if left is None else left - 1
            yield day

    def _in(self, year: int) -> date | None:
        length = calendar.monthrange(year, self.month)[1]
        day = self._nth_day(year, length) if self.nth else self.day
        return date(year, self.month, day) if 1 <= day <= length else None

    def _nth_day(self, year: int, length: int) -> int:
        if self.nth > 0:
            first = date(year, self.month, 1).weekday()
            return 1 + (self.weekday - first) % 7 + 7 * (self.nth - 1)
        last = date(year, self.month, length).weekday()
        return length - (last - self.weekday) % 7 + 7 * (self.nth + 1)


def parse_rule(text: str, first: date) -> Rule:
    """A rule of an event that begins on `first`. Raises ValueError saying what is not understood."""
    parts = dict(_pair(part) for part in text.upper().split(";") if part)
    if len(parts) < sum(1 for part in text.split(";") if part):
        raise ValueError("a part stands in it twice")
    if parts.pop("FREQ", "") != "YEARLY":
        raise ValueError("only FREQ=YEARLY is understood")
    parts.pop("WKST", "")
    month = _number(parts, "BYMONTH", first.month, 12)
    named_month = "BYMONTH" in parts
    nth, weekday = _nth(parts.get("BYDAY"), named_month)
    rule = Rule(
        month=month,
        day=0 if nth else _number(parts, "BYMONTHDAY", first.day, 31),
        nth=nth,
        weekday=weekday,
        interval=_number(parts, "INTERVAL", 1, 100),
        count=_number(parts, "COUNT", 1, 1000) if "COUNT" in parts else None,
        until=_until(parts["UNTIL"]) if "UNTIL" in parts else None,
    )
    known = {"BYMONTH", "BYDAY" if nth else "BYMONTHDAY", "INTERVAL", "COUNT", "UNTIL"}
    if unknown := sorted(parts.keys() - known):
        raise ValueError(f"{unknown[0][:20]} is not understood")
    return rule


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{text[:20]!r} is no part of a rule: NAME=value")
    return name.strip(), value.strip()


def _number(parts: dict[str, str], name: str, default: int, largest: int) -> int:
    text = parts.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= largest):
        raise ValueError(f"{name}={text[:20]} is not a number of 1 to {largest}")
    return int(text)


def _nth(text: str | None, named_month: bool) -> tuple[int, int]:
    if text is None:
        return 0, 0
    match = _NTH.fullmatch(text)
    if match is None or not named_month:
        raise ValueError(f"BYDAY={text[:20]} is not understood: one nth weekday such as 4TH, with BYMONTH")
    return int(match[1]), _WEEKDAYS.index(match[2])


def _until(text: str) -> date:
    match = _UNTIL.fullmatch(text)
    if match is None:
        raise ValueError(f"UNTIL={text[:20]} is no day")
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise ValueError(f"UNTIL={text[:20]}: that day does not exist") from None
