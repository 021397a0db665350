"""Two customers become one, and two again: what moves, how it stood before, and who goes on under which code.

Each row that a merge changes is noted as it was and as it became. To undo is to put back every row that still stands
as the merge left it; what somebody has changed since stays, and is told. Calls are never moved: they are linked anew,
by number and by code, as they are when any contact changes (relink.py).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store import customers_found, relink
from pbx_bridge.store.crm import plain_code
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.heirs import heir
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, to_us
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.writer import Writer

_SHOWN = 20  # merges of one customer
Values = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A table whose rows go over to another customer.

    Attributes:
        name: of the table; the customer stands in its column `customer_code`.
        key: what tells a customer's rows apart.
        twice: columns of which a customer has each value once; a row that the other customer has, too, is left out.
        numbers: columns with the number of a contract, which gets another one where both have it.
        about: a column that may name the customer or its contracts as `customer:CODE` and `contract:CODE:NUMBER`.
    """

    name: str
    key: tuple[str, ...]
    twice: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    about: str = ""


MOVED = (
    Moved(name="contact", key=("phone_e164",), twice=("phone_e164",)),
    Moved(name="contract", key=("number",), numbers=("number", "renews")),
    Moved(name="contract_entry", key=("id",), numbers=("number", "renewed")),
    Moved(name="ticket", key=("tracking_number",)),
    Moved(name="callback", key=("id",), about="about"),
    Moved(name="wrap_up", key=("call_id", "user_name")),
    Moved(name="phone_book", key=("id",), twice=("user_name", "number")),
)
"""In this order: what others name goes first."""
STAYING = frozenset({"call"})
"""Tables with a customer's code whose rows do not move: they are linked anew."""


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row: what stays of its key, and what was and became of the rest. `became` is None: it was taken out."""

    table: str
    key: Values
    was: Values
    became: Values | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Two customers that became one; times are aware UTC.

    Attributes:
        undone_at: None while it stands.
        stayed: how many rows of which table could not be put back, since somebody changed them.
        newest: it can be undone; of several only the last one can.
    """

    id: str
    gone_code: str
    gone_name: str
    kept_code: str
    at: datetime
    user: str
    undone_at: datetime | None
    undone_by: str
    stayed: Mapping[str, int]
    newest: bool = False


class MergeRefused(Exception):
    """Why two customers cannot become one, or two again: `why` is same, unknown, undone, later or taken."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def renumbered(number: str, code: str) -> str:
    """A contract's number at another customer, who has a contract of that number already."""
    return f"{number} ({code})"


class Merges:
    """Every method may raise StoreError."""

    def __init__(self, writer: Writer, reader: Database, clock: Clock = utc_now) -> None:
        self._writer, self._reader, self._clock = writer, reader, clock

    async def heir(self, code: str) -> str:
        """The code under which a customer goes on."""
        return await self._reader.read(lambda db: heir(db, plain_code(code)))

    async def of(self, code: str) -> list[Merge]:
        """The merges into a customer, the newest first."""
        rows = await self._reader.rows(SQL["merges_into"], code=code, limit=_SHOWN)
        told = [_merge(row) for row in rows]
        last = next((merge.id for merge in told if merge.undone_at is None), "")
        return [replace(merge, newest=merge.id == last) for merge in told]

    async def moving(self, gone: str) -> Mapping[str, int]:
        """How many rows of which table would move, and how many calls are the customer's."""

        def read(db: Db) -> Mapping[str, int]:
            counts = {moved.name: _count(db, moved.name, gone) for moved in MOVED if moved.name != "phone_book"}
            return counts | {"call": _count(db, "call", gone)}

        return await self._reader.read(read)

    async def merge(self, gone: str, kept: str, user: str) -> Merge:
        """Make one customer of two; what is the first one's becomes the other's. Raises MergeRefused."""
        now = self._clock()
        return await self._told(lambda tx: _become_one(tx.db, gone, kept, user, now))

    async def undo(self, merge_id: str, user: str) -> Merge:
        """Make two of them again. Raises MergeRefused."""
        now = self._clock()
        return await self._told(lambda tx: _become_two(tx.db, merge_id, user, now))

    async def _told(self, work: Callable[[Transaction], Merge | MergeRefused]) -> Merge:
        told = await self._writer.submit(work)
        if isinstance(told, MergeRefused):
            raise told
        return told


