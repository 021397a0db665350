"""Where a person stands beside their calls: table by table what goes, and what becomes of the rest.

Every text of every table is named here or in STAYING with the reason, and a test holds that against the schema: a
table that comes later cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pbx_bridge.calls.erased import MARK, NUMBER, Person
from pbx_bridge.store.database import Db
from pbx_bridge.values.digits import to_persian

Values = dict[str, Any]
_NOW = object()
_CUSTOMERS = "customer_code IN ({codes})"
_TICKETS = "tracking_number IN (SELECT tracking_number FROM ticket WHERE customer_code IN ({codes}))"
_ERASED_CALLBACKS = "callback_id IN (SELECT id FROM callback WHERE number = :erased)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What becomes of a table's rows.

    Attributes:
        key: what tells its rows apart.
        whose: in SQL, which rows are the person's own; `{codes}` are their customers'.
        numbers: columns with a number: a row with theirs is their own, too.
        to: what their own rows become; None: they go.
        to_open: besides, of a row that is not done.
        texts: columns of all other rows in which their numbers are looked for.
        named: in SQL, the rows in whose texts their names are looked for as well.
    """

    table: str
    key: tuple[str, ...]
    whose: str = "1 = 0"
    numbers: tuple[str, ...] = ()
    to: Mapping[str, Any] | None = field(default_factory=dict)
    to_open: Mapping[str, Any] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    named: str = "1 = 0"


ROWS = (
    Rows(table="phone_book", key=("id",), whose=_CUSTOMERS, numbers=("number",), to=None, texts=("name",)),
    Rows(table="wrong_try", key=("caller", "what", "at_us"), numbers=("caller",), to=None),
    Rows(table="relink", key=("number",), numbers=("number",), to=None),
    Rows(
        table="contract_entry",
        key=("id",),
        whose=_CUSTOMERS,
        to={"body": "", "reason": ""},
        texts=("body", "reason"),
    ),
    Rows(
        table="callback",
        key=("id",),
        whose=_CUSTOMERS,
        numbers=("number",),
        to={"number": NUMBER, "customer_code": "", "about": "", "why": "", "taken_by": "", "taken_until_us": None},
        to_open={"done_at_us": _NOW, "result": "withdrawn"},
        texts=("why",),
    ),
    Rows(table="callback_change", key=("id",), whose=_ERASED_CALLBACKS, to={"detail": ""}, texts=("detail",)),
    Rows(
        table="dial",
        key=("id",),
        whose="about IN ({customers}) OR EXISTS (SELECT 1 FROM ticket WHERE customer_code IN ({codes})"
        " AND dial.about = 'ticket:' || ticket.tracking_number) OR EXISTS (SELECT 1 FROM contract"
        " WHERE customer_code IN ({codes}) AND dial.about = 'contract:' || customer_code || ':' || contract.number)",
        numbers=("number",),
        to={"number": NUMBER, "about": ""},
    ),
    Rows(
        table="wrap_up",
        key=("call_id", "user_name"),
        whose=_CUSTOMERS,
        numbers=("number",),
        to={"number": NUMBER, "name": "", "customer_code": "", "next_step": ""},
        texts=("next_step", "reason"),
    ),
    Rows(table="message", key=("name",), numbers=("caller",), to={"caller": NUMBER}),
    Rows(
        table="ticket_event",
        key=("id",),
        whose=_TICKETS,
        to={"body": ""},
        texts=("before_text", "after_text", "body"),
    ),
    Rows(
        table="ticket_event",
        key=("id",),
        whose=f"{_TICKETS} AND what = 'told'",  # of the others: words of ours, such as a status
        to={"before_text": "", "after_text": ""},
    ),
    Rows(table="complaint", key=("tracking_number",), whose=_TICKETS, to={"done": ""}, texts=("done", "reason")),
    Rows(
        table="ticket",
        key=("tracking_number",),
        whose=_CUSTOMERS,
        to={"subject": MARK, "note": "", "message": ""},
        texts=("subject", "note"),
    ),
    Rows(
        table="customer_merge",
        key=("id",),
        whose="kept_code IN ({codes}) OR gone_code IN ({codes})",
        to={"gone_name": MARK, "body": "[]"},
        texts=("body", "gone_name"),
    ),
    Rows(table="call_note", key=("id",), texts=("body",)),
    Rows(table="moment", key=("call_id", "kind"), texts=("note", "detail")),
    Rows(table="saved_view", key=("id",), texts=("address", "name")),
    Rows(table="unreadable", key=("node", "file", "at_offset"), texts=("body",)),
    Rows(
        table="audit",
        key=("id",),
        texts=("about", "detail"),
        named="about IN ({codes}) OR about IN ({customers})",
    ),
)
"""In this order: what another table is found by goes last."""

