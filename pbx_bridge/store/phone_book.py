"""What each of us calls again and again: customers, numbers, extensions, under a name of their own."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us
from pbx_bridge.store.writer import Writer
from pbx_bridge.values.hostile import clean

MOST = 200  # lines of one person's
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class BookLine:
    """A line: a customer (`code`), or a number (E.164) or extension, or a customer's one number.

    Attributes:
        name: theirs; a customer's own, as it is now, where they gave none.
        phones: of a customer without a number in the line, all they have.
    """

    id: str
    code: str
    number: str
    name: str
    phones: tuple[str, ...] = ()


class PhoneBook:
    """Every method may raise StoreError."""

    def __init__(self, writer: Writer, reader: Database, clock: Clock = utc_now) -> None:
        self._writer, self._reader, self._clock = writer, reader, clock

    async def of(self, user: str) -> list[BookLine]:
        """Somebody's lines, the newest first."""

        def read(db: Db) -> list[BookLine]:
            return [_line(db, row) for row in db.execute(SQL["phone_book_of"], {"user_name": user}).fetchall()]

        return await self._reader.read(read)

    async def add(self, user: str, *, code: str = "", number: str = "", name: str = "") -> bool:
        """Keep a line; the same again gets this name. False: they keep as many as anybody may."""
        values = {
            "id": secrets.token_hex(8),
            "user_name": user,
            "customer_code": code,
            "number": number,
            "name": clean(name, LONGEST_NAME),
            "at_us": to_us(self._clock()),
            "most": MOST,
        }
        return bool(await self._writer.submit(lambda tx: tx.db.execute(SQL["put_in_phone_book"], values).fetchall()))

    async def remove(self, user: str, line_id: str) -> bool:
        """Keep it no more; False: it is none of theirs."""
        values = {"id": line_id, "user_name": user}
        done = await self._writer.submit(lambda tx: tx.db.execute(SQL["take_out_of_phone_book"], values).fetchall())
        return bool(done)


def _line(db: Db, row: Any) -> BookLine:
    line_id, code, number, name, known = row
    phones: tuple[str, ...] = ()
    if code and not number:
        phones = tuple(row[0] for row in db.execute(SQL["phones_of_customer"], {"code": code}).fetchall())
    return BookLine(id=line_id, code=code, number=number, name=name or known or "", phones=phones)
