"""What is done about a contract's renewal: notes, next steps, won or lost, and what undoes them. Nothing is changed.

Each is an entry; a won one also writes the contract that goes on, a step also its follow-up. An import of contracts
touches neither the entries nor what came of them.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, assert_never

from pbx_bridge.store.callbacks import NewFollowUp, set_follow_up, withdraw
from pbx_bridge.store.contracts_rules import Entry, Kind, next_number, renewal_of, renewed, undone
from pbx_bridge.store.crm import Contract
from pbx_bridge.store.database import Db
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, maybe_us, to_us
from pbx_bridge.values.hostile import clean

LONGEST = 1000  # letters of a note
LONGEST_NUMBER = 60


class Refused(enum.StrEnum):
    """Why an entry cannot be."""

    GONE = "gone"  # there is no such contract
    EMPTY = "empty"  # a note without words, a step without what to do
    NO_PHONE = "no_phone"  # a step needs somebody to call
    NO_REASON = "no_reason"
    SETTLED = "settled"  # it was won or lost before: undo that first
    END = "end"  # the new one would end before it begins
    TAKEN = "taken"  # another contract of theirs has that number
    GOES_ON = "goes_on"  # one that goes on from it is there: its winning was undone, but it was worked on
    UNDONE = "undone"  # it is not there, or undone before


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """Something to be done. Which fields count, its kind tells; see Entry.

    Attributes:
        origin: the same at each repetition.
        due: aware. phone: whom to call then; owner: who calls.
        renewed: the new contract's number; empty: one is made. level: of the new contract; empty: as before.
    """

    origin: str
    kind: Kind
    user: str
    text: str = ""
    reason: str = ""
    due: datetime | None = None
    phone: str = ""
    owner: str = ""
    renewed: str = ""
    renewed_to: date | None = None
    level: str = ""
    undoes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """What an entry is written with."""

    db: Db
    contract: Contract
    entries: Sequence[Entry]
    now: datetime
    region: str


def write(db: Db, code: str, number: str, new: NewEntry, *, name: str, now: datetime, region: str) -> Entry | Refused:
    """Write it, once for its name. Raises what the database raises."""
    row = db.execute(SQL["contract_of"], {"code": code, "number": number}).fetchone()
    if row is None:
        return Refused.GONE
    rows = db.execute(SQL["contract_entries"], {"code": code, "number": number}).fetchall()
    entries = [entry_of(one) for one in rows]
    if there := next((entry for entry in entries if entry.id == name), None):
        return there
    desk = _Desk(db=db, contract=_contract(row), entries=entries, now=now, region=region)
    entry = Entry(
        id=name,
        at=now,
        user=new.user,
        kind=new.kind,
        ends_on=desk.contract.ends_on,
        text=clean(new.text, LONGEST),
    )
    told = _told(desk, entry, new)
    if isinstance(told, Entry):
        _keep(desk, told)
    return told


def _told(desk: _Desk, entry: Entry, new: NewEntry) -> Entry | Refused:
    match new.kind:
        case Kind.NOTE:
            return entry if entry.text else Refused.EMPTY
        case Kind.STEP:
            return _step(desk, entry, new)
        case Kind.WON:
            return _won(desk, entry, new)
        case Kind.LOST:
            reason = clean(new.reason, 60)
            if _is_settled(desk):
                return Refused.SETTLED
            return replace(entry, reason=reason) if reason else Refused.NO_REASON
        case Kind.UNDO:
            return _undo(desk, entry, new)
        case _ as never:
            assert_never(never)


def _step(desk: _Desk, entry: Entry, new: NewEntry) -> Entry | Refused:
    if not entry.text or new.due is None:
        return Refused.EMPTY
    if not new.phone:
        return Refused.NO_PHONE
    code, number = desk.contract.customer_code, desk.contract.number
    follow_up = NewFollowUp(
        origin=f"contract:{entry.id}",
        number=new.phone,
        wanted_at=new.due,
        why=entry.text,
        by=new.user,
        owner=new.owner,
        customer_code=code,
        about=f"contract:{code}:{number}",
    )
    return replace(entry, due=new.due, callback=set_follow_up(desk.db, follow_up, desk.now, desk.region))


def _won(desk: _Desk, entry: Entry, new: NewEntry) -> Entry | Refused:
    old = desk.contract
    if _is_settled(desk):
        return Refused.SETTLED
    if new.renewed_to is None or new.renewed_to <= old.ends_on:
        return Refused.END
    taken = dict(desk.db.execute(SQL["contract_numbers"], {"code": old.customer_code}).fetchall())
    if old.number in taken.values():
        return Refused.GOES_ON
    number = clean(new.renewed, LONGEST_NUMBER) or next_number(old, taken)
    if number in taken:
        return Refused.TAKEN
    contract = renewed(old, new.renewed_to, number, clean(new.level, 60) or old.level)
    values = {
        "code": contract.customer_code,
        "number": contract.number,
        "starts_on": contract.starts_on.isoformat(),
        "ends_on": contract.ends_on.isoformat(),
        "level": contract.level,
        "renews": old.number,
    }
    desk.db.execute(SQL["insert_renewed_contract"], values)
    return replace(entry, renewed=number, renewed_to=new.renewed_to)


def _undo(desk: _Desk, entry: Entry, new: NewEntry) -> Entry | Refused:
    gone = undone(desk.entries)
    other = next((one for one in desk.entries if one.id == new.undoes and one.kind is not Kind.UNDO), None)
    if other is None or other.id in gone:
        return Refused.UNDONE
    if other.kind is Kind.WON and other.renewed_to is not None:
        values = {
            "code": desk.contract.customer_code,
            "number": other.renewed,
            "renews": desk.contract.number,
            "ends_on": other.renewed_to.isoformat(),
        }
        desk.db.execute(SQL["drop_renewed_contract"], values)
    if other.kind is Kind.STEP:
        withdraw(desk.db, other.callback, new.user, desk.now)
    return replace(entry, ends_on=other.ends_on, undoes=other.id)


def _is_settled(desk: _Desk) -> bool:
    return renewal_of(desk.entries, desk.contract.ends_on).outcome is not None


def _keep(desk: _Desk, entry: Entry) -> None:
    contract = desk.contract
    whose = {"code": contract.customer_code, "number": contract.number}
    values = {
        "id": entry.id,
        "at_us": to_us(entry.at),
        "user_name": entry.user,
        "kind": entry.kind.value,
        "ends_on": entry.ends_on.isoformat(),
        "body": entry.text,
        "reason": entry.reason,
        "renewed": entry.renewed,
        "renewed_to": entry.renewed_to.isoformat() if entry.renewed_to else "",
        "callback": entry.callback,
        "step_us": maybe_us(entry.due),
        "undoes": entry.undoes,
    }
    desk.db.execute(SQL["insert_contract_entry"], {**whose, **values})
    outcome = renewal_of([*desk.entries, entry], contract.ends_on).outcome
    told = {"outcome": outcome.kind.value if outcome else "", "ends_on": contract.ends_on.isoformat()}
    desk.db.execute(SQL["set_contract_outcome"], {**whose, **told})


def _contract(row: Any) -> Contract:
    code, _, _, number, starts_on, ends_on, level, *_ = row
    first, last = date.fromisoformat(starts_on), date.fromisoformat(ends_on)
    return Contract(customer_code=code, number=number, starts_on=first, ends_on=last, level=level)


def entry_of(row: Any) -> Entry:
    """A row of `contract_entries`."""
    name, at_us, user, kind, ends_on, text, reason, number, renewed_to, callback, step_us, undoes = row
    return Entry(
        id=name,
        at=from_us(at_us),
        user=user,
        kind=Kind(kind),
        ends_on=date.fromisoformat(ends_on),
        text=text,
        reason=reason,
        renewed=number,
        renewed_to=date.fromisoformat(renewed_to) if renewed_to else None,
        callback=callback,
        due=None if step_us is None else from_us(step_us),
        undoes=undoes,
    )