def _become_one(db: Db, gone: str, kept: str, user: str, now: datetime) -> Merge | MergeRefused:
    row = db.execute(SQL["customer_by_code"], {"code": gone}).fetchone()
    if gone == kept:
        return MergeRefused("same")
    if row is None or db.execute(SQL["customer_by_code"], {"code": kept}).fetchone() is None:
        return MergeRefused("unknown")
    phones = _phones(db, gone)
    changes = list(_move(db, gone, kept))
    values = {
        "id": secrets.token_hex(8),
        "gone_code": gone,
        "gone_name": row[1],
        "kept_code": kept,
        "at_us": to_us(now),
        "user_name": user,
        "body": msgspec.json.encode(changes).decode(),
    }
    db.execute(SQL["insert_merge"], values)
    customers_found.index(db, [kept])
    relink.mark_numbers(db, phones)
    relink.mark_customers(db, [gone])
    return _merge(db.execute(SQL["merge"], {"id": values["id"]}).fetchall()[0][:9])


def _become_two(db: Db, merge_id: str, user: str, now: datetime) -> Merge | MergeRefused:
    row = db.execute(SQL["merge"], {"id": merge_id}).fetchone()
    if row is None:
        return MergeRefused("unknown")
    merge, body = _merge(row[:9]), row[9]
    if why := _why_not(db, merge):
        return MergeRefused(why)
    phones = _phones(db, merge.kept_code)
    stayed = _put_back(db, msgspec.json.decode(body, type=list[Change]))
    told = msgspec.json.encode(stayed).decode() if stayed else ""
    db.execute(SQL["end_merge"], {"id": merge_id, "at_us": to_us(now), "user_name": user, "stayed": told})
    customers_found.index(db, [merge.gone_code, merge.kept_code])
    relink.mark_numbers(db, {*phones, *_phones(db, merge.gone_code), *_phones(db, merge.kept_code)})
    relink.mark_customers(db, [merge.kept_code])
    return _merge(db.execute(SQL["merge"], {"id": merge_id}).fetchall()[0][:9])


def _why_not(db: Db, merge: Merge) -> str:
    if merge.undone_at is not None:
        return "undone"
    if db.execute(SQL["merged_into"], {"code": merge.kept_code}).fetchone() is not None:
        return "later"
    rows = db.execute(SQL["merges_into"], {"code": merge.kept_code, "limit": _SHOWN}).fetchall()
    last = next((row[0] for row in rows if row[6] is None), "")
    if last != merge.id:
        return "later"
    taken = db.execute(SQL["customer_by_code"], {"code": merge.gone_code}).fetchone() is not None
    return "taken" if taken else ""


def _move(db: Db, gone: str, kept: str) -> Iterator[Change]:
    """Move every row, and take the customer out."""
    numbers = _other_numbers(db, gone, kept)
    for moved in MOVED:
        theirs = {_of(row, moved.twice) for row in _rows(db, moved.name, kept)} if moved.twice else set()
        for row in _rows(db, moved.name, gone):
            yield (
                _taken_out(db, moved, row)
                if _of(row, moved.twice) in theirs
                else _moved(db, moved, row, kept, numbers)
            )
    # Out of the search first: found_by says which words are theirs.
    [customer] = _select(db, "SELECT * FROM customer WHERE code = :code", {"code": gone})
    customers_found.forget(db, gone)
    db.execute(SQL["delete_customer"], {"code": gone})
    yield Change(table="customer", key={"code": gone}, was={**customer, "found_by": None})


def _moved(db: Db, moved: Moved, row: Values, kept: str, numbers: Mapping[str, str]) -> Change:
    became: Values = {"customer_code": kept}
    for column in moved.numbers:
        if row[column] in numbers:
            became[column] = numbers[row[column]]
    if moved.about and (about := _about(row, moved.about, kept, numbers)) != row[moved.about]:
        became[moved.about] = about
    was = {column: row[column] for column in became}
    change = Change(
        table=moved.name,
        key={column: row[column] for column in moved.key if column not in became},
        was=was,
        became=became,
    )
    _update(db, change.table, change.key | was, became)
    return change


