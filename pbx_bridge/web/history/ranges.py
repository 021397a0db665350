"""Spans of days to pick without typing. They move with the day: `week` is always the week of whoever looks. Pure."""

from __future__ import annotations

from datetime import date, timedelta

from pbx_bridge.values import dates

NAMES = ("today", "yesterday", "week", "last_week", "month", "last_month")

_DAY = timedelta(days=1)
_SATURDAY, _MONDAY = 5, 0


def days(name: str, today: date, *, persian: bool) -> tuple[date, date]:
    """The first and the last day of a span. Raises ValueError for a name that is none.

    Args:
        persian: weeks begin on Saturday, and months are Jalali; else Monday and Gregorian.
    """
    week = today - timedelta(days=(today.weekday() - (_SATURDAY if persian else _MONDAY)) % 7)
    month = _month(today, persian=persian)
    match name:
        case "today":
            return today, today
        case "yesterday":
            return today - _DAY, today - _DAY
        case "week":
            return week, week + 6 * _DAY
        case "last_week":
            return week - 7 * _DAY, week - _DAY
        case "month":
            return month, _month(month + 32 * _DAY, persian=persian) - _DAY
        case "last_month":
            return _month(month - _DAY, persian=persian), month - _DAY
        case _:
            raise ValueError(f"{name!r} is no span of days")


def _month(day: date, *, persian: bool) -> date:
    """The first day of a day's month."""
    number = dates.to_jalali(day)[2] if persian else day.day
    return day - timedelta(days=number - 1)
