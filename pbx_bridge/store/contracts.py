"""Contracts as people work on them: lists by their end, one with all that was done about its renewal, and its use."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store import contracts_renewal, contracts_use
from pbx_bridge.store.contracts_renewal import NewEntry, Refused, entry_of
from pbx_bridge.store.contracts_rules import Entry
from pbx_bridge.store.contracts_use import Use
from pbx_bridge.store.crm import Contract
from pbx_bridge.store.database import Database
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.writer import Writer

_FIRST_DAY, _LAST_DAY = "0000-00-00", "9999-99-99"
_LEVELS, _CONTACTS, _OF_CUSTOMER = 50, 20, 20
_ABOVE = "\uffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractLine:
    """A contract with its customer; texts are hostile.

    Attributes:
        outcome: `won` or `lost` of the term as it ends now, else `open`.
        renews: the number of the contract that it goes on from; empty: of none, or an import brought it.
    """

    contract: Contract
    customer_name: str
    tier: str
    outcome: str
    renews: str

    @property
    def place(self) -> str:
        """Where a list goes on behind it, for an address."""
        contract = self.contract
        return "|".join((contract.ends_on.isoformat(), contract.customer_code, contract.number))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which contracts; all of it holds together.

    Attributes:
        first, last: those whose last day is within these; None: whenever.
        begins_from, begins_to: so their first day.
        text: a customer's code, a part of a name, or a contract's number.
        outcome: `won`, `lost`, `open`; empty: any.
        back: the one that ends last comes first.
        after: a `place`.
    """

    first: date | None = None
    last: date | None = None
    begins_from: date | None = None
    begins_to: date | None = None
    text: str = ""
    level: str = ""
    outcome: str = ""
    back: bool = False
    after: str = ""
    limit: int = 50


class Contracts:
    """Every method may raise StoreError."""

    def __init__(self, writer: Writer, reader: Database, clock: Clock = utc_now, region: str = "IR") -> None:
        self._writer, self._reader, self._clock, self._region = writer, reader, clock, region

    async def list(self, sought: Sought) -> list[ContractLine]:
        """By their last day, then by customer and number."""
        statement = "page_contracts_back" if sought.back else "page_contracts"
        return [line_of(row) for row in await self._reader.rows(SQL[statement], **_values(sought))]

    async def get(self, code: str, number: str) -> ContractLine | None:
        """One of them."""
        rows = await self._reader.rows(SQL["contract_of"], code=code, number=number)
        return line_of(rows[0]) if rows else None

    async def of_customer(self, code: str) -> Sequence[ContractLine]:
        """A customer's, the one that ends last first."""
        rows = await self._reader.rows(SQL["contracts_of_customer"], code=code, limit=_OF_CUSTOMER)
        return [line_of(row) for row in rows]

    async def levels(self) -> Sequence[str]:
        """What contracts are called, to choose from."""
        return [row[0] for row in await self._reader.rows(SQL["contract_levels"], limit=_LEVELS)]

    async def contacts(self, code: str) -> Sequence[tuple[str, str]]:
        """Names and E.164 numbers of a customer's."""
        rows = await self._reader.rows(SQL["contract_contacts"], code=code, limit=_CONTACTS)
        return [(name, number) for name, number in rows]

    async def use(self, code: str, start: datetime, end: datetime) -> Use:
        """What a customer used in [start, end), aware."""
        return await self._reader.read(lambda db: contracts_use.use_of(db, code, start, end))

    async def entries(self, code: str, number: str) -> Sequence[Entry]:
        """What was done about a contract's renewal, the oldest first."""
        return [entry_of(row) for row in await self._reader.rows(SQL["contract_entries"], code=code, number=number)]

    async def write(self, code: str, number: str, new: NewEntry) -> Entry | Refused:
        """Do something about a contract's renewal; the same origin does it once."""
        now, region = self._clock(), self._region
        name = hashlib.sha256(f"{code}|{number}|{new.origin}".encode("utf-8", "replace")).hexdigest()[:16]
        return await self._writer.submit(
            lambda tx: contracts_renewal.write(tx.db, code, number, new, name=name, now=now, region=region)
        )


def line_of(row: Any) -> ContractLine:
    """A row of any of the statements."""
    code, name, tier, number, starts_on, ends_on, level, outcome, outcome_end, renews = row
    contract = Contract(
        customer_code=code,
        number=number,
        starts_on=date.fromisoformat(starts_on),
        ends_on=date.fromisoformat(ends_on),
        level=level,
    )
    holds = bool(outcome) and outcome_end == ends_on
    return ContractLine(
        contract=contract, customer_name=name, tier=tier, outcome=outcome if holds else "open", renews=renews
    )


def _values(sought: Sought) -> dict[str, Any]:
    text = sought.text.strip()
    plain = text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    parts = sought.after.split("|", 2) if sought.after.count("|") >= 2 else []
    nowhere = (_LAST_DAY, _ABOVE, _ABOVE) if sought.back else ("", "", "")
    day, code, number = parts or nowhere
    return {
        "first": _iso(sought.first, _FIRST_DAY),
        "last": _iso(sought.last, _LAST_DAY),
        "begins_from": _iso(sought.begins_from, _FIRST_DAY),
        "begins_to": _iso(sought.begins_to, _LAST_DAY),
        "code": text,
        "pattern": f"%{plain}%" if text else "",
        "level": sought.level,
        "outcome": sought.outcome,
        "after_day": day,
        "after_code": code,
        "after_number": number,
        "limit": sought.limit,
    }


def _iso(day: date | None, otherwise: str) -> str:
    return otherwise if day is None else day.isoformat()
