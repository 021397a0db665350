"""What a person asked of the list of tickets, as its address holds it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from pbx_bridge.store.crm import TicketStatus
from pbx_bridge.store.ticket_rows import BROKEN, NEAR, OPEN, TicketKey, TicketSearch
from pbx_bridge.values import digits, tracking
from pbx_bridge.values.hostile import clean

FIELDS = ("q", "status", "assigned", "kind", "customer", "promise")
ALL, ME, NOBODY = "all", "me", "nobody"
STATES = (OPEN, ALL, *TicketStatus)
KINDS = ("request", "complaint")
PROMISES = (BROKEN, NEAR)
_LONGEST = 64
_WORDS: Mapping[str, tuple[str, ...]] = {"status": STATES, "kind": KINDS, "promise": PROMISES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """A search. `typed`: by field, as shown in the form; `errors`: word keys by field."""

    typed: Mapping[str, str]
    number: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def asked(self) -> dict[str, str]:
        """The fields that are not empty, for an address."""
        return {name: text for name, text in self.typed.items() if text}

    @property
    def status(self) -> str:
        """Of which state: who looks for something finds it in any, who only looks sees what is open."""
        return self.typed["status"] or (ALL if self.typed["q"] else OPEN)

    def search(
        self, user: str, now: datetime, near_until: datetime, after: TicketKey | None, limit: int
    ) -> TicketSearch:
        """What the store is asked."""
        assigned = {"": None, ME: user, NOBODY: ""}.get(self.typed["assigned"], self.typed["assigned"])
        return TicketSearch(
            now=now,
            near_until=near_until,
            status="" if self.status == ALL else self.status,
            assigned_to=assigned,
            kind=self.typed["kind"],
            customer=self.typed["customer"],
            promise=self.typed["promise"],
            number=self.number,
            text="" if self.number else self.typed["q"],
            after=after,
            limit=limit,
        )


def read(query: Mapping[str, str]) -> Filters:
    """The search of a query string. What was edited by hand and means nothing is as if nothing was asked."""
    typed = {name: clean(query.get(name, ""), _LONGEST) for name in FIELDS}
    for name, words in _WORDS.items():
        typed[name] = typed[name] if typed[name] in words else ""
    typed["customer"] = digits.to_ascii(typed["customer"])
    number, errors = tracking.parse(typed["q"]), {}
    if number is None and typed["q"] and not any(char.isalpha() for char in typed["q"]):
        errors["q"] = "ticket.no_number"
    return Filters(typed=typed, number=number or "", errors=errors)


def address(query: Mapping[str, str], path: str = "/tickets") -> str:
    """A page with these filters."""
    return f"{path}?{urlencode(query)}" if query else path
