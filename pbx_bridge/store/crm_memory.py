"""A CRM in memory from an import's rows: the shipped demo customers, for flows that are tried without a store."""

from __future__ import annotations

import tempfile
from datetime import date
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from pbx_bridge.store.crm import Contact, Contract, Customer, MemoryCrm, Ticket, TicketStatus
from pbx_bridge.store.crm_rows import Batch, Checked, read_folder
from pbx_bridge.store.demo import write_demo
from pbx_bridge.store.times import from_us


@lru_cache(maxsize=64)  # a case file asks for the same few days again and again
def demo_batch(today: date, zone: ZoneInfo, region: str) -> Batch:
    """The shipped demo customers as they stand on a day."""
    with tempfile.TemporaryDirectory(prefix="pbx-bridge-demo-") as place:
        write_demo(Path(place), today)
        return read_folder(Path(place), zone=zone, region=region)


def memory_crm(*batches: Batch) -> MemoryCrm:
    """A Crm of these rows; what is named in several batches is as in the last."""
    customers = {c.code: c for batch in batches for c in map(_customer, batch.customers)}
    contracts = {(c.customer_code, c.number): c for batch in batches for c in map(_contract, batch.contracts)}
    tickets = {t.tracking_number: t for batch in batches for t in map(_ticket, batch.tickets)}
    contacts = [contact for batch in batches for contact in map(_contact, batch.contacts)]
    return MemoryCrm(
        customers=customers.values(), contacts=contacts, contracts=contracts.values(), tickets=tickets.values()
    )


def _customer(row: Checked) -> Customer:
    told = row.values
    return Customer(
        code=told["code"],
        name=told["name"],
        language=told["language"],
        tier=told["tier"],
        agent=told["agent"] or "",
        pin_hash=told["pin_hash"] or "",
    )


def _contact(row: Checked) -> Contact:
    told = row.values
    return Contact(customer_code=told["customer_code"], name=told["name"], phone_e164=told["phone_e164"])


def _contract(row: Checked) -> Contract:
    told = row.values
    return Contract(
        customer_code=told["customer_code"],
        number=told["number"],
        starts_on=date.fromisoformat(told["starts_on"]),
        ends_on=date.fromisoformat(told["ends_on"]),
        level=told["level"],
    )


def _ticket(row: Checked) -> Ticket:
    told = row.values
    return Ticket(
        tracking_number=told["tracking_number"],
        customer_code=told["customer_code"],
        subject=told["subject"],
        status=TicketStatus(told["status"]),
        created_at=from_us(told["created_at_us"]),
        updated_at=from_us(told["updated_at_us"]),
        promised_on=date.fromisoformat(told["promised_on"]) if told["promised_on"] else None,
        note=told["note"] or "",
    )
