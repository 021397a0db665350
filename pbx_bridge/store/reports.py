"""Reads what reports show: tallies and two small tables, never calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from pbx_bridge.calls.tally import Count, words_of
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.derived.tallies import BLOCK, BLOCKS
from pbx_bridge.store.moment_rows import DAY_US
from pbx_bridge.store.promises import Kept, PromiseBook
from pbx_bridge.store.reached import reached
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, to_us

Parts = Mapping[tuple[str, ...], Count]
"""What was counted, by the words of its part; see calls/tally.py."""

_EPOCH = date(1970, 1, 1)
_BEHIND_ALL = "\U0010ffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Complaints for one reason, received in a period.

    Attributes:
        late: answered after their deadline, or not answered though it has passed.
        answer_us: how long all answers together took.
    """

    reason: str
    received: int
    answered: int
    late: int
    answer_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """One complaint that waits for its answer. Times are aware UTC."""

    reason: str
    received_at: datetime
    answer_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Talks at one phone that were about one thing, as was told after them. `reason`: empty if it was left out."""

    reason: str
    extension: str
    count: int


class Reports:
    """What was counted, by day of `zone`."""

    def __init__(self, reader: Database, zone: tzinfo, clock: Clock = utc_now) -> None:
        self._reader, self._zone, self._clock = reader, zone, clock

    async def parts(self, names: Iterable[str], spans: Sequence[tuple[date, date]]) -> list[dict[str, Parts]]:
        """The counts of these names in each span of days, both ends in it. Raises StoreError."""
        wanted = tuple(names)

        def read(db: Db) -> list[dict[str, Parts]]:
            return [{name: _parts(db, name, *span) for name in wanted} for span in spans]

        return await self._reader.read(read)

    async def days(self, name: str, first: date, last: date, beginning: str = "") -> dict[date, Parts]:
        """The counts of a name by day; `beginning`: only parts with this first word. Raises StoreError."""
        found: dict[date, dict[tuple[str, ...], Count]] = {}
        values = {"name": name, **_within(beginning), **_span(first, last)}
        for day, part, n, total in await self._reader.rows(SQL["tally_days"], **values):
            found.setdefault(_EPOCH + timedelta(days=day), {})[words_of(part)] = (n, total)
        return dict(found)

    async def weekdays(self, name: str, first: date, last: date, beginning: str = "") -> dict[int, Parts]:
        """The counts of a name by day of the week, 0 being Monday; else as `days`. Raises StoreError."""
        found: dict[int, dict[tuple[str, ...], Count]] = {}
        values = {"name": name, **_within(beginning), **_span(first, last)}
        for weekday, part, n, total in await self._reader.rows(SQL["tally_weekdays"], **values):
            found.setdefault(weekday, {})[words_of(part)] = (int(n), int(total))
        return dict(found)

    async def since(self) -> date | None:
        """The first day with a call. Raises StoreError."""
        rows = await self._reader.rows(SQL["first_tally_day"])
        return None if rows[0][0] is None else _EPOCH + timedelta(days=rows[0][0])

    async def counted_to(self) -> datetime | None:
        """Calls that began later may not be counted yet; None: all are. Raises StoreError."""
        return (await self._reader.read(reached)).behind

    async def complaints(self, first: date, last: date) -> list[Reason]:
        """Complaints received in these days, by reason, the most first. Raises StoreError."""
        values = {**self._moments(first, last), "now_us": to_us(self._clock())}
        rows = await self._reader.rows(SQL["complaints_by_reason"], **values)
        found = [
            Reason(reason=reason, received=received, answered=answered, late=late, answer_us=int(answer_us))
            for reason, received, answered, late, answer_us in rows
        ]
        return sorted(found, key=lambda one: (-one.received, one.reason))

    async def unanswered(self) -> list[Unanswered]:
        """Complaints that wait for their answer now, the oldest first. Raises StoreError."""
        rows = await self._reader.rows(SQL["open_complaints"])
        return [
            Unanswered(reason=reason, received_at=from_us(received_us), answer_by=from_us(answer_by_us))
            for reason, received_us, answer_by_us in rows
        ]

    async def reasons(self, first: date, last: date) -> list[Told]:
        """What the talks of these days were about, as far as agents told. Raises StoreError."""
        rows = await self._reader.rows(SQL["reasons_told"], **self._moments(first, last))
        return [Told(reason=reason, extension=extension, count=int(n)) for reason, extension, n in rows]

    async def promises(self, first: date, last: date) -> Sequence[Kept]:
        """How the promises of tickets opened in these days stand, by kind. Raises StoreError."""
        start, end = (from_us(us) for us in self._moments(first, last).values())
        return await PromiseBook(self._reader, self._clock).kept(start, end)

    async def moments(self, first: date, last: date) -> dict[str, dict[str, int]]:
        """How many moments of these days' calls there are: kind, state. Raises StoreError."""
        found: dict[str, dict[str, int]] = {}
        values = _whole_days(**self._moments(first, last))
        for kind, state, n in await self._reader.rows(SQL["moments_by_kind"], **values):
            if n:
                found.setdefault(kind, {})[state] = int(n)
        return found

    def _moments(self, first: date, last: date) -> dict[str, int]:
        return {"start_us": self._midnight(first), "end_us": self._midnight(last + timedelta(days=1))}

    def _midnight(self, day: date) -> int:
        return to_us(datetime.combine(day, time.min, tzinfo=self._zone).astimezone(UTC))


def _parts(db: Db, name: str, first: date, last: date) -> Parts:
    rows = db.execute(SQL["tally_parts"], {"name": name, **_span(first, last), **_blocks(name, first, last)})
    return {words_of(part): (int(n), int(total)) for part, n, total in rows}


def _blocks(name: str, first: date, last: date) -> dict[str, str | int]:
    """The whole blocks of a range, and the days where they begin and end."""
    day, end = (first - _EPOCH).days, (last - _EPOCH).days + 1
    first_block, end_block = -(-day // BLOCK), end // BLOCK
    if first_block >= end_block:  # none: all of it are days before them
        return {"blocks": name + BLOCKS, "first_block": 0, "end_block": 0, "blocks_from": end, "blocks_to": end}
    return {
        "blocks": name + BLOCKS,
        "first_block": first_block,
        "end_block": end_block,
        "blocks_from": first_block * BLOCK,
        "blocks_to": end_block * BLOCK,
    }


def _whole_days(*, start_us: int, end_us: int) -> dict[str, int]:
    """The days, UTC, that are wholly in a range, and the rest of it before and behind them."""
    first, end = -(-start_us // DAY_US), end_us // DAY_US
    days = {"start_us": start_us, "end_us": end_us, "first_day": first, "end_day": end}
    if first >= end:  # none: all of it is before them
        return days | {"first_us": end_us, "last_us": end_us}
    return days | {"first_us": first * DAY_US, "last_us": end * DAY_US}


def _within(beginning: str) -> dict[str, str]:
    """The range of the parts that have this first word, and others behind it; of all where it is empty."""
    return {"low": f"{beginning}.", "high": f"{beginning}/"} if beginning else {"low": "", "high": _BEHIND_ALL}


def _span(first: date, last: date) -> dict[str, int]:
    return {"first": (first - _EPOCH).days, "last": (last - _EPOCH).days}
