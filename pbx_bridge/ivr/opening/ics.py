"""Holidays from an iCalendar file (RFC 5545): VEVENTs with DTSTART, DTEND or DURATION, yearly RRULE, EXDATE. Pure.

A small strict reader of our own, because a refusal must name the line. What would change which days are closed and is
not understood is refused; the rest (alarms, descriptions, time zone tables: zones are known by name) is passed over.
Repeated events are written out up to the year 2100.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pbx_bridge.errors import FlowError
from pbx_bridge.ivr.opening.holidays import DAY, LONGEST_NAME, MOST_DAYS, Closed, HolidayBook, add, is_shown
from pbx_bridge.ivr.opening.rule import LAST_YEAR, Rule, parse_rule

MAX_BYTES = 2_000_000

_LONGEST = timedelta(days=366)
_NAME = re.compile(r"[A-Za-z0-9-]+")
_PARAMETER = re.compile(r';([A-Za-z0-9-]+)=("[^"]*"|[^";:]*)')
_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_MOMENT = re.compile(r"(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})(Z?)")
_DURATION = re.compile(r"\+?P(?:(\d{1,3})W|(?:(\d{1,4})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,6})S)?)?)")
_ESCAPED = re.compile(r"\\(.)")
_NOT_UNDERSTOOD = ("RDATE", "RECURRENCE-ID", "EXRULE")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One content line, unfolded, and the line of the file it begins at."""

    number: int
    name: str
    parameters: Mapping[str, str]
    value: str


@dataclass(slots=True)
class _Event:
    """A VEVENT's lines by name."""

    number: int
    lines: dict[str, list[_Line]] = field(default_factory=dict)

    def one(self, name: str) -> _Line | None:
        """The line of that name; several are an error."""
        found = self.lines.get(name, [])
        if len(found) > 1:
            raise _RefusedError(f"{name} stands in this event twice", found[1].number)
        return found[0] if found else None


class _RefusedError(Exception):
    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.line = reason, line


def read(text: bytes, source: str, path: Path, zone: ZoneInfo) -> HolidayBook:
    """The holidays of a file, on the wall clock of `zone`. Raises FlowError naming file, line and reason."""
    try:
        if len(text) > MAX_BYTES:
            raise _RefusedError(f"the file has {len(text)} bytes; a calendar has {MAX_BYTES} at most")
        return HolidayBook(source=source, dated=_dated(_events(_lines(_decoded(text))), zone))
    except _RefusedError as refused:
        raise FlowError(f"calendar: {refused.reason}", path=path, line=refused.line) from None


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _RefusedError("the file is not UTF-8", text.count(b"\n", 0, error.start) + 1) from None


# --- lines --------------------------------------------------------------------------------------------------------


def _lines(text: str) -> Iterator[_Line]:
    """The content lines; one that begins with a blank goes on the one before it."""
    pieces: list[str] = []
    began = 0
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if line[:1] in (" ", "\t") and pieces:
            pieces.append(line[1:])
            continue
        if pieces:
            yield _content("".join(pieces), began)
        pieces, began = ([line], number) if line.strip() else ([], number)
    if pieces:
        yield _content("".join(pieces), began)


def _content(text: str, number: int) -> _Line:
    name = _NAME.match(text)
    if name is None:
        raise _RefusedError("this is no line of a calendar: NAME:value", number)
    at, parameters = name.end(), {}
    while match := _PARAMETER.match(text, at):
        parameters[match[1].upper()] = match[2].strip('"')
        at = match.end()
    if text[at : at + 1] != ":":
        raise _RefusedError("this is no line of a calendar: NAME:value", number)
    return _Line(number=number, name=name[0].upper(), parameters=parameters, value=text[at + 1 :].strip())


def _events(lines: Iterator[_Line]) -> Iterator[_Event]:
    """Every VEVENT of the VCALENDARs; what is inside of an event, such as an alarm, is passed over."""
    open_parts: list[_Line] = []
    event: _Event | None = None
    for line in lines:
        part = line.value.upper()
        if line.name == "BEGIN":
            open_parts.append(line)
            if part == "VEVENT":
                event = _Event(line.number)
        elif not open_parts:
            raise _RefusedError("a calendar begins with BEGIN:VCALENDAR", line.number)
        elif line.name == "END":
            if open_parts.pop().value.upper() != part:
                raise _RefusedError(f"END:{part[:20]!r} ends nothing that is open here", line.number)
            if part == "VEVENT" and event is not None:
                yield event
                event = None
        elif event is not None and open_parts[-1].value.upper() == "VEVENT":
            event.lines.setdefault(line.name, []).append(line)
    if open_parts:
        raise _RefusedError(f"BEGIN:{open_parts[-1].value[:20]!r} is never ended", open_parts[-1].number)


# --- events -------------------------------------------------------------------------------------------------------


def _dated(events: Iterator[_Event], zone: ZoneInfo) -> dict[date, tuple[Closed, ...]]:
    found: dict[date, tuple[Closed, ...]] = {}
    count = 0
    for event in events:
        for day, closed in _closings(event, zone):
            try:
                add(found, day, closed)
            except ValueError as error:
                raise _RefusedError(str(error), event.number) from None
            count += 1
            if count > MOST_DAYS:
                raise _RefusedError(f"with it there are more than {MOST_DAYS} days in this file", event.number)
    return found


