"""The customers of a run: each with a phone, a language and a ticket, as a folder for `crm import`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pbx_bridge.values.tracking import with_check_digit

LANGUAGES = ("fa", "en")
_STATUS = "in_progress"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Someone who calls about a ticket."""

    code: str
    phone: str
    language: str
    tracking: str

    @property
    def row(self) -> Sequence[str]:
        """The caller's row for SIPp: the number, then the tracking number's digits, one a column."""
        return (self.phone, *self.tracking)

    @property
    def ticket(self) -> Mapping[str, object]:
        """The ticket as a prompt's values."""
        days = _days()
        return {
            "tracking_number": self.tracking,
            "status": _STATUS,
            "updated_on": days.begun,
            "promised_on": days.promised,
        }


TRACKING_KEYS = tuple(f"[field{place}]" for place in range(1, 8))
"""What keys a customer's tracking number in a scenario; see `Customer.row`."""


def customers(count: int) -> Sequence[Customer]:
    """So many different ones, Persian and English in turn."""
    return [
        Customer(
            code=str(1000 + number),
            phone=f"0912{number:07d}",
            language=LANGUAGES[number % len(LANGUAGES)],
            tracking=with_check_digit(f"{100_000 + 7 * number:06d}"),
        )
        for number in range(count)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Days:
    begun: date
    promised: date


def _days() -> _Days:
    today = datetime.now(UTC).date()
    return _Days(begun=today - timedelta(days=30), promised=today + timedelta(days=5))


def write_folder(people: Iterable[Customer], folder: Path) -> None:
    """The four CSV files that `pbx-bridge crm import` reads."""
    people, days = list(people), _days()
    _write(
        folder / "customers.csv",
        "code,name,language,tier",
        ((p.code, f"Customer {p.code}", p.language, "") for p in people),
    )
    _write(
        folder / "contacts.csv",
        "customer_code,name,phone",
        ((p.code, "Caller", p.phone) for p in people),
    )
    _write(
        folder / "contracts.csv",
        "customer_code,number,starts_on,ends_on,level",
        ((p.code, f"K{p.code}", days.begun, days.begun + timedelta(days=365), "") for p in people),
    )
    _write(
        folder / "tickets.csv",
        "tracking_number,customer_code,subject,status,created_at,updated_at,promised_on",
        ((p.tracking, p.code, "Printer", _STATUS, days.begun, days.begun, days.promised) for p in people),
    )


def _write(path: Path, head: str, rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head.split(","))
        writer.writerows(rows)
