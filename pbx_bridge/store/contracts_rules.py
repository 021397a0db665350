"""The rules of contracts: how one stands on a day, and what came of its renewal. Pure.

A contract is valid on its first and its last day, to the last second of that in the office's zone. Months ahead are
those of the Jalali calendar, in which contracts are made.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pbx_bridge.store.crm import Contract
from pbx_bridge.values import dates

_YEAR_BEHIND = re.compile(r"-1[34]\d\d(-\d+)?$")


class State(enum.StrEnum):
    """How a contract stands on a day."""

    COMING = "coming"  # it has not begun
    VALID = "valid"
    ENDING = "ending"  # valid, and its last day is within the months that renewals are looked at ahead
    ENDED = "ended"


class Kind(enum.StrEnum):
    """What was done about a renewal."""

    NOTE = "note"
    STEP = "step"  # what to do next, and when
    WON = "won"
    LOST = "lost"
    UNDO = "undo"  # an earlier entry holds no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that was done. Texts are clean, not escaped.

    Attributes:
        at: aware UTC. user: who did it.
        ends_on: the last day of the term that it is about.
        text: the note; what to do; what was said.
        reason: of `lost`, a word of the settings.
        renewed, renewed_to: of `won`, the number of the contract that it wrote, and its last day.
        callback, due: of `step`, its follow-up, and when that is due.
        undoes: of `undo`, the id of the other.
    """

    id: str
    at: datetime
    user: str
    kind: Kind
    ends_on: date
    text: str = ""
    reason: str = ""
    renewed: str = ""
    renewed_to: date | None = None
    callback: str = ""
    due: datetime | None = None
    undoes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """How a renewal stands. `outcome`: the entry of kind won or lost that holds; `step`: the last step that holds."""

    outcome: Entry | None = None
    step: Entry | None = None

    @property
    def word(self) -> str:
        """`won`, `lost` or `open`."""
        return self.outcome.kind.value if self.outcome else "open"


def horizon(today: date, months: int) -> date:
    """The last day that is within so many Jalali months from today."""
    return dates.add_jalali_months(today, months)


def state_on(contract: Contract, today: date, months: int) -> State:
    """How it stands today."""
    if today < contract.starts_on:
        return State.COMING
    if today > contract.ends_on:
        return State.ENDED
    return State.ENDING if contract.ends_on <= horizon(today, months) else State.VALID


def standing(contract: Contract | None, today: date, months: int) -> str:
    """How it stands today, as a word of the pages; `none`: there is no contract."""
    return "none" if contract is None else state_on(contract, today, months).value


def undone(entries: Iterable[Entry]) -> frozenset[str]:
    """The ids of the entries that hold no more."""
    return frozenset(entry.undoes for entry in entries if entry.kind is Kind.UNDO)


def renewal_of(entries: Sequence[Entry], ends_on: date) -> Renewal:
    """What came of the renewal of the term that ends on a day, of all entries, the oldest first."""
    gone = undone(entries)
    holding = [entry for entry in entries if entry.id not in gone and entry.ends_on == ends_on]
    return Renewal(outcome=_last(holding, Kind.WON, Kind.LOST), step=_last(holding, Kind.STEP))


def renewed(old: Contract, ends_on: date, number: str, level: str) -> Contract:
    """The contract that goes on from another: it begins the day after. Raises ValueError: it ends before that."""
    starts_on = old.ends_on + timedelta(days=1)
    if ends_on < starts_on:
        raise ValueError("it would end before it begins")
    return Contract(customer_code=old.customer_code, number=number, starts_on=starts_on, ends_on=ends_on, level=level)


def next_number(old: Contract, taken: Container[str]) -> str:
    """A number for the contract that goes on from this one: with the Jalali year in which it begins."""
    year = dates.to_jalali(old.ends_on + timedelta(days=1))[0]
    number = wanted = f"{_YEAR_BEHIND.sub('', old.number)}-{year}"
    turn = 1
    while number in taken:
        turn += 1
        number = f"{wanted}-{turn}"
    return number


def _last(entries: Sequence[Entry], *kinds: Kind) -> Entry | None:
    return next((entry for entry in reversed(entries) if entry.kind in kinds), None)
