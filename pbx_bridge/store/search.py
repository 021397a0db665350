"""Finds calls: any conditions together, newest first, page by page both ways, with the work of each request bounded.

    drivers ─► the one whose next candidates reach furthest ─► windows of candidates ─► a full page, the end, or the
                                                                                       bound: "searched so far"

A page is never wrongly empty: when the bound is met before the page is full, Found tells how far was looked, and the
next request goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from pbx_bridge.calls.facets import Facet, Kind
from pbx_bridge.store import customers_found, drivers
from pbx_bridge.store.crm import plain_code
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.derived.facets import told_in
from pbx_bridge.store.drivers import Condition, Walk
from pbx_bridge.store.lines import CallLine, read_line
from pbx_bridge.store.page_key import FIRST, LAST, PageKey
from pbx_bridge.store.reached import reached
from pbx_bridge.store.some_ids import PLACES, lots
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, to_us
from pbx_bridge.store.wanted import Wanted, number_key, over_us

_MANY = 1000  # choices of a kind
_LINKED = 50  # calls that people linked to one ticket
_REMEMBERED = 20_000
CHOSEN = (Kind.AGENT, Kind.RANG, Kind.QUEUE, Kind.NODE, Kind.WANT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """How much a request may look at.

    Attributes:
        tried: so many candidates of each driver tell which one is walked.
        candidates: in one window; the first window is always looked at, however long the disk takes for it.
        seconds: after so long no further window is begun.
    """

    tried: int = 100
    candidates: int = 250
    seconds: float = 0.025


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page.

    Attributes:
        lines: newest first.
        more: where to go on in the same direction; None: there is nothing there.
        cut: the bound was met before the page was full: there may be more, or not.
        behind: calls that began later may not be found by what was asked; None: every one is.
    """

    lines: Sequence[CallLine]
    more: PageKey | None = None
    cut: bool = False
    behind: datetime | None = None

    @property
    def until(self) -> datetime | None:
        """How far was looked, if the bound was met."""
        return from_us(self.more.started_at_us) if self.cut and self.more is not None else None


Choices = Mapping[Kind, Sequence[str]]


