"""What a person asked of the call history: number and days as they typed them. Pure.

A field that cannot be read keeps its text and gets the key of its error; the others still hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pbx_bridge.calls.call import Call
from pbx_bridge.values import dates, digits, phone
from pbx_bridge.values.hostile import clean
from pbx_bridge.web.show import Show

FIELDS = ("number", "from", "to")
_LONGEST = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """A search. `start` and `end` are aware UTC, [start, end). `errors` holds word keys by field."""

    typed: Mapping[str, str]
    number: str = ""
    start: datetime | None = None
    end: datetime | None = None
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        """Whether anything is asked."""
        return any(self.typed.values())

    def matches(self, call: Call, region: str) -> bool:
        """Whether a call answers the search, as the store decides it."""
        in_time = (self.start is None or call.started_at >= self.start) and (
            self.end is None or call.started_at < self.end
        )
        wanted = plain_number(self.number, region)
        numbers = (plain_number(call.caller, region), plain_number(call.called, region))
        return in_time and (not self.number or wanted in numbers)


def plain_number(text: str, region: str) -> str:
    """A number by which two ways of writing it are the same."""
    plain = digits.to_ascii(text).strip()
    return phone.to_e164(plain, region) or "".join(c for c in plain if c not in " -/()\u200c")


def read(query: Mapping[str, str], zone: ZoneInfo) -> Filters:
    """The search of a query string."""
    typed = {name: clean(query.get(name, ""), _LONGEST) for name in FIELDS}
    errors: dict[str, str] = {}
    if typed["number"] and not any(c.isdigit() for c in typed["number"]):
        errors["number"] = "error.number"
    start, end = _moment(typed, "from", zone, errors), _moment(typed, "to", zone, errors)
    if start and end and end <= start:
        errors["to"] = "error.order"
    return Filters(typed=typed, number=typed["number"], start=start, end=end, errors=errors)


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
    return dates.end_of_day(day, zone) if last else datetime.combine(day, time.min, tzinfo=zone)


def ready_ranges(show: Show, now: datetime) -> tuple[tuple[str, Mapping[str, str]], ...]:
    """Ranges to pick without typing: the key of the word, and the fields."""
    today = show.local(now).date()
    yesterday, week = today - timedelta(days=1), today - timedelta(days=6)
    return (
        ("calls.today", _range(show, today, today)),
        ("calls.yesterday", _range(show, yesterday, yesterday)),
        ("calls.week", _range(show, week, today)),
    )


def _range(show: Show, first: date, last: date) -> Mapping[str, str]:
    return {"from": show.typed_day(first), "to": show.typed_day(last)}
