"""Writes the CRM as the CSV files that an import reads: for whoever leaves, or works on in a spreadsheet.

Names and texts come from outside, some over the telephone: one that a spreadsheet would take for a formula gets an
apostrophe before it.
"""

from __future__ import annotations

import asyncio
import csv
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from pbx_bridge.errors import InputError
from pbx_bridge.store.crm_rows import AGENT_COLUMNS, AGENTS_FILE, COLUMNS, OPTIONAL
from pbx_bridge.store.database import Database
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us
from pbx_bridge.values.hostile import no_formula

# A PIN is kept as a hash alone.
_LEFT_OUT: Final = {"pin"}
_PLAIN: Final = {"phone"}  # `+98…` is a number to a spreadsheet, and to the import
_TIMES: Final = {"created_at", "updated_at"}
_STATEMENTS: Final[Mapping[str, str]] = {
    "customers.csv": "export_customers",
    "contacts.csv": "export_contacts",
    "contracts.csv": "export_contracts",
    "tickets.csv": "export_tickets",
    AGENTS_FILE: "export_agents",
}


async def export_folder(reader: Database, folder: Path, zone: ZoneInfo) -> dict[str, int]:
    """Write a new folder, readable by its owner alone; the number of rows by file. Times are of the zone.

    Raises InputError when the folder is there or cannot be written, StoreError.
    """
    tables = {name: await reader.rows(SQL[query]) for name, query in _STATEMENTS.items()}
    return await asyncio.to_thread(_write_all, tables, folder, zone)


def _write_all(tables: Mapping[str, Sequence[Sequence[Any]]], folder: Path, zone: ZoneInfo) -> dict[str, int]:
    if folder.exists():
        raise InputError(f"{folder} is there already: name a new folder")
    half = folder.with_name(f"{folder.name}.part")  # so that what has the name is whole
    try:
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700, parents=True)
        counts = {name: _write(half / name, rows, zone) for name, rows in tables.items()}
        half.rename(folder)
    except OSError as error:
        raise InputError(f"cannot write {folder}: {error.strerror}") from error
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return counts


def columns_of(name: str) -> tuple[str, ...]:
    """The first line of a file."""
    columns = AGENT_COLUMNS if name == AGENTS_FILE else (*COLUMNS[name], *OPTIONAL.get(name, ()))
    return tuple(column for column in columns if column not in _LEFT_OUT)


def _write(path: Path, rows: Sequence[Sequence[Any]], zone: ZoneInfo) -> int:
    columns = columns_of(path.name)
    path.touch(mode=0o600)
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(columns)
        lines.writerows(_cells(zip(columns, row, strict=True), zone) for row in rows)
    return len(rows)


def _cells(told: Iterable[tuple[str, Any]], zone: ZoneInfo) -> list[str]:
    return [_cell(column, value, zone) for column, value in told]


def _cell(column: str, value: Any, zone: ZoneInfo) -> str:
    if value is None:
        return ""
    if column in _TIMES:
        return from_us(value).astimezone(zone).isoformat(" ")
    text = str(value)
    return text if column in _PLAIN else no_formula(text)
