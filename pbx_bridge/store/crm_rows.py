"""What the rows of a CRM import mean: checked, and as the store keeps them. Reads files, writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pbx_bridge.errors import ImportRefused
from pbx_bridge.store.crm import TicketStatus, plain_code
from pbx_bridge.store.crm_csv import Once, Row, read_rows
from pbx_bridge.store.times import to_us
from pbx_bridge.values import dates, digits, phone, pin, tracking

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "customers.csv": ("code", "name", "language", "tier"),
    "contacts.csv": ("customer_code", "name", "phone"),
    "contracts.csv": ("customer_code", "number", "starts_on", "ends_on", "level"),
    "tickets.csv": (
        "tracking_number",
        "customer_code",
        "subject",
        "status",
        "created_at",
        "updated_at",
        "promised_on",
    ),
}

# Columns that a file may have; without one, what the store has stays.
OPTIONAL: Mapping[str, tuple[str, ...]] = {"customers.csv": ("agent", "pin"), "tickets.csv": ("note",)}

AGENTS_FILE, AGENT_COLUMNS = "agents.csv", ("extension", "name")  # names to show, beside the customers

_LANGUAGES = ("fa", "en")
_LONGEST_EXTENSION = 15
_LONGEST_NOTE = 200  # letters; 20 s of Persian


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A row that is right in itself, and its values as the store's statements want them."""

    row: Row
    values: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A whole import, right in itself. A ticket's tracking number is empty where one is to be made."""

    customers: list[Checked]
    contacts: list[Checked]
    contracts: list[Checked]
    tickets: list[Checked]
    agents: list[Checked]


def read_folder(folder: Path, *, zone: ZoneInfo = dates.TEHRAN, region: str = "IR") -> Batch:
    """Read and check every file that is there. Raises ImportRefused at the first fault."""
    if not folder.is_dir():
        raise ImportRefused("there is no such folder", path=folder)
    if not any((folder / name).exists() for name in (*COLUMNS, AGENTS_FILE)):
        raise ImportRefused(f"it holds none of {', '.join((*COLUMNS, AGENTS_FILE))}", path=folder)
    return Batch(
        customers=_read(folder / "customers.csv", Once("code"), _customer),
        contacts=_read(folder / "contacts.csv", Once("phone of this customer"), lambda row: _contact(row, region)),
        contracts=_read(folder / "contracts.csv", Once("contract of this customer"), _contract),
        tickets=_read(folder / "tickets.csv", Once("ticket"), lambda row: _ticket(row, zone)),
        agents=_read(folder / AGENTS_FILE, Once("extension"), _agent, AGENT_COLUMNS),
    )


def check_row(file: str, row: Row, *, zone: ZoneInfo = dates.TEHRAN, region: str = "IR") -> Checked:
    """One row as it would stand in a file of COLUMNS, with a cell for each of its columns. Raises ImportRefused."""
    match file:
        case "customers.csv":
            _, values = _customer(row)
        case "contacts.csv":
            _, values = _contact(row, region)
        case "contracts.csv":
            _, values = _contract(row)
        case "tickets.csv":
            _, values = _ticket(row, zone)
        case _:
            raise ValueError(f"no import has a file {file!r}")
    return Checked(row=row, values=values)


def _read(
    path: Path, once: Once, check: Callable[[Row], tuple[Any, dict[str, Any]]], columns: Sequence[str] = ()
) -> list[Checked]:
    if not path.exists():
        return []
    checked = []
    for row in read_rows(path, columns or COLUMNS[path.name], OPTIONAL.get(path.name, ())):
        key, values = check(row)
        once.check(row, key)
        checked.append(Checked(row=row, values=values))
    return checked


def _customer(row: Row) -> tuple[Any, dict[str, Any]]:
    code = plain_code(row.text("code"))
    values = {
        "code": code,
        "name": row.text("name"),
        "language": row.take("language", _language),
        "tier": row.cells["tier"],
        "agent": row.maybe("agent", _maybe_extension),
        "pin_hash": row.maybe("pin", _pin_hash),
    }
    return code, values


