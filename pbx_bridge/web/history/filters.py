"""What a person asked of the call history, as its address holds it. Pure.

A field that cannot be read keeps its text and gets the key of its error; the others still hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from pbx_bridge.calls.call import Direction, Outcome
from pbx_bridge.calls.facets import Facet, Kind
from pbx_bridge.store.wanted import Wanted
from pbx_bridge.values import dates, digits, tracking
from pbx_bridge.values.hostile import clean
from pbx_bridge.web.history import ranges

CHOSEN = ("direction", "outcome", "agent", "rang", "queue", "want", "node", "wait", "talk", "recorded")
"""Fields that are picked from a list."""
FIELDS = ("number", "range", "from", "to", "customer", "ticket", *CHOSEN)
_LONGEST = 60
_MOST_S = 86_400
_FACETS = {
    "agent": Kind.AGENT,
    "rang": Kind.RANG,
    "queue": Kind.QUEUE,
    "node": Kind.NODE,
    "want": Kind.WANT,
    "direction": Kind.DIRECTION,
    "outcome": Kind.OUTCOME,
}
_WORDS: Mapping[str, frozenset[str]] = {
    "direction": frozenset(Direction),
    "outcome": frozenset(Outcome),
    "range": frozenset(ranges.NAMES),
    "recorded": frozenset({"1"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """A search. `start` and `end` are aware UTC, [start, end). `errors` holds word keys by field.

    Attributes:
        named: customers are meant whose code or name this is, as `number` or `customer` asked; empty: whoever.
    """

    typed: Mapping[str, str]
    number: str = ""
    named: tuple[str, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    facets: tuple[Facet, ...] = ()
    recorded: bool = False
    wait_s: int = 0
    talk_s: int = 0
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        """Whether anything is asked."""
        return any(self.typed.values())

    @property
    def asked(self) -> dict[str, str]:
        """The fields that are not empty, for an address."""
        return {name: text for name, text in self.typed.items() if text}

    @property
    def further(self) -> bool:
        """Whether anything is asked beside number and dates."""
        return any(self.typed[name] for name in ("customer", "ticket", *CHOSEN))

    def without(self, *names: str) -> dict[str, str]:
        """The same without these fields."""
        return {name: text for name, text in self.asked.items() if name not in names}

    def wanted(self, customers: tuple[str, ...] | None = None, own: str | None = None) -> Wanted:
        """What the store is asked. `customers`: the codes that `named` came to; `own`: see permits.own_only."""
        return Wanted(
            start=self.start,
            end=self.end,
            number=self.number,
            customers=customers,
            facets=self.facets,
            own=own,
            recorded=self.recorded,
            wait_over_s=self.wait_s,
            talk_over_s=self.talk_s,
        )


def read(query: Mapping[str, str], zone: ZoneInfo, now: datetime, *, persian: bool = False) -> Filters:
    """The search of a query string.

    Args:
        now: from which `range=week` is this week.
        persian: months are those of the Jalali calendar, weeks begin on Saturday.
    """
    typed = {name: clean(query.get(name, ""), _LONGEST) for name in FIELDS}
    for name, words in _WORDS.items():  # edited by hand: as if nothing was asked
        typed[name] = typed[name] if typed[name] in words else ""
    if typed["from"] or typed["to"]:
        typed["range"] = ""
    errors: dict[str, str] = {}
    number, named = _who(typed, errors)
    start, end = _span(typed, zone, now, errors, persian=persian)
    return Filters(
        typed=typed,
        number=number,
        named=named,
        start=start,
        end=end,
        facets=tuple(_facets(typed, errors)),
        recorded=typed["recorded"] == "1",
        wait_s=_seconds(typed, "wait", errors),
        talk_s=_seconds(typed, "talk", errors),
        errors=errors,
    )


def _who(typed: Mapping[str, str], errors: dict[str, str]) -> tuple[str, tuple[str, ...]]:
    """The number, and what customers are called: with a letter in it, it is no number."""
    text, customer = typed["number"], typed["customer"]
    is_name = any(char.isalpha() for char in text)
    if text and not is_name and not any(char.isdigit() for char in text):
        errors["number"] = "error.number"
    named = tuple(one for one in (text if is_name else "", customer) if one)
    return "" if is_name else text, named


def _facets(typed: Mapping[str, str], errors: dict[str, str]) -> Iterator[Facet]:
    for name, kind in _FACETS.items():
        if typed[name]:
            yield kind.value, typed[name]
    if typed["ticket"]:
        number = tracking.parse(typed["ticket"])
        if number is None:
            errors["ticket"] = "error.ticket"
        else:
            yield Kind.TICKET.value, number


def _seconds(typed: Mapping[str, str], name: str, errors: dict[str, str]) -> int:
    text = digits.to_ascii(typed[name])
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _MOST_S):
        errors[name] = "error.seconds"
        return 0
    return int(text)


def _span(
    typed: Mapping[str, str], zone: ZoneInfo, now: datetime, errors: dict[str, str], *, persian: bool
) -> tuple[datetime | None, datetime | None]:
    if typed["range"]:
        first, last = ranges.days(typed["range"], now.astimezone(zone).date(), persian=persian)
        return _midnight(first, zone), dates.end_of_day(last, zone).astimezone(UTC)
    start, end = _moment(typed, "from", zone, errors), _moment(typed, "to", zone, errors)
    if start and end and end <= start:
        errors["to"] = "error.order"
    return start, end


def _moment(typed: Mapping[str, str], name: str, zone: ZoneInfo, errors: dict[str, str]) -> datetime | None:
    if not typed[name]:
        return None
    try:
        return _parse(typed[name], zone, last=name == "to").astimezone(UTC)
    except (ValueError, OverflowError):
        errors[name] = "error.date"
        return None


def _parse(text: str, zone: ZoneInfo, *, last: bool) -> datetime:
    if ":" in text:
        return dates.parse_datetime(text, zone)
    day = dates.parse_date(text)
    return dates.end_of_day(day, zone) if last else _midnight(day, zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)