def _closings(event: _Event, zone: ZoneInfo) -> Iterator[tuple[date, Closed]]:
    """The days, or parts of days, that an event closes."""
    for name in _NOT_UNDERSTOOD:
        if name in event.lines:
            raise _RefusedError(f"{name} is not understood", event.lines[name][0].number)
    if (status := event.one("STATUS")) is not None and status.value.upper() == "CANCELLED":
        return
    if (told := event.one("DTSTART")) is None:
        raise _RefusedError("this event has no DTSTART", event.number)
    start, name = _when(told, zone), _summary(event)
    length = _length(event, start, zone)
    without = set(_without(event, start, zone))
    for first in _first_days(event, start):
        begins = datetime.combine(first, start.timetz()) if isinstance(start, datetime) else first
        if begins not in without:
            yield from _parts(begins, length, name, zone)


def _without(event: _Event, start: date | datetime, zone: ZoneInfo) -> Iterator[date | datetime]:
    """The repetitions that do not take place."""
    for line in event.lines.get("EXDATE", []):
        for value in line.value.split(","):
            when = _when(replace(line, value=value.strip()), zone)
            if isinstance(when, datetime) is not isinstance(start, datetime):
                raise _RefusedError("DTSTART and EXDATE are not both days, or both times", line.number)
            yield when


def _first_days(event: _Event, start: date | datetime) -> Iterator[date]:
    """The day each repetition begins."""
    day = start.date() if isinstance(start, datetime) else start
    line = event.one("RRULE")
    if line is None:
        yield day
        return
    try:
        rule: Rule = parse_rule(line.value, day)
    except ValueError as error:
        raise _RefusedError(f"RRULE: {error}", line.number) from None
    yield from rule.days(day)


def _parts(begins: date | datetime, length: timedelta, name: str, zone: ZoneInfo) -> Iterator[tuple[date, Closed]]:
    if not isinstance(begins, datetime):
        yield from ((begins + timedelta(days=number), Closed(name=name)) for number in range(length.days))
        return
    start = begins.astimezone(zone).replace(tzinfo=None)
    end = (begins.astimezone(UTC) + length).astimezone(zone).replace(tzinfo=None)
    day = start.date()
    while (midnight := datetime.combine(day, time.min)) < end:
        first, last = max(start, midnight), min(end, midnight + timedelta(days=1))
        yield day, Closed(name=name, start=_minute(first - midnight), end=min(_minute(last - midnight, up=True), DAY))
        day += timedelta(days=1)


def _minute(since: timedelta, *, up: bool = False) -> int:
    seconds = int(since.total_seconds())
    return -(-seconds // 60) if up else seconds // 60


def _summary(event: _Event) -> str:
    line = event.one("SUMMARY")
    told = _ESCAPED.sub(lambda match: " " if match[1] in "nN" else match[1], line.value) if line else ""
    clean = "".join(letter if is_shown(letter) else " " for letter in told)
    return " ".join(clean.split())[:LONGEST_NAME] or "holiday"


def _length(event: _Event, start: date | datetime, zone: ZoneInfo) -> timedelta:
    """How long an event lasts: of whole days, their number."""
    end, duration = event.one("DTEND"), event.one("DURATION")
    line = end or duration
    if line is None:
        if isinstance(start, datetime):
            raise _RefusedError("this event has a time but no DTEND or DURATION", event.number)
        return timedelta(days=1)
    length = _until(line, start, zone) if end is not None else _duration(line)
    if not timedelta(0) < length <= _LONGEST or (not isinstance(start, datetime) and length % timedelta(days=1)):
        raise _RefusedError(f"it lasts {length}: more than nothing and at most {_LONGEST.days} days", line.number)
    return length


def _until(line: _Line, start: date | datetime, zone: ZoneInfo) -> timedelta:
    end = _when(line, zone)
    if isinstance(end, datetime) and isinstance(start, datetime):
        return end.astimezone(UTC) - start.astimezone(UTC)
    if isinstance(end, datetime) or isinstance(start, datetime):
        raise _RefusedError("DTSTART and DTEND are not both days, or both times", line.number)
    return end - start


def _duration(line: _Line) -> timedelta:
    match = _DURATION.fullmatch(line.value.upper())
    if match is None:
        raise _RefusedError(f"{line.value[:30]!r} is no DURATION", line.number)
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


# --- days and times -----------------------------------------------------------------------------------------------


def _when(line: _Line, zone: ZoneInfo) -> date | datetime:
    """A day, or an aware moment: one that names no zone is in ours."""
    try:
        if match := _DATE.fullmatch(line.value):
            return _in_time(date(*(int(part) for part in match.groups())), line)
        if match := _MOMENT.fullmatch(line.value):
            year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
            _in_time(date(year, month, day), line)
            at = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
            return at if match[7] else at.replace(tzinfo=_zone(line, zone))
    except ValueError:
        raise _RefusedError(f"{line.name}: the day or time {line.value!r} does not exist", line.number) from None
    raise _RefusedError(f"{line.name}: {line.value[:30]!r} is no day (20260320) or time", line.number)


def _in_time(day: date, line: _Line) -> date:
    if not 1900 <= day.year <= LAST_YEAR:
        raise _RefusedError(f"{line.name}: the year {day.year} is not between 1900 and {LAST_YEAR}", line.number)
    return day


def _zone(line: _Line, zone: ZoneInfo) -> ZoneInfo:
    name = line.parameters.get("TZID")
    if name is None:
        return zone
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _RefusedError(f"{line.name}: no time zone is called {name[:40]!r}", line.number) from None
