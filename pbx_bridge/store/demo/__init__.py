"""Customers to try the system with: CSV files whose dates are told from today, imported like any others.

In the files `today+12` stands for an ISO date, `jalali-6` for a Jalali one in Persian digits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

from pbx_bridge.store.crm_import import Imported, import_folder
from pbx_bridge.store.crm_rows import COLUMNS
from pbx_bridge.store.writer import Writer
from pbx_bridge.values import dates, digits

_RELATIVE = re.compile(r"(today|jalali)([+-]\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCaller:
    """A number to call from and what its caller meets."""

    number: str
    customer: str
    what: str
    tracking_numbers: tuple[str, ...]


def demo_callers() -> list[DemoCaller]:
    """One caller for each thing there is to hear."""
    return [
        _caller("09121234567", "فولاد البرز (1001)", "asked for the language; contract valid", "2047155", "3104821"),
        _caller("02188776655", "پخش مهر ایرانیان (1002)", "Persian; contract ends in 12 days", "4187301"),
        _caller("02144556677", "Northwind Trading (1003)", "English; contract ended on 1404/12/29", "5279647"),
        _caller("09131112233", "Caspian Software (1004)", "English; contract valid", "6350919", "7428583"),
        _caller("02166778899", "داروخانهٔ سپهر (1005)", "Persian; contract valid", "8612034"),
        _caller("03136251478", "چاپ نگار (1006)", "Persian; never had a contract", "9305760"),
    ]


def write_demo(folder: Path, today: date) -> None:
    """Write the four files into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in COLUMNS:
        text = files("pbx_bridge.store.demo").joinpath(name).read_text(encoding="utf-8")
        (folder / name).write_text(dated(text, today), encoding="utf-8")


def dated(text: str, today: date) -> str:
    """A text with the dates in it that are told from today as dates."""
    return _RELATIVE.sub(lambda match: _date(match[1], today + timedelta(days=int(match[2]))), text)


async def load_demo(
    writer: Writer, folder: Path, today: date, *, zone: ZoneInfo = dates.TEHRAN, region: str = "IR"
) -> Imported:
    """Write the files into `folder` and import them, as `pbx-bridge crm import` would."""
    write_demo(folder, today)
    return await import_folder(writer, folder, zone=zone, region=region)


def _caller(number: str, customer: str, what: str, *tracking_numbers: str) -> DemoCaller:
    return DemoCaller(number=number, customer=customer, what=what, tracking_numbers=tracking_numbers)


def _date(calendar: str, day: date) -> str:
    if calendar == "today":
        return day.isoformat()
    return digits.to_persian("{}/{:02}/{:02}".format(*dates.to_jalali(day)))