def _contact(row: Row, region: str) -> tuple[Any, dict[str, Any]]:
    code = plain_code(row.text("customer_code"))
    number = row.take("phone", lambda text: _phone(text, region))
    return (code, number), {"customer_code": code, "phone_e164": number, "name": row.text("name")}


def _contract(row: Row) -> tuple[Any, dict[str, Any]]:
    code, number = plain_code(row.text("customer_code")), row.text("number")
    starts_on, ends_on = row.take("starts_on", dates.parse_date), row.take("ends_on", dates.parse_date)
    if ends_on < starts_on:
        raise row.refusal("ends_on: it ends before it starts")
    values = {
        "customer_code": code,
        "number": number,
        "starts_on": starts_on.isoformat(),
        "ends_on": ends_on.isoformat(),
        "level": row.cells["level"],
    }
    return (code, number), values


def _ticket(row: Row, zone: ZoneInfo) -> tuple[Any, dict[str, Any]]:
    created_at = row.take("created_at", lambda text: _moment(text, zone))
    updated_at = row.take("updated_at", lambda text: _moment(text, zone)) if row.cells["updated_at"] else created_at
    if updated_at < created_at:
        raise row.refusal("updated_at: it was changed before it was made")
    promised_on = row.take("promised_on", _maybe_date)
    values = {
        "tracking_number": row.take("tracking_number", _tracking_number),
        "customer_code": plain_code(row.text("customer_code")),
        "subject": row.text("subject"),
        "status": row.take("status", _status).value,
        "created_at_us": to_us(created_at),
        "updated_at_us": to_us(updated_at),
        "promised_on": promised_on.isoformat() if promised_on else None,
        "promised_by_us": to_us(dates.end_of_day(promised_on, zone)) if promised_on else None,
        "note": row.maybe("note", _note),
    }
    same = (values["customer_code"], values["subject"], values["created_at_us"])
    return values["tracking_number"] or same, values


def _agent(row: Row) -> tuple[Any, dict[str, Any]]:
    extension = row.take("extension", _extension)
    return extension, {"extension": extension, "name": row.text("name")}


def _extension(text: str) -> str:
    plain = digits.to_ascii(text)
    if not (plain.isascii() and plain.isdigit() and len(plain) <= _LONGEST_EXTENSION):
        raise ValueError(f"{text!r} is no extension: digits only, at most {_LONGEST_EXTENSION}")
    return plain


def _maybe_extension(text: str) -> str:
    return _extension(text) if text else ""


def _pin_hash(text: str) -> str:
    return pin.hashed(digits.to_ascii(text)) if text else ""


def _note(text: str) -> str:
    if len(text) > _LONGEST_NOTE:
        raise ValueError(f"it has {len(text)} letters; callers are told at most {_LONGEST_NOTE}")
    return text


def _language(text: str) -> str | None:
    if text.lower() not in ("", *_LANGUAGES):
        raise ValueError(f"{text!r} is no language we speak: fa, en, or nothing if unknown")
    return text.lower() or None


def _phone(text: str, region: str) -> str:
    number = phone.to_e164(text, region)
    if number is None:
        raise ValueError(f"{text!r} is no phone number" if text else "it is empty")
    return number


def _tracking_number(text: str) -> str:
    if not text:
        return ""
    number = tracking.parse(text)
    if number is None:
        wanted = f"{tracking.MIN_DIGITS} to {tracking.MAX_DIGITS} digits with a right check digit"
        raise ValueError(f"{text!r} is no tracking number: {wanted}, or nothing to get one")
    return number


def _status(text: str) -> TicketStatus:
    try:
        return TicketStatus(text.lower())
    except ValueError:
        raise ValueError(f"{text!r} is no status: {', '.join(TicketStatus)}") from None


def _moment(text: str, zone: ZoneInfo) -> datetime:
    if not text:
        raise ValueError("it is empty")
    return dates.parse_datetime(text, zone)


def _maybe_date(text: str) -> date | None:
    return dates.parse_date(text) if text else None