def _about(row: Values, column: str, kept: str, numbers: Mapping[str, str]) -> str:
    text: str = row[column]
    gone = row["customer_code"]
    if text == f"customer:{gone}":
        return f"customer:{kept}"
    if text.startswith(start := f"contract:{gone}:"):
        number = text.removeprefix(start)
        return f"contract:{kept}:{numbers.get(number, number)}"
    return text


def _taken_out(db: Db, moved: Moved, row: Values) -> Change:
    key = {"customer_code": row["customer_code"], **{column: row[column] for column in moved.key}}
    db.execute(f"DELETE FROM {moved.name} WHERE {_where(key)}", _named(key))  # noqa: S608
    return Change(table=moved.name, key=key, was=row)


def _put_back(db: Db, changes: Sequence[Change]) -> dict[str, int]:
    """Undo what can be undone, in the order in which rows need each other; what stayed, counted by table."""
    stayed: dict[str, int] = {}
    for change in reversed(changes):
        done = _insert(db, change) if change.became is None else _restore(db, change, change.became)
        if not done:
            stayed[change.table] = stayed.get(change.table, 0) + 1
    return stayed


def _insert(db: Db, change: Change) -> bool:
    if _is_there(db, change.table, change.key):
        return False
    names = list(change.was)
    marks = ", ".join(f":{name}" for name in names)
    db.execute(f"INSERT INTO {change.table} ({', '.join(names)}) VALUES ({marks})", change.was)  # noqa: S608
    return True


def _restore(db: Db, change: Change, became: Values) -> bool:
    if _is_there(db, change.table, change.key | change.was):  # somebody wrote the same anew
        return False
    return _update(db, change.table, change.key | became, change.was) > 0


def _other_numbers(db: Db, gone: str, kept: str) -> Mapping[str, str]:
    """Contracts of the one that the other has, too: each with a number that neither has."""
    theirs = {row["number"] for row in _rows(db, "contract", kept)}
    mine = [row["number"] for row in _rows(db, "contract", gone)]
    taken, told = {*theirs, *mine}, {}
    for number in mine:
        if number in theirs:
            other = renumbered(number, gone)
            while other in taken:
                other = renumbered(other, gone)
            taken.add(other)
            told[number] = other
    return told


def _phones(db: Db, code: str) -> list[str]:
    return [row[0] for row in db.execute(SQL["phones_of_customer"], {"code": code}).fetchall()]


# --- rows; every name in these statements is one of ours ---


def _rows(db: Db, table: str, code: str) -> list[Values]:
    return _select(db, f"SELECT * FROM {table} WHERE customer_code = :code", {"code": code})  # noqa: S608


def _select(db: Db, statement: str, values: Values) -> list[Values]:
    rows = db.execute(statement, values)
    names = [column[0] for column in rows.description]
    return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def _count(db: Db, table: str, code: str) -> int:
    statement = f"SELECT COUNT(*) FROM {table} WHERE customer_code = :code AND customer_code <> ''"  # noqa: S608
    count: int = db.execute(statement, {"code": code}).fetchall()[0][0]
    return count


def _is_there(db: Db, table: str, key: Values) -> bool:
    return db.execute(f"SELECT 1 FROM {table} WHERE {_where(key)}", _named(key)).fetchone() is not None  # noqa: S608


def _update(db: Db, table: str, key: Values, to: Values) -> int:
    sets = ", ".join(f"{column} = :{column}" for column in to)
    return db.execute(f"UPDATE {table} SET {sets} WHERE {_where(key)}", _named(key) | to).rowcount  # noqa: S608


def _where(key: Values) -> str:
    return " AND ".join(f"{column} = :is_{column}" for column in key)


def _named(key: Values) -> Values:
    return {f"is_{column}": value for column, value in key.items()}


def _of(row: Values, columns: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(row[column] for column in columns)


def _merge(row: Any) -> Merge:
    merge_id, gone_code, gone_name, kept_code, at_us, user, undone_at_us, undone_by, stayed = row
    return Merge(
        id=merge_id,
        gone_code=gone_code,
        gone_name=gone_name,
        kept_code=kept_code,
        at=from_us(at_us),
        user=user,
        undone_at=None if undone_at_us is None else from_us(undone_at_us),
        undone_by=undone_by,
        stayed=msgspec.json.decode(stayed, type=dict[str, int]) if stayed else {},
    )
