"""The days a report is about: as they are asked for, as they are ready to be picked, and those before. Pure.

Months and weeks are those of the reader's calendar: Jalali months and weeks from Saturday in Persian, Gregorian
months and weeks from Monday in English.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from persiantools.jdatetime import JalaliDate

from pbx_bridge.values import dates, digits
from pbx_bridge.values.hostile import clean
from pbx_bridge.web.show import Show

LONGEST_DAYS = 5 * 366
PRESETS = ("days7", "days30", "week", "last_week", "month", "last_month", "year")
_DAY = timedelta(days=1)
_SATURDAY = 5
_GREGORIAN = 1700  # years from here on, as values.dates reads them


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Days from `first` to `last`, both in it."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1

    @property
    def span(self) -> tuple[date, date]:
        """Both ends."""
        return self.first, self.last

    def before(self) -> Period:
        """As many days, just before."""
        return Period(first=self.first - self.days * _DAY, last=self.first - _DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a reader asked for.

    Attributes:
        now: the days.
        before: those they are compared with.
        preset: which ready period it is; empty: free days.
        typed: the days as they stand in the form.
        errors: the key of what is wrong with a field.
    """

    now: Period
    before: Period
    preset: str
    typed: Mapping[str, str]
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def query(self) -> Mapping[str, str]:
        """What an address needs to ask the same."""
        return {"period": self.preset} if self.preset else dict(self.typed)


def read(query: Mapping[str, str], show: Show, today: date) -> Asked:
    """The period of a query string: `period`, or `from` and `to`; the last 30 days unless told."""
    typed = {name: clean(query.get(name, ""), 20) for name in ("from", "to")}
    if not any(typed.values()):
        preset = query.get("period", "")
        return ready(preset if preset in PRESETS else "days30", show, today)
    errors: dict[str, str] = {}
    first, last = (_day(typed, name, today, errors) for name in ("from", "to"))
    if not errors and (last < first or (last - first).days >= LONGEST_DAYS):
        errors["to"] = "reports.error_order" if last < first else "reports.error_long"
    if errors:
        return _asked(ready("days30", show, today).now, "", typed, errors)
    return _asked(Period(first=first, last=last), "", typed, errors)


def ready(preset: str, show: Show, today: date) -> Asked:
    """A ready period; compared with the calendar's week, month or year before where it is one of those."""
    now, before = _ready(preset, show, today)
    typed = {"from": show.typed_day(now.first), "to": show.typed_day(now.last)}
    return Asked(now=now, before=before or now.before(), preset=preset, typed=typed)


def month_of(day: date, show: Show) -> Period:
    """The whole month that a day is in."""
    first = _month_start(day, show)
    return Period(first=first, last=_next_month(first, show) - _DAY)


def month_before(period: Period, show: Show) -> Period:
    """The month before a month."""
    return month_of(period.first - _DAY, show)


def month_named(text: str) -> Period | None:
    """The month of `2026-11` or `1405-08`, whichever calendar; None if there is no such month."""
    year, _, month = digits.to_ascii(text).partition("-")
    try:
        first = dates.parse_date(f"{int(year):04}-{int(month)}-1")
    except (ValueError, OverflowError):
        return None
    jalali = int(year) < _GREGORIAN
    return Period(first=first, last=(_next_jalali(first) if jalali else _next_gregorian(first)) - _DAY)


def name_of_month(period: Period, show: Show) -> str:
    """`1405-08` or `2026-11`: the month's address in the reader's calendar."""
    if show.persian:
        year, month, _ = dates.to_jalali(period.first)
        return f"{year:04}-{month:02}"
    return f"{period.first.year:04}-{period.first.month:02}"


def week_start(day: date, show: Show) -> date:
    """Saturday or Monday."""
    return day - ((day.weekday() - (_SATURDAY if show.persian else 0)) % 7) * _DAY


def _asked(now: Period, preset: str, typed: Mapping[str, str], errors: Mapping[str, str]) -> Asked:
    return Asked(now=now, before=now.before(), preset=preset, typed=typed, errors=errors)


def _day(typed: Mapping[str, str], name: str, today: date, errors: dict[str, str]) -> date:
    if not typed[name]:
        return today if name == "to" else today - 29 * _DAY
    try:
        day = dates.parse_date(typed[name])
    except (ValueError, OverflowError):
        errors[name] = "error.date"
        return today
    if not 1971 <= day.year <= 2200:
        errors[name] = "error.date"
    return day


def _ready(preset: str, show: Show, today: date) -> tuple[Period, Period | None]:
    match preset:
        case "days7":
            return Period(first=today - 6 * _DAY, last=today), None
        case "week" | "last_week":
            start = week_start(today, show)
            this = Period(first=start, last=today)
            last = Period(first=start - 7 * _DAY, last=start - _DAY)
            # A week or month that goes on is compared with as much of the one before.
            same = Period(first=last.first, last=last.first + (this.days - 1) * _DAY)
            return (this, same) if preset == "week" else (last, None)
        case "month" | "last_month":
            start = _month_start(today, show)
            last = month_of(start - _DAY, show)
            this = Period(first=start, last=today)
            same = Period(first=last.first, last=min(last.first + (this.days - 1) * _DAY, last.last))
            return (this, same) if preset == "month" else (last, month_before(last, show))
        case "year":
            return Period(first=today - 364 * _DAY, last=today), None
        case _:
            return Period(first=today - 29 * _DAY, last=today), None


def _month_start(day: date, show: Show) -> date:
    if not show.persian:
        return day.replace(day=1)
    return day - (dates.to_jalali(day)[2] - 1) * _DAY


def _next_month(first: date, show: Show) -> date:
    return _next_jalali(first) if show.persian else _next_gregorian(first)


def _next_gregorian(first: date) -> date:
    return (first + 31 * _DAY).replace(day=1)


def _next_jalali(first: date) -> date:
    year, month, _ = dates.to_jalali(first)
    year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    day: date = JalaliDate(year, month, 1).to_gregorian()  # type: ignore[no-untyped-call]
    return day
