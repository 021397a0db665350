"""What stands around one call: the calls before and after it, the customer's tickets, what went wrong, its facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pbx_bridge.calls.call import Call, Direction
from pbx_bridge.calls.facts import RawFact
from pbx_bridge.errors import StoreError
from pbx_bridge.store import call_body, packs, parties
from pbx_bridge.store.announce import CallRow
from pbx_bridge.store.calls import CallBook, PageKey, Where
from pbx_bridge.store.crm import TicketStatus
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.lines import CallLine, line_of
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.squeeze import Damaged
from pbx_bridge.store.times import from_us, to_us

AGAIN = timedelta(days=7)  # whoever calls again within this time may not have been helped
_NEAR = 3  # calls shown on either side
_LOOKED_AT = 50  # calls of a customer looked at on either side
_TICKETS = 50

Mine = Callable[[Call], bool]
"""Whether somebody may see a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The same party's calls, the nearest first.

    Attributes:
        turn: the how-maniest call from outside this one is within a week; 0 of a call to outside or inside.
        number: the number outside they were found by; empty where `customer` is told, or neither is.
    """

    before: tuple[CallLine, ...] = ()
    after: tuple[CallLine, ...] = ()
    turn: int = 0
    customer: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A ticket or complaint as a call's page shows it.

    Attributes:
        kind: `request` or `complaint`.
        due_by: of a complaint, the next thing that is to be done by then, aware UTC; None: nothing is left.
        promised_on: the day the customer was told; None: none.
    """

    tracking_number: str
    customer_code: str
    subject: str
    status: TicketStatus
    kind: str
    updated_at: datetime
    due_by: datetime | None
    promised_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WentWrong:
    """One moment that went wrong; `state` is `open` or `done`."""

    kind: str
    at: datetime
    detail: str
    state: str
    owner: str
    note: str


class CallContext:
    """Reads only. Every method may raise StoreError."""

    def __init__(self, reader: Database, calls: CallBook, region: str = "IR") -> None:
        self._reader, self._calls, self._region = reader, calls, region

    async def neighbours(self, call: Call, mine: Mine | None = None) -> Neighbours:
        """The calls of the same customer, else of the same number outside; with `mine` only those."""
        whose: Where = {"customer": call.customer_code} if call.customer_code else {"number": self._number(call)}
        number = whose.get("number", "")
        if not call.customer_code and not number:
            return Neighbours()
        here = PageKey(started_at_us=to_us(call.started_at), call_id=call.call_id)
        before = await self._lines(mine, {**whose, "before": here, "limit": _LOOKED_AT})
        after = await self._lines(mine, {**whose, "after": here, "limit": _LOOKED_AT if mine else _NEAR})
        return Neighbours(
            before=tuple(before[:_NEAR]),
            after=tuple(after[::-1][:_NEAR]),
            turn=_turn(call, before),
            customer=call.customer_code,
            number=number,
        )

    async def _lines(self, mine: Mine | None, where: Where) -> Sequence[CallLine]:
        if mine is None:
            return await self._calls.lines(**where)
        rows: list[CallRow] = await self._calls.page(**where)
        return [line_of(row) for row in rows if mine(row.call)]

    def _number(self, call: Call) -> str:
        if call.direction is Direction.INTERNAL:
            return ""
        plain = call.caller if call.direction is Direction.INBOUND else call.called
        return parties.outside_number(call, self._region) or call_body.number_key(plain, self._region)

    async def unfinished(self, customer_code: str) -> list[Case]:
        """A customer's tickets and complaints that are neither resolved nor closed, the newest first."""
        rows = await self._reader.rows(SQL["unfinished_of_customer"], code=customer_code, limit=_TICKETS)
        return [case_of(row) for row in rows]

    async def cases(self, numbers: Sequence[str]) -> dict[str, Case]:
        """The tickets of these tracking numbers that are there, by number."""

        def read(db: Db) -> dict[str, Case]:
            rows = (db.execute(SQL["case"], {"tracking_number": number}).fetchone() for number in numbers)
            return {row[0]: case_of(row) for row in rows if row is not None}

        return await self._reader.read(read) if numbers else {}

    async def went_wrong(self, call_id: str) -> list[WentWrong]:
        """What went wrong at a call, in order."""
        rows = await self._reader.rows(SQL["moments_of_call"], call_id=call_id)
        return [
            WentWrong(kind=kind, at=from_us(at_us), detail=detail, state=state, owner=owner, note=note)
            for kind, at_us, detail, state, owner, note in rows
        ]

    async def facts(self, call_id: str) -> list[RawFact]:
        """Everything that was told of a call, in order of time; each once. Raises StoreError, also for damage."""
        found = await self._reader.rows(SQL["group_of_call"], call_id=call_id)
        if not found:
            return []
        group = found[0][0]
        try:
            facts = await self._reader.read(lambda db: packs.facts_of(db, group))
        except Damaged as error:
            raise StoreError(str(error)) from error
        once = {(raw.node, raw.file, raw.offset): raw for raw in facts}
        return sorted(once.values(), key=lambda raw: (raw.at, raw.kind, raw.file, raw.offset))


def _turn(call: Call, before: Sequence[CallLine]) -> int:
    if call.direction is not Direction.INBOUND:
        return 0
    since = call.started_at - AGAIN
    return 1 + sum(line.direction is Direction.INBOUND and line.started_at >= since for line in before)


def case_of(row: Any) -> Case:
    """The case of a row of `case` or its like."""
    number, code, subject, status, kind, updated_at_us, promised_on, due_by_us = row
    return Case(
        tracking_number=number,
        customer_code=code,
        subject=subject,
        status=TicketStatus(status),
        kind=kind,
        updated_at=from_us(updated_at_us),
        due_by=None if due_by_us is None else from_us(due_by_us),
        promised_on=date.fromisoformat(promised_on) if promised_on else None,
    )
