"""Dates as people write them: ISO (2026-03-20) or Jalali (1404/12/29), Persian digits allowed.

A year below 1700 is Jalali, any other Gregorian: the two never meet within the lifetime of a contract.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from persiantools.jdatetime import JalaliDate

from pbx_bridge.values import digits

TEHRAN = ZoneInfo("Asia/Tehran")

_DAY = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_FIRST_GREGORIAN_YEAR = 1700


def parse_date(text: str) -> date:
    """The Gregorian date of an ISO or Jalali one. Raises ValueError saying what is wrong."""
    plain = digits.to_ascii(text.strip())
    match = _DAY.fullmatch(plain)
    if match is None:
        raise ValueError(f"{text!r} is no date: write 2026-03-20 or 1404/12/29")
    year, month, day = (int(part) for part in match.groups())
    try:
        if year < _FIRST_GREGORIAN_YEAR:
            return _jalali_to_gregorian(year, month, day)
        return date(year, month, day)
    except ValueError as error:
        raise ValueError(f"{text!r} is no date: that day does not exist") from error


def parse_datetime(text: str, zone: ZoneInfo = TEHRAN) -> datetime:
    """An aware moment from a date with an optional time of day (HH:MM[:SS], or full ISO 8601 with offset).

    A moment without an offset is in `zone`; a date alone is its midnight. Raises ValueError.
    """
    plain = digits.to_ascii(text.strip())
    day, _, clock = plain.replace("T", " ").partition(" ")
    if not clock:
        return datetime.combine(parse_date(day), time.min, tzinfo=zone)
    match = _CLOCK.fullmatch(clock.strip())
    if match is None:
        return _parse_iso(text, plain, zone)
    try:
        hour, minute, second = (int(part) for part in match.groups(default="0"))
        at = time(hour, minute, second)
    except ValueError as error:
        raise ValueError(f"{text!r} is no time: that hour or minute does not exist") from error
    return datetime.combine(parse_date(day), at, tzinfo=zone)


def _parse_iso(text: str, plain: str, zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(plain)
    except ValueError as error:
        raise ValueError(f"{text!r} is no time: write 2026-03-20 14:30 or 1404/12/29 14:30") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def to_jalali(day: date) -> tuple[int, int, int]:
    """Year, month and day of a Gregorian date in the Jalali calendar."""
    jalali = JalaliDate(day)  # type: ignore[no-untyped-call]
    return jalali.year, jalali.month, jalali.day


def add_jalali_months(day: date, months: int) -> date:
    """The same day of the Jalali month so many later; the last of that month where it has no such day."""
    year, month, number = to_jalali(day)
    years, place = divmod(month - 1 + months, 12)
    year, month = year + years, place + 1
    length: int = JalaliDate.days_in_month(month, year)
    return _jalali_to_gregorian(year, month, min(number, length))


def end_of_day(day: date, zone: ZoneInfo = TEHRAN) -> datetime:
    """The first moment after `day` in `zone`: a contract that ends on a day is valid until then."""
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone)


def _jalali_to_gregorian(year: int, month: int, day: int) -> date:
    return JalaliDate(year, month, day).to_gregorian()  # type: ignore[no-untyped-call]
