"""Holidays from a YAML file: Jalali or Gregorian days, each year or once, all day or a part of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from pbx_bridge.errors import FlowError
from pbx_bridge.ivr.opening.holidays import LONGEST_NAME, MOST_DAYS, Closed, HolidayBook, MonthDay, add, is_shown
from pbx_bridge.ivr.opening.hours import clock_span
from pbx_bridge.ivr.reading import decode as flow_decode
from pbx_bridge.ivr.reading import tree as flow_file
from pbx_bridge.values import digits
from pbx_bridge.values.dates import parse_date

Calendar = Literal["jalali", "gregorian"]

_LONGEST = 366  # days of one entry
_YEARLY = re.compile(r"(\d{1,2})[-/](\d{1,2})")
_YEARS = re.compile(r"(\d{4})(?:\s*[-–]\s*(\d{4}))?")
_LEAP = {"jalali": 1403, "gregorian": 2024}  # has every day a year can have


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"first": "from"}):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]
    day: str | None = None
    first: str | None = None
    to: str | None = None
    hours: str | None = None


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    days: list[_Entry]
    calendar: Calendar = "jalali"
    covers: str | int | None = None


def read(text: bytes, source: str, path: Path) -> HolidayBook:
    """The holidays of a file. Raises FlowError naming file, line and reason."""
    told = flow_file.read(text)
    for finding in chain(told.findings, flow_decode.faults(told.tree, _File)):
        raise replace(finding, line=finding.line or flow_file.line_of(told.lines, finding.at)).error(path)
    file, at = msgspec.convert(told.tree, _File), "covers"
    try:
        first_known, last_known = _covered(file)
        days = _Days(file.calendar)
        for number, entry in enumerate(file.days):
            at = f"days.{number}"
            days.add(entry)
    except ValueError as error:
        raise FlowError(f"{at}: {error}", path=path, line=told.lines.get(at)) from None
    return HolidayBook(
        source=source,
        dated=days.dated,
        jalali=days.yearly["jalali"],
        gregorian=days.yearly["gregorian"],
        first_known=first_known,
        last_known=last_known,
    )


class _Days:
    """Collects entries by day."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self.dated: dict[date, tuple[Closed, ...]] = {}
        self.yearly: dict[str, dict[MonthDay, tuple[Closed, ...]]] = {"jalali": {}, "gregorian": {}}

    def add(self, entry: _Entry) -> None:
        closed = _closed(entry)
        yearly = _YEARLY.fullmatch(digits.to_ascii((entry.day or "").strip()))
        if entry.day is not None and yearly and entry.first is entry.to is None:
            self._add_yearly(entry.day, (int(yearly[1]), int(yearly[2])), closed)
            return
        for day in _dates(entry):
            add(self.dated, day, closed)
        if len(self.dated) > MOST_DAYS:
            raise ValueError(f"with it there are more than {MOST_DAYS} days in this file")

    def _add_yearly(self, text: str, when: MonthDay, closed: Closed) -> None:
        try:
            parse_date(f"{_LEAP[self._calendar]}-{when[0]}-{when[1]}")
        except ValueError:
            raise ValueError(f"{text!r} is no day of the {self._calendar} calendar") from None
        add(self.yearly[self._calendar], when, closed)


def _closed(entry: _Entry) -> Closed:
    if not all(is_shown(letter) for letter in entry.name):
        raise ValueError("its name holds a character that cannot be shown")
    if entry.hours is None:
        return Closed(name=entry.name)
    start, end = clock_span(entry.hours, f"hours {entry.hours!r}")
    if end <= start:
        raise ValueError(f"hours {entry.hours!r} end before they begin; a day goes to 24:00")
    return Closed(name=entry.name, start=start, end=end)


def _dates(entry: _Entry) -> Iterator[date]:
    match entry:
        case _Entry(day=str(day), first=None, to=None):
            yield parse_date(day)
        case _Entry(day=None, first=str(first), to=str(last)):
            length = (parse_date(last) - parse_date(first)).days + 1
            if not 1 <= length <= _LONGEST:
                raise ValueError(f"from {first!r} to {last!r} are not 1 to {_LONGEST} days")
            yield from (parse_date(first) + timedelta(days=number) for number in range(length))
        case _:
            raise ValueError("it needs either a day, or from and to")


def _covered(file: _File) -> tuple[date | None, date | None]:
    """The first and last day for which the dated days are complete."""
    if file.covers is None:
        return None, None
    match = _YEARS.fullmatch(digits.to_ascii(str(file.covers).strip()))
    if match is None:
        raise ValueError(f"covers {file.covers!r}: write a year, or 1403-1405")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise ValueError(f"covers {file.covers!r} ends before it begins")
    return parse_date(f"{first}-1-1"), parse_date(f"{last + 1}-1-1") - timedelta(days=1)