class Search:
    """Reads calls."""

    def __init__(self, reader: Database, region: str = "IR", work: Work | None = None) -> None:
        self._reader, self._region, self._work = reader, region, work or Work()
        self._names = FacetNames()

    async def page(
        self, wanted: Wanted, *, before: PageKey | None = None, after: PageKey | None = None, limit: int = 50
    ) -> Found:
        """Calls after a place in the list; or, with `after`, the nearest ones before it. Raises StoreError."""
        return await self._reader.read(lambda db: self._page(db, wanted, before, after, limit))

    async def recorded(self, call_ids: Sequence[str]) -> frozenset[str]:
        """Those of these calls that have a recording which is kept. Raises StoreError."""
        return await self._reader.read(lambda db: _recorded(db, call_ids))

    async def choices(self) -> Choices:
        """What there is to choose from, by kind. Raises StoreError."""

        def read(db: Db) -> Choices:
            return {kind: [row[0] for row in _values(db, kind)] for kind in CHOSEN}

        return await self._reader.read(read)

    async def customers_named(self, text: str, limit: int) -> Sequence[tuple[str, str]]:
        """Code and name of customers by code or words of their name, at most so many. Raises StoreError."""
        found = await self._reader.read(lambda db: customers_found.find(db, text, limit, self._region, own=True))
        return sorted((hit.code, hit.name) for hit in found.hits)

    def _page(self, db: Db, wanted: Wanted, before: PageKey | None, after: PageKey | None, limit: int) -> Found:
        older = after is None
        span = _Span.of(wanted, before, after)
        behind = reached(db).behind if wanted.every or wanted.own is not None else None
        conditions = self._conditions(db, wanted)
        if conditions is None:
            return Found(lines=(), behind=behind)
        rows, cut_at = _Looking(db, conditions, self._work, older=older).rows(span, limit + 1)
        lines = self._lines(db, rows[:limit])
        more = None
        if len(rows) > limit:
            more = PageKey.of(lines[-1])
        elif cut_at is not None:
            more = PageKey.beyond(cut_at, older=older)
        return Found(
            lines=lines if older else lines[::-1],
            more=more,
            cut=cut_at is not None and len(rows) <= limit,
            behind=behind,
        )

    def _conditions(self, db: Db, wanted: Wanted) -> list[Condition] | None:
        """What calls must fulfil; None: none can."""
        made: list[Condition] = []
        for number, facet in enumerate(wanted.every):
            known, linked = self._names.number(db, facet), _linked(db, facet)
            if linked:
                made.append(drivers.of_ticket(f"facet{number}", known, linked))
            elif known is not None:
                made.append(drivers.of_facet(f"facet{number}", known))
            else:
                return None
        if wanted.own is not None:
            own = [(kind.value, wanted.own) for kind in (Kind.AGENT, Kind.RANG)]
            numbers = [self._names.number(db, facet) for facet in own]
            mine = {f"own{at}": number for at, number in enumerate(numbers) if number is not None}
            if not wanted.own or not mine:
                return None
            made.append(drivers.of_either(mine))
        if wanted.customers is not None:
            if not wanted.customers:
                return None
            made.append(drivers.of_customers([plain_code(code) for code in wanted.customers]))
        if wanted.number:
            made.append(drivers.of_number(number_key(wanted.number, self._region)))
        return [*made, *_of_columns(wanted)]

    def _lines(self, db: Db, rows: Sequence[Any]) -> list[CallLine]:
        kept = _recorded(db, [row[3] for row in rows])
        lines = []
        for *row, agent, facets in rows:
            line = read_line(row)
            told = line.told or (self._names.told(db, facets) if facets else ())
            lines.append(msgspec.structs.replace(line, agent=agent, told=told, recorded=line.call_id in kept))
        return lines


class FacetNames:
    """The numbers of facets, both ways. What is read here is on disk, and facets never go."""

    def __init__(self) -> None:
        self._facets: dict[int, Facet] = {}

    def number(self, db: Db, facet: Facet) -> int | None:
        """The number of a facet; None: no call has it."""
        row = db.execute(SQL["facet_number"], {"kind": facet[0], "value": facet[1]}).fetchone()
        return None if row is None else int(row[0])

    def told(self, db: Db, text: str) -> tuple[Facet, ...]:
        """The facets of `call.facets` that a list shows, in order."""
        return tuple(self._facet(db, number) for number in told_in(text))

    def _facet(self, db: Db, number: int) -> Facet:
        known = self._facets.get(number)
        if known is None:
            if len(self._facets) >= _REMEMBERED:
                self._facets.clear()
            kind, value = db.execute(SQL["facet_named"], {"id": number}).fetchall()[0]
            known = self._facets[number] = (kind, value)
        return known


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """Between two places, both excluded."""

    above: tuple[int, str]
    below: tuple[int, str]

    @classmethod
    def of(cls, wanted: Wanted, before: PageKey | None, after: PageKey | None) -> _Span:
        above = (to_us(wanted.start), "") if wanted.start else FIRST
        below = (to_us(wanted.end), "") if wanted.end else LAST
        if after is not None:
            above = max(above, after.place)
        elif before is not None:
            below = min(below, before.place)
        return cls(above=above, below=below)

    @property
    def values(self) -> dict[str, Any]:
        return {
            "above_us": self.above[0],
            "above_id": self.above[1],
            "below_us": self.below[0],
            "below_id": self.below[1],
        }

    def upto(self, at_us: int, *, older: bool) -> _Span:
        """The part that comes first, with every call of the moment where it ends."""
        if older:
            return _Span(above=max(self.above, (at_us, "")), below=self.below)
        return _Span(above=self.above, below=min(self.below, (at_us, "~")))

    def beyond(self, at_us: int, *, older: bool) -> _Span:
        """The rest."""
        if older:
            return _Span(above=self.above, below=min(self.below, (at_us, "")))
        return _Span(above=max(self.above, (at_us, "~")), below=self.below)


