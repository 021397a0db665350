"""The office's hours as the settings tell them, with the holidays that flows know, as a calendar of working time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from pbx_bridge.errors import FlowError
from pbx_bridge.ivr.opening.hours import OfficeHours, Week
from pbx_bridge.ivr.opening.working import OfficeCalendar
from pbx_bridge.ivr.reading.beside import Beside, book


def office_calendar(
    weekly: Mapping[str, str | Sequence[str]], holidays: Sequence[str], folder: Path, zone: ZoneInfo
) -> OfficeCalendar:
    """The calendar of weekly hours less holidays.

    Args:
        weekly: as `Week.parse` reads it. holidays: `iran`, or names of .yaml and .ics files in `folder`.

    Raises:
        ValueError: the hours cannot be.
        FlowError: a file of holidays is not there, or wrong.
    """
    beside = Beside(folder)
    books = tuple(book(name, _read(beside, name), beside.path(name), zone) for name in holidays)
    return OfficeCalendar(OfficeHours(week=Week.parse(weekly), holidays=books, zone=zone))


def _read(beside: Beside, name: str) -> bytes:
    try:
        return beside.read(name)
    except FlowError as error:  # of a flow the place is told by the line that names the file
        raise FlowError(f"{name}: {error}") from None
