"""Customers as people keep them: read whole with their contacts, written down, changed, taken out.

A change says what the person saw: if it is no longer so, nothing is written, and they are told what it is now.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from pbx_bridge.store import customers_found, relink
from pbx_bridge.store.crm import plain_code
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.heirs import heir
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.writer import Writer

_TRIES = 20  # at a code of so many digits, before it gets one more
_SHORTEST_CODE, _LONGEST_CODE = 5, 12


class Person(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A contact: who answers at a number."""

    phone_e164: str
    name: str


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """All of a customer that a person may change. `language`: fa, en or empty; `people` in the order of numbers."""

    name: str
    language: str = ""
    tier: str = ""
    agent: str = ""
    people: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCustomer:
    """A customer. `code` may be another than the one asked for: who was merged goes on under it."""

    code: str
    sheet: Sheet
    has_pin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What came of a change.

    Attributes:
        now: as it stands; None: there is no such customer.
        done: it was written. If not, somebody had changed it.
    """

    now: KeptCustomer | None
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What came of a new customer. `why`: why there is none: `taken`, or `merged` with the code it goes on under."""

    code: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Other customers by a number that they have, too: each with code and name."""

    by_phone: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)


class Customers:
    """Every method may raise StoreError."""

    def __init__(self, writer: Writer, reader: Database) -> None:
        self._writer, self._reader = writer, reader

    async def get(self, code: str) -> KeptCustomer | None:
        """The customer of a code as typed, or of the one it was merged into."""
        return await self._reader.read(lambda db: _get(db, heir(db, plain_code(code))))

    async def shared(self, customer: KeptCustomer) -> Shared:
        """Who else has their numbers: calls of those are linked to neither."""

        def read(db: Db) -> Shared:
            phones = [person.phone_e164 for person in customer.sheet.people]
            rows = {phone: _others(db, phone, customer.code) for phone in phones}
            return Shared(by_phone={phone: others for phone, others in rows.items() if others})

        return await self._reader.read(read)

    async def free_code(self) -> str:
        """A code of digits, which callers can key, that nobody has."""
        return await self._reader.read(_fresh_code)

    async def create(self, code: str, sheet: Sheet) -> Made:
        """Write a customer down; without a code they get a free one."""
        return await self._writer.submit(lambda tx: _create(tx, plain_code(code), sheet))

    async def save(self, code: str, was: Sheet, sheet: Sheet) -> Saved:
        """Change a customer who stands as `was`, and link past calls anew by the numbers that changed."""
        return await self._writer.submit(lambda tx: _save(tx, code, was, sheet))

    async def delete(self, code: str) -> str:
        """Take a customer out who has nothing; empty when that is done, else what they have.

        `call`, `ticket`, `contract`, `callback` or `merge`; `unknown`: there is none.
        """
        return await self._writer.submit(lambda tx: _delete(tx, code))


def _get(db: Db, code: str) -> KeptCustomer | None:
    row = db.execute(SQL["customer_by_code"], {"code": code}).fetchone()
    if row is None:
        return None
    code, name, language, tier, agent, pin_hash = row
    contacts = db.execute(SQL["contacts_of"], {"code": code}).fetchall()
    people = tuple(Person(phone_e164=phone, name=who) for _, who, phone in contacts)
    sheet = Sheet(name=name, language=language or "", tier=tier, agent=agent, people=people)
    return KeptCustomer(code=code, sheet=sheet, has_pin=bool(pin_hash))


def _others(db: Db, phone: str, code: str) -> tuple[tuple[str, str], ...]:
    rows = db.execute(SQL["others_of_phone"], {"phone": phone, "code": code}).fetchall()
    return tuple((other, name) for other, name in rows)


def _create(transaction: Transaction, asked: str, sheet: Sheet) -> Made:
    db = transaction.db
    if asked and (goes_on := heir(db, asked)) != asked:
        return Made(code=goes_on, why="merged")
    if asked and _is_taken(db, asked):
        return Made(code=asked, why="taken")
    code = asked or _fresh_code(db)
    db.execute(SQL["insert_customer"], {"code": code, **_head(sheet)})
    _put_people(db, code, (), sheet.people)
    customers_found.index(db, [code])
    return Made(code=code)


def _save(transaction: Transaction, code: str, was: Sheet, sheet: Sheet) -> Saved:
    db, now = transaction.db, _get(transaction.db, code)
    if now is None or now.sheet != was:
        return Saved(now=now, done=False)
    db.execute(SQL["update_customer"], {"code": code, **_head(sheet)})
    _put_people(db, code, now.sheet.people, sheet.people)
    customers_found.index(db, [code])
    return Saved(now=_get(db, code), done=True)


def _delete(transaction: Transaction, code: str) -> str:
    db, now = transaction.db, _get(transaction.db, code)
    if now is None:
        return "unknown"
    for what in ("call", "ticket", "contract", "callback"):
        if db.execute(SQL[f"any_{what}_of_customer"], {"code": code}).fetchone():
            return what
    if db.execute(SQL["standing_merge_into"], {"code": code}).fetchone():  # their codes would lead nowhere
        return "merge"
    customers_found.forget(db, code)
    _put_people(db, code, now.sheet.people, ())
    db.execute(SQL["drop_customer_from_book"], {"code": code})
    db.execute(SQL["delete_customer"], {"code": code})
    return ""


def _put_people(db: Db, code: str, before: Sequence[Person], after: Sequence[Person]) -> None:
    """Make one list of contacts the other, and mark the numbers whose past calls that changes."""
    stay = {person.phone_e164 for person in after}
    gone = [person.phone_e164 for person in before if person.phone_e164 not in stay]
    if gone:
        db.executemany(SQL["delete_contact"], [{"customer_code": code, "phone_e164": phone} for phone in gone])
        relink.mark_numbers(db, gone)
    rows = [{"customer_code": code, "phone_e164": p.phone_e164, "name": p.name} for p in after if p not in before]
    if rows:
        relink.mark_new(db, rows)
        db.executemany(SQL["upsert_contact"], rows)


def _head(sheet: Sheet) -> dict[str, str | None]:
    return {"name": sheet.name, "language": sheet.language or None, "tier": sheet.tier, "agent": sheet.agent}


def _fresh_code(db: Db) -> str:
    for length in range(_SHORTEST_CODE, _LONGEST_CODE):
        for _ in range(_TRIES):
            code = str(10 ** (length - 1) + secrets.randbelow(9 * 10 ** (length - 1)))
            if not _is_taken(db, code) and heir(db, code) == code:
                return code
    raise AssertionError("every code of eleven digits is taken")


def _is_taken(db: Db, code: str) -> bool:
    return db.execute(SQL["customer_by_code"], {"code": code}).fetchone() is not None
