"""Takes a folder of CSV files into the CRM: all of it in one transaction, or nothing. Repeatable."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pbx_bridge.errors import ImportRefused
from pbx_bridge.health import utc_now
from pbx_bridge.store import customers_found, relink
from pbx_bridge.store.crm_heirs import at_heirs
from pbx_bridge.store.crm_rows import Batch, Checked, read_folder
from pbx_bridge.store.database import Db
from pbx_bridge.store.numbering import fresh_number
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.writer import Writer
from pbx_bridge.values.dates import TEHRAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """A ticket that came without a tracking number. `new`: it got one now; else an earlier import gave it."""

    path: Path
    line: int
    tracking_number: str
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import took in, counted by file; contacts it removed; and the tracking numbers it gave.

    `merged`: customers whom it named and passed over, since they were merged into others.
    """

    customers: int
    contacts: int
    contracts: int
    tickets: int
    agents: int = 0
    removed: int = 0
    merged: int = 0
    numbered: tuple[Numbered, ...]


async def import_folder(
    writer: Writer, folder: Path, *, zone: ZoneInfo = TEHRAN, region: str = "IR", all_contacts: bool = False
) -> Imported:
    """Import the CSV files of a folder.

    Args:
        writer: the open store's.
        folder: holds at least one of customers.csv, contacts.csv, contracts.csv, tickets.csv, agents.csv.
        zone: where times without an offset are.
        region: whose phone numbers those without a country code are.
        all_contacts: contacts.csv is the whole list: a contact that is not in it is removed.

    Raises:
        ImportRefused: names file, line and reason; nothing of the import is kept.
        StoreError: the store does not take it.
    """
    if all_contacts and not (folder / "contacts.csv").exists():
        raise ImportRefused("it holds no contacts.csv, so nothing says which contacts are all", path=folder)
    batch = await asyncio.to_thread(read_folder, folder, zone=zone, region=region)
    return await writer.submit(lambda transaction: _write(transaction, batch, all_contacts=all_contacts))


def _write(transaction: Transaction, told: Batch, *, all_contacts: bool) -> Imported:
    db = transaction.db
    batch = at_heirs(db, told)
    db.executemany(SQL["upsert_customer"], [checked.values for checked in batch.customers])
    _check_customers(db, [*batch.contacts, *batch.contracts, *batch.tickets])
    gone = _keep_contacts(db, [checked.values for checked in batch.contacts], only_these=all_contacts)
    named = [row["customer_code"] for row in gone]
    named += [checked.values["customer_code"] for checked in batch.contacts]
    customers_found.index(db, [*(checked.values["code"] for checked in batch.customers), *named])
    db.executemany(SQL["upsert_contract"], [checked.values for checked in batch.contracts])
    numbers = {checked.values["tracking_number"] for checked in batch.tickets}
    numbered = [_number(db, ticket, numbers) for ticket in batch.tickets if not ticket.values["tracking_number"]]
    given = {(one.path, one.line): one.tracking_number for one in numbered}
    rows = [
        t.values | {"tracking_number": given.get((t.row.path, t.row.line), t.values["tracking_number"])}
        for t in batch.tickets
    ]
    db.executemany(SQL["note_import"], [row | {"at_us": to_us(utc_now())} for row in rows])
    db.executemany(SQL["upsert_ticket"], rows)
    db.executemany(SQL["upsert_agent"], [checked.values for checked in batch.agents])
    return Imported(
        customers=len(batch.customers),
        merged=len(told.customers) - len(batch.customers),
        contacts=len(batch.contacts),
        contracts=len(batch.contracts),
        tickets=len(batch.tickets),
        agents=len(batch.agents),
        removed=len(gone),
        numbered=tuple(numbered),
    )


def _keep_contacts(db: Db, contacts: list[dict[str, Any]], *, only_these: bool) -> list[dict[str, Any]]:
    """Keep the contacts, and mark the numbers whose past calls they change; which others were removed."""
    gone = _others(db, contacts) if only_these else []
    relink.mark_numbers(db, [contact["phone_e164"] for contact in gone])
    db.executemany(SQL["delete_contact"], gone)
    relink.mark_new(db, contacts)
    db.executemany(SQL["upsert_contact"], contacts)
    return gone


def _others(db: Db, contacts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = {(contact["customer_code"], contact["phone_e164"]) for contact in contacts}
    there = db.execute(SQL["contacts"]).fetchall()
    return [{"customer_code": code, "phone_e164": phone} for code, phone in there if (code, phone) not in kept]


def _check_customers(db: Db, rows: Iterable[Checked]) -> None:
    known = {row[0] for row in db.execute(SQL["customer_codes"])}
    for checked in rows:
        code = checked.values["customer_code"]
        if code not in known:
            raise checked.row.refusal(f"customer_code: there is no customer {code!r}, here or in the store")


def _number(db: Db, ticket: Checked, taken: set[str]) -> Numbered:
    same = {name: ticket.values[name] for name in ("customer_code", "subject", "created_at_us")}
    row = db.execute(SQL["same_ticket"], same).fetchone()
    number = row[0] if row else fresh_number(db, taken)
    taken.add(number)
    return Numbered(path=ticket.row.path, line=ticket.row.line, tracking_number=number, new=row is None)