_Way = tuple[tuple[Walk, ...], list[str]]


class _Looking:
    """One request's walk."""

    def __init__(self, db: Db, conditions: Sequence[Condition], work: Work, *, older: bool) -> None:
        self._db, self._conditions, self._work, self._older = db, conditions, work, older
        self._values = {name: value for condition in conditions for name, value in condition.values.items()}

    def rows(self, span: _Span, limit: int) -> tuple[list[Any], int | None]:
        """At most so many rows in the order walked; and the moment up to which was looked, if that was not all."""
        ways = list(drivers.choices_of(self._conditions))
        if len(ways) == 1 and not ways[0][1]:  # every candidate is one: no bound is needed
            return self._read(*ways[0], span, limit), None
        until = time.perf_counter() + self._work.seconds
        walks, left = self._best(ways, span) if len(ways) > 1 else ways[0]
        found: list[Any] = []
        while True:
            at_us = self._floor(walks, span, self._work.candidates)
            window = span if at_us is None else span.upto(at_us, older=self._older)
            found += self._read(walks, left, window, limit - len(found))
            if len(found) >= limit or at_us is None:
                return found, None
            if time.perf_counter() >= until:
                return found, at_us
            span = span.beyond(at_us, older=self._older)

    def _best(self, ways: Sequence[_Way], span: _Span) -> _Way:
        """The way with the fewest candidates: soon at its end, or whose first ones reach furthest."""
        reach: list[tuple[int, int]] = []
        for way in ways:
            at_us = self._floor(way[0], span, self._work.tried)
            if at_us is None:
                return way
            reach.append((-at_us if not self._older else at_us, len(reach)))
        return ways[min(reach)[1]]

    def _floor(self, walks: Sequence[Walk], span: _Span, bound: int) -> int | None:
        """Where a window of candidates ends; None: it holds all that are left."""
        values = {**self._values, **span.values, "bound": bound // len(walks)}
        ends = [self._db.execute(walk.floor(older=self._older), values).fetchone() for walk in walks]
        starts = [row[0] for row in ends if row is not None]
        if not starts:
            return None
        end: int = max(starts) if self._older else min(starts)
        return end

    def _read(self, walks: Sequence[Walk], left: Sequence[str], span: _Span, limit: int) -> list[Any]:
        values = {**self._values, **span.values, "limit": limit}
        rows = [row for walk in walks for row in self._db.execute(walk.page(left, older=self._older), values)]
        if len(walks) > 1:
            rows.sort(key=lambda row: (row[2], row[3]), reverse=self._older)
        return rows[:limit]


def _of_columns(wanted: Wanted) -> Iterator[Condition]:
    if wanted.recorded:
        yield drivers.recorded()
    if wanted.wait_over_s:
        yield drivers.longer("wait_us", over_us(wanted.wait_over_s))
    if wanted.talk_over_s:
        yield drivers.longer("talk_us", over_us(wanted.talk_over_s))


def _linked(db: Db, facet: Facet) -> list[str]:
    """The calls that people linked to a ticket."""
    if facet[0] != Kind.TICKET:
        return []
    rows = db.execute(SQL["calls_linked_to"], {"tracking_number": facet[1], "limit": _LINKED})
    return [row[0] for row in rows]


def _recorded(db: Db, call_ids: Sequence[str]) -> frozenset[str]:
    return frozenset(row[0] for values in lots(call_ids) for row in db.execute(_RECORDED, values))


_RECORDED = f"SELECT call_id FROM recording WHERE state = 'present' AND call_id IN ({PLACES})"  # noqa: S608


def _values(db: Db, kind: Kind) -> list[Any]:
    return db.execute(SQL["facets_of_kind"], {"kind": kind.value, "limit": _MANY}).fetchall()
