"""What is known of a call that rings now: its customers, their contracts and tickets, the last calls, the menu.

All of it in one visit to the database, since a phone rings meanwhile. A call in progress is folded only now and then:
what the caller keyed and was told is read from the journal itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pbx_bridge.calls.call import CallStep
from pbx_bridge.calls.fact_text import Undecodable, decode
from pbx_bridge.calls.facts import FactKind, Live, RawFact, Step, StepKind
from pbx_bridge.store.call_body import number_key
from pbx_bridge.store.call_context import Case, case_of
from pbx_bridge.store.call_notes import Note, note_of
from pbx_bridge.store.crm import Contract, Customer
from pbx_bridge.store.crm_sql import contract_of, customer_of
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.lines import CALL_LINES, CallLine, read_line
from pbx_bridge.store.page_key import FIRST, LAST
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us

CALLS = 5
_CASES = 10
_CUSTOMERS = 5  # with one number


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Of which call.

    Attributes:
        node, root: its first channel. steps_of: the channel of the caller in the menu, or empty.
        number: of whoever it is with, as it came; empty: withheld, or known to the journal alone.
        code: the customer that the menu found, or empty.
        chosen: the customer that the agent chose, or empty.
        today: in the company's zone.
    """

    call_id: str
    node: str
    root: str
    steps_of: str
    number: str
    code: str
    chosen: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One customer it may be with. `contact`: whose number it is, empty if it is nobody's of theirs."""

    customer: Customer
    contact: str
    contract: Contract | None
    cases: Sequence[Case]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """What is known.

    Attributes:
        parties: none: nobody knows the number. Several: it is for the agent to choose.
        calls: the last ones of the customer, else of the number; this one is not among them.
        steps: what happened in the menu, in order, as far as it is journaled.
        number: whom it is with, also where only the journal knew.
    """

    parties: Sequence[Party]
    calls: Sequence[CallLine]
    steps: Sequence[CallStep]
    notes: Sequence[Note]
    number: str


class DeskCards:
    """Reads only."""

    def __init__(self, reader: Database, region: str = "IR") -> None:
        self._reader, self._region = reader, region

    async def facts(self, asked: Asked) -> CardFacts:
        """What is known of that call. Raises StoreError."""
        return await self._reader.read(lambda db: _facts(db, asked, self._region))


def _facts(db: Db, asked: Asked, region: str) -> CardFacts:
    number = asked.number or _dialled(db, asked)
    key = number_key(number, region) if number else ""
    steps = _steps(db, asked)
    customers = _customers(db, asked, key, steps)
    names = {code: name for code, name in db.execute(SQL["contacts_of_phone"], {"phone": key}).fetchall()}
    notes = db.execute(SQL["notes_of_call"], {"call_id": asked.call_id}).fetchall()
    return CardFacts(
        parties=[_party(db, one, names.get(one.code, ""), asked.today) for one in customers],
        calls=_last_calls(db, asked, customers, key),
        steps=steps,
        notes=[note_of(row) for row in notes],
        number=number,
    )


def _customers(db: Db, asked: Asked, key: str, steps: Sequence[CallStep]) -> list[Customer]:
    """The one chosen; else the one keyed in the menu; else all who have the number; else whom the menu found."""
    for code in (asked.chosen, _keyed(steps)):
        if code and (row := db.execute(SQL["customer_by_code"], {"code": code}).fetchone()):
            return [customer_of(row)]
    rows = db.execute(SQL["customers_by_phone"], {"phone": key}).fetchall() if key else []
    if not rows and asked.code:
        rows = db.execute(SQL["customer_by_code"], {"code": asked.code}).fetchall()
    return [customer_of(row) for row in rows[:_CUSTOMERS]]


def _keyed(steps: Sequence[CallStep]) -> str:
    told = (one.data for one in reversed(steps) if one.kind == StepKind.CUSTOMER and one.data.get("by") == "code")
    return next((str(data.get("code") or "") for data in told), "")


def _party(db: Db, customer: Customer, contact: str, today: date) -> Party:
    contract = db.execute(SQL["contract"], {"code": customer.code, "today": today.isoformat()}).fetchone()
    cases = db.execute(SQL["unfinished_of_customer"], {"code": customer.code, "limit": _CASES}).fetchall()
    return Party(
        customer=customer,
        contact=contact,
        contract=contract_of(contract) if contract is not None else None,
        cases=[case_of(row) for row in cases],
    )


def _last_calls(db: Db, asked: Asked, customers: Sequence[Customer], key: str) -> list[CallLine]:
    values: dict[str, Any] = {
        "above_us": FIRST[0],
        "above_id": FIRST[1],
        "below_us": LAST[0],
        "below_id": LAST[1],
        "limit": CALLS + 1,
    }
    if len(customers) == 1:
        name, values["customer"] = "page_calls_of_customer", customers[0].code
    elif key:
        name, values["number"] = "page_calls_of_number", key
    else:
        return []
    lines = [read_line(row) for row in db.execute(CALL_LINES[name], values)]
    return [line for line in lines if line.call_id != asked.call_id][:CALLS]


def _steps(db: Db, asked: Asked) -> list[CallStep]:
    if not asked.steps_of:
        return []
    file = f"step:{asked.steps_of}"
    rows = db.execute(SQL["steps_of_channel"], {"node": asked.node, "file": file, "sequence": 0}).fetchall()
    return [step for row in rows if (step := _step(asked, file, *row)) is not None]


def _step(asked: Asked, file: str, sequence: int, at_us: int, body: str) -> CallStep | None:
    step = _decoded(asked, file, FactKind.STEP, asked.steps_of, sequence, at_us, body)
    if not isinstance(step, Step):
        return None
    return CallStep(at=step.at, flow_node=step.flow_node, kind=str(step.kind), data=step.data)


def _dialled(db: Db, asked: Asked) -> str:
    """The number of a call that the daemon placed, which no channel tells."""
    file = f"live:originate:{asked.root}"
    row = db.execute(SQL["originated"], {"node": asked.node, "file": file}).fetchone()
    if row is None:
        return ""
    live = _decoded(asked, file, FactKind.LIVE, asked.root, 0, 0, row[0])
    told = live.data.get("dialled") if isinstance(live, Live) else ""
    return told if isinstance(told, str) else ""


def _decoded(
    asked: Asked, file: str, kind: FactKind, channel: str, offset: int, at_us: int, body: str
) -> object | None:
    at = from_us(at_us)
    try:
        return decode(
            RawFact(node=asked.node, file=file, offset=offset, kind=kind, at=at, channel=channel, body=body)
        )
    except Undecodable:
        return None