STAYING = {
    "customer": "its own step: see erasure.py",
    "contact": "its own step",
    "customer_word": "worked out of names, with them",
    "call": "folded anew from facts without the person",
    "fact": "taken out fact by fact",
    "fact_pack": "unpacked, and packed anew later",
    "recording": "files removed; names hold times and channels only",
    "call_ticket": "of their calls: gone with the call's texts",
    "contract": "what was sold and until when: the books need it; it has no name of theirs",
    "run": "a call under way: these are left until they are over",
    "facet": "words of the house, tracking numbers",
    "tally": "counts",
    "outbox": "ids of calls",
    "api_token": "",
    "agent": "ours",
    "user_account": "ours",
    "web_session": "ours",
    "callback_try": "ids of calls",
    "call_group": "",
    "call_key": "ids of channels",
    "call_facet": "",
    "packed_key": "",
    "moment_day": "counts",
    "outbox_reader": "",
    "source_cursor": "",
    "source_gap": "",
    "source_heard": "",
    "worked_out": "",
    "store_turn": "",
    "schema_version": "",
}
"""Tables that no row here speaks of, and why."""


def found(db: Db, rows: Rows, person: Person, codes: Sequence[str], now_us: int) -> Iterator[tuple[Values, Values]]:
    """The rows of a table that are to change: their key, and what is to be written; nothing: the row goes."""
    columns = tuple(dict.fromkeys((*rows.key, *rows.numbers, *(rows.to or ()), *rows.to_open, *rows.texts)))
    values = _values(codes)
    whose, named = _of_codes(rows.whose, codes), _of_codes(rows.named, codes)
    looks = [whose, named, *_looks((*rows.numbers, *rows.texts), person, values)]
    statement = (
        f"SELECT CASE WHEN {whose} THEN 1 ELSE 0 END, CASE WHEN {named} THEN 1 ELSE 0 END,"  # noqa: S608 - ours
        f" {', '.join(columns)} FROM {rows.table} WHERE {' OR '.join(f'({look})' for look in looks)}"
    )
    for own, by_name, *row in db.execute(statement, values).fetchall():
        told = dict(zip(columns, row, strict=True))
        theirs = bool(own) or any(person.is_theirs(str(told[column])) for column in rows.numbers)
        key = {column: told[column] for column in rows.key}
        if theirs and rows.to is None:
            yield key, {}
        elif change := _change(rows, told, person, now_us, theirs=theirs, named=bool(by_name)):
            yield key, change


def write(db: Db, rows: Rows, key: Values, change: Values) -> None:
    """Change a row, or take it out."""
    where = " AND ".join(f"{column} = :is_{column}" for column in key)
    named = {f"is_{column}": value for column, value in key.items()}
    if not change:
        db.execute(f"DELETE FROM {rows.table} WHERE {where}", named)  # noqa: S608
        return
    sets = ", ".join(f"{column} = :{column}" for column in change)
    db.execute(f"UPDATE {rows.table} SET {sets} WHERE {where}", named | change)  # noqa: S608


def _change(rows: Rows, told: Values, person: Person, now_us: int, *, theirs: bool, named: bool) -> Values:
    change = person.text if named or theirs else person.without_numbers
    after = {column: change(told[column]) for column in rows.texts if told[column]}
    if theirs:
        after |= rows.to or {}
        if rows.to_open and told["done_at_us"] is None:
            done: Values = {column: now_us if value is _NOW else value for column, value in rows.to_open.items()}
            after |= done
    return {column: value for column, value in after.items() if told[column] != value}


def _looks(columns: Sequence[str], person: Person, values: Values) -> Iterator[str]:
    """Conditions that hold of every row with one of their numbers, and of some others."""
    parts = [part for tail in sorted(person.tails) for part in (tail, to_persian(tail))]
    for at, part in enumerate([*parts, *sorted(person.texts)]):
        values[f"part{at}"] = f"%{part}%"
        yield from (f"{column} LIKE :part{at}" for column in columns)


def _values(codes: Sequence[str]) -> Values:
    told: Values = {"erased": NUMBER}
    for at, code in enumerate(codes):
        told |= {f"code{at}": code, f"customer{at}": f"customer:{code}"}
    return told


def _of_codes(condition: str, codes: Sequence[str]) -> str:
    if not codes and "{" in condition:
        return "1 = 0"
    names = range(len(codes))
    return condition.format(
        codes=", ".join(f":code{at}" for at in names), customers=", ".join(f":customer{at}" for at in names)
    )
