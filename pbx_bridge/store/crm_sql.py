"""The CRM in the store."""

from __future__ import annotations

from datetime import date
from typing import Any

from pbx_bridge.store.crm import Contract, Customer, Ticket, TicketStatus, plain_code, the_only
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.heirs import heir
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us


class SqlCrm:
    """The Crm protocol over the store; each lookup is one read."""

    def __init__(self, reader: Database) -> None:
        self._reader = reader

    async def customer_by_code(self, code: str) -> Customer | None:
        """See Crm."""

        def read(db: Db) -> Any:
            return db.execute(SQL["customer_by_code"], {"code": heir(db, plain_code(code))}).fetchone()

        row = await self._reader.read(read)  # whoever they became is asked for either way: a miss takes no longer
        return None if row is None else customer_of(row)

    async def customers_by_phone(self, phone: str) -> list[Customer]:
        """See Crm."""
        return [customer_of(row) for row in await self._reader.rows(SQL["customers_by_phone"], phone=phone)]

    async def customer_by_phone(self, phone: str) -> Customer | None:
        """See Crm."""
        return the_only(await self.customers_by_phone(phone))

    async def ticket(self, tracking_number: str) -> Ticket | None:
        """See Crm."""
        rows = await self._reader.rows(SQL["ticket"], tracking_number=tracking_number)
        return _ticket(rows[0]) if rows else None

    async def phones_of(self, customer_code: str) -> list[str]:
        """See Crm."""
        return [row[0] for row in await self._reader.rows(SQL["phones_of_customer"], code=customer_code)]

    async def newest_open_ticket(self, customer_code: str) -> Ticket | None:
        """See Crm."""
        rows = await self._reader.rows(SQL["newest_open_ticket"], code=customer_code)
        return _ticket(rows[0]) if rows else None

    async def contract(self, customer_code: str, today: date) -> Contract | None:
        """See Crm."""
        rows = await self._reader.rows(SQL["contract"], code=customer_code, today=today.isoformat())
        return contract_of(rows[0]) if rows else None


def customer_of(row: Any) -> Customer:
    """The customer of a row."""
    code, name, language, tier, agent, pin_hash = row
    return Customer(code=code, name=name, language=language, tier=tier, agent=agent, pin_hash=pin_hash)


def _ticket(row: Any) -> Ticket:
    tracking_number, customer_code, subject, status, created_at_us, updated_at_us, promised_on, kind, note = row
    return Ticket(
        tracking_number=tracking_number,
        customer_code=customer_code,
        subject=subject,
        status=TicketStatus(status),
        created_at=from_us(created_at_us),
        updated_at=from_us(updated_at_us),
        promised_on=date.fromisoformat(promised_on) if promised_on else None,
        kind=kind,
        note=note,
    )


def contract_of(row: Any) -> Contract:
    """The contract of a row."""
    customer_code, number, starts_on, ends_on, level = row
    return Contract(
        customer_code=customer_code,
        number=number,
        starts_on=date.fromisoformat(starts_on),
        ends_on=date.fromisoformat(ends_on),
        level=level,
    )
