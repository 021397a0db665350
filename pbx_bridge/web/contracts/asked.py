"""Which contracts a person asked for, as the address holds it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from pbx_bridge.store.contracts import Sought
from pbx_bridge.store.contracts_rules import State, horizon
from pbx_bridge.values import digits
from pbx_bridge.values.hostile import clean

STATES = ("valid", "ending", "ended", "coming", "all")
OUTCOMES = ("open", "won", "lost")
_LONGEST = 60
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A search. `renewals`: the list of those that end soon, whatever `state` says."""

    state: str = "valid"
    text: str = ""
    level: str = ""
    outcome: str = ""
    after: str = ""
    renewals: bool = False

    @property
    def query(self) -> dict[str, str]:
        """What an address needs to ask the same, from the beginning."""
        told = {"q": self.text, "level": self.level, "outcome": self.outcome}
        state = {} if self.renewals else {"state": self.state}
        return state | {name: text for name, text in told.items() if text}

    @property
    def further(self) -> bool:
        """Whether more is asked than how they stand."""
        return bool(self.text or self.level or self.outcome)

    def sought(self, today: date, months: int, limit: int) -> Sought:
        """What the store is asked."""
        state = "ending" if self.renewals else self.state
        first, last, begins_from, begins_to = _bounds(state, today, months)
        return Sought(
            first=first,
            last=last,
            begins_from=begins_from,
            begins_to=begins_to,
            text=digits.to_ascii(self.text),
            level=self.level,
            outcome=self.outcome,
            back=state in ("ended", "all"),
            after=self.after,
            limit=limit,
        )


def read(query: Mapping[str, str], *, renewals: bool = False) -> Asked:
    """The search of a query string; what was edited by hand counts as not asked."""
    state, outcome = query.get("state", ""), query.get("outcome", "")
    return Asked(
        state=state if state in STATES else "valid",
        text=clean(query.get("q", ""), _LONGEST),
        level=clean(query.get("level", ""), _LONGEST),
        outcome=outcome if outcome in OUTCOMES else "",
        after=query.get("after", "")[:300],
        renewals=renewals,
    )


_Bounds = tuple[date | None, date | None, date | None, date | None]


def _bounds(state: str, today: date, months: int) -> _Bounds:
    """The first and last of their last days, and of their first days."""
    match state:
        case State.VALID:
            return today, None, None, today
        case State.ENDING:
            return today, horizon(today, months), None, today
        case State.ENDED:
            return None, today - _DAY, None, None
        case State.COMING:
            return None, None, today + _DAY, None
        case _:
            return None, None, None, None
