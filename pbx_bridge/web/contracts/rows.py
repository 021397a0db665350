"""A contract as the pages show it, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pbx_bridge.store.contracts import ContractLine
from pbx_bridge.store.contracts_rules import Entry, State, renewal_of, state_on
from pbx_bridge.store.contracts_use import Use
from pbx_bridge.values.dates import end_of_day
from pbx_bridge.web import words
from pbx_bridge.web.show import NOTHING
from pbx_bridge.web.viewer import Viewer

_TONES = {State.COMING: "note", State.VALID: "good", State.ENDING: "warn", State.ENDED: "bad"}
_ICONS = {
    State.COMING: "callback",
    State.VALID: "answered",
    State.ENDING: "abandoned_queue",
    State.ENDED: "rejected",
}
_MINUTE_US, _HOUR_US, _DAY_US = 60_000_000, 3_600_000_000, 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A contract in a list. Texts are clean, not escaped.

    Attributes:
        left: how long it still holds, or since when it does not, in words.
        tone, icon: of its state.
        outcome: `open`, `won` or `lost`.
    """

    line: ContractLine
    name: str
    state: State
    left: str
    tone: str
    icon: str
    outcome: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A contract on the list of renewals: with what the renewal talk starts from."""

    row: Row
    use: Use
    contacts: Sequence[tuple[str, str]]
    step: Entry | None


def row_of(line: ContractLine, who: Viewer, today: date, months: int) -> Row:
    """How a viewer sees a contract today."""
    state = state_on(line.contract, today, months)
    return Row(
        line=line,
        name=who.private(line.customer_name, 80),
        state=state,
        left=_left(line, state, who, today),
        tone=_TONES[state],
        icon=_ICONS[state],
        outcome=line.outcome,
        address=address_of(line.contract.customer_code, line.contract.number),
    )


def address_of(code: str, number: str) -> str:
    """A contract's page."""
    return f"/contracts/{quote(code, safe='')}/{quote(number, safe='')}"


def term_of(line: ContractLine, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Its first moment, and the first after it."""
    contract = line.contract
    return datetime.combine(contract.starts_on, time.min, tzinfo=zone), end_of_day(contract.ends_on, zone)


def candidate_of(row: Row, use: Use, contacts: Sequence[tuple[str, str]], entries: Sequence[Entry]) -> Candidate:
    """What stands on the list of renewals. `entries`: what was done about it."""
    step = renewal_of(entries, row.line.contract.ends_on).step
    return Candidate(row=row, use=use, contacts=contacts, step=step)


def word(prefix: str, name: str, who: Viewer) -> str:
    """The word for a name that an admin or an import gave, or the name itself."""
    key = f"{prefix}.{name}"
    return who.t(key) if words.known(key) else who.private(name, 60)


def span(us: int | None, who: Viewer) -> str:
    """A long span in one unit: 40 minutes, 5.2 hours, 3.1 days; nothing for none."""
    if us is None:
        return NOTHING
    if us < 2 * _HOUR_US:
        return who.counted("contract.minutes", round(us / _MINUTE_US))
    if us < 2 * _DAY_US:
        return who.t("contract.hours", n=who.show.decimal(us / _HOUR_US))
    return who.t("contract.days", n=who.show.decimal(us / _DAY_US))


def _left(line: ContractLine, state: State, who: Viewer, today: date) -> str:
    contract = line.contract
    match state:
        case State.COMING:
            return who.counted("contract.in", (contract.starts_on - today).days)
        case State.ENDED:
            return who.counted("contract.since", (today - contract.ends_on).days)
        case State.VALID | State.ENDING:
            days = (contract.ends_on - today).days
            return who.t("contract.last_day") if days == 0 else who.counted("contract.left", days)
