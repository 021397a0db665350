"""Which calls somebody looks for, and whether a call is one of them. Pure: the search says the same in SQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pbx_bridge.calls.call import Call
from pbx_bridge.calls.facets import TALKS, WAITS, Facet, Kind, facets_of, nearest
from pbx_bridge.store import call_body
from pbx_bridge.values import phone

_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A search; all of it holds together.

    Attributes:
        start, end: calls begun in [start, end); aware.
        number: of caller or called, as a person types it: 0912…, +98912…, Persian digits, an extension.
        customers: one of these codes; None: whoever.
        facets: each of these.
        own: only calls in which this extension talked or rang; None: anybody's; "": none at all.
        recorded: only those with a recording that is kept.
        wait_over_s, talk_over_s: longer than so many whole seconds; 0: however long.
    """

    start: datetime | None = None
    end: datetime | None = None
    number: str = ""
    customers: tuple[str, ...] | None = None
    facets: tuple[Facet, ...] = ()
    own: str | None = None
    recorded: bool = False
    wait_over_s: int = 0
    talk_over_s: int = 0

    @property
    def every(self) -> tuple[Facet, ...]:
        """The facets that a call must have, those of its wait and talk among them."""
        lengths = ((Kind.WAIT, nearest(self.wait_over_s, WAITS)), (Kind.TALK, nearest(self.talk_over_s, TALKS)))
        return tuple(dict.fromkeys((*self.facets, *((kind.value, str(limit)) for kind, limit in lengths if limit))))

    def matches(self, call: Call, region: str, *, recorded: bool) -> bool:
        """Whether a call is meant. `recorded`: it has a recording that is kept."""
        return (
            (self.start is None or call.started_at >= self.start)
            and (self.end is None or call.started_at < self.end)
            and (not self.recorded or recorded)
            and _longer(call.wait_us, self.wait_over_s)
            and _longer(call.talk_us, self.talk_over_s)
            and (self.customers is None or call.customer_code in self.customers)
            and self._has_number(call, region)
            and self._has_facets(call)
        )

    def _has_number(self, call: Call, region: str) -> bool:
        if not self.number:
            return True
        numbers = (call_body.number_key(call.caller, region), call_body.number_key(call.called, region))
        return number_key(self.number, region) in numbers

    def _has_facets(self, call: Call) -> bool:
        if not self.facets and self.own is None:
            return True
        found = set(facets_of(call))
        mine = self.own is None or any((kind.value, self.own) in found for kind in (Kind.AGENT, Kind.RANG))
        return mine and found.issuperset(self.facets)


def number_key(text: str, region: str) -> str:
    """A typed number as the store finds calls by it."""
    return call_body.number_key(phone.bare(text), region)


def over_us(seconds: int) -> int:
    """So many seconds, in microseconds."""
    return seconds * _SECOND_US


def _longer(us: int, seconds: int) -> bool:
    return not seconds or us > over_us(seconds)
