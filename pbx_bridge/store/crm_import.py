"""Takes a folder of CSV files into the CRM: all of it in one transaction, or nothing. Repeatable."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from pbx_bridge.store.crm_rows import Batch, Checked, read_folder
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.writer import Writer
from pbx_bridge.values import tracking
from pbx_bridge.values.dates import TEHRAN

_LOWEST, _NUMBERS = 100_000, 900_000  # six digits, none of them a leading zero, before the check digit


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """A ticket that came without a tracking number. `new`: it got one now; else an earlier import gave it."""

    path: Path
    line: int
    tracking_number: str
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import took in, counted by file, and the tracking numbers it gave."""

    customers: int
    contacts: int
    contracts: int
    tickets: int
    numbered: tuple[Numbered, ...]


async def import_folder(writer: Writer, folder: Path, *, zone: ZoneInfo = TEHRAN, region: str = "IR") -> Imported:
    """Import the CSV files of a folder.

    Args:
        writer: the open store's.
        folder: holds at least one of customers.csv, contacts.csv, contracts.csv, tickets.csv.
        zone: where times without an offset are.
        region: whose phone numbers those without a country code are.

    Raises:
        ImportRefused: names file, line and reason; nothing of the import is kept.
        StoreError: the store does not take it.
    """
    batch = await asyncio.to_thread(read_folder, folder, zone=zone, region=region)
    return await writer.submit(lambda transaction: _write(transaction, batch))


def _write(transaction: Transaction, batch: Batch) -> Imported:
    db = transaction.db
    db.executemany(SQL["upsert_customer"], [checked.values for checked in batch.customers])
    _check_customers(db, [*batch.contacts, *batch.contracts, *batch.tickets])
    db.executemany(SQL["upsert_contact"], [checked.values for checked in batch.contacts])
    db.executemany(SQL["upsert_contract"], [checked.values for checked in batch.contracts])
    numbers = {checked.values["tracking_number"] for checked in batch.tickets}
    numbered = [_number(db, ticket, numbers) for ticket in batch.tickets if not ticket.values["tracking_number"]]
    given = {(one.path, one.line): one.tracking_number for one in numbered}
    rows = [
        t.values | {"tracking_number": given.get((t.row.path, t.row.line), t.values["tracking_number"])}
        for t in batch.tickets
    ]
    db.executemany(SQL["upsert_ticket"], rows)
    return Imported(
        customers=len(batch.customers),
        contacts=len(batch.contacts),
        contracts=len(batch.contracts),
        tickets=len(batch.tickets),
        numbered=tuple(numbered),
    )


def _check_customers(db: sqlite3.Connection, rows: Iterable[Checked]) -> None:
    known = {row[0] for row in db.execute(SQL["customer_codes"])}
    for checked in rows:
        code = checked.values["customer_code"]
        if code not in known:
            raise checked.row.refusal(f"customer_code: there is no customer {code!r}, here or in the store")


def _number(db: sqlite3.Connection, ticket: Checked, taken: set[str]) -> Numbered:
    same = {name: ticket.values[name] for name in ("customer_code", "subject", "created_at_us")}
    row = db.execute(SQL["same_ticket"], same).fetchone()
    number = row[0] if row else _fresh(db, taken)
    taken.add(number)
    return Numbered(path=ticket.row.path, line=ticket.row.line, tracking_number=number, new=row is None)


def _fresh(db: sqlite3.Connection, taken: set[str]) -> str:
    while True:
        number = tracking.with_check_digit(str(_LOWEST + secrets.randbelow(_NUMBERS)))
        if number not in taken and not db.execute(SQL["ticket"], {"tracking_number": number}).fetchone():
            return number
