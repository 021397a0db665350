"""One day of the history's calls: rows for the store, made of shapes, and all that is worked out of them.

Whatever depends on the shape alone, or on the shape and the hour, is worked out once by the functions that the
recorder uses. Each call then takes its share: who called, when, which ticket.
"""

from __future__ import annotations

import itertools
import random
from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Any

from bench.big_store import COLUMNS, Day, Row, dates_of, starts_of
from bench.made_calls import NODE, Person, Shape
from pbx_bridge.calls import tally
from pbx_bridge.calls.call import Call, Direction
from pbx_bridge.calls.facets import TOLD, Facet, Kind, facets_of
from pbx_bridge.calls.moments import Limits, moments_of
from pbx_bridge.values.dates import TEHRAN
from pbx_bridge.values.tracking import with_check_digit

STRANGERS = 300_000  # numbers of people who are no customers
TICKETS = 1_000_000
RECORDED = 0.8  # of the talks

_CUSTOMERS_TICKETS = 3
_OFTEN = 40  # the smaller, the more do a few customers call more often than all others
_NOBODY = Person(number="", key="")
_NAMES = ("شرکت آریا صنعت", "بیمارستان مهر", "Parsa Trading", "فولاد سپاهان", "Nordlicht GmbH", "پخش البرز")
_SECOND_US = 1_000_000

Part = tuple[str, str, int, int]  # of a tally: name, part, n, total


_columns = itemgetter(*COLUMNS)


@dataclass(slots=True)
class Batch:
    """What a day brings.

    Attributes:
        rows: of `call`, with the columns of COLUMNS.
        starts: when each began, microseconds.
        common: the numbers of the calls that have a facet of FacetBook.common, by its number.
        own: by person, and facets that few have: number << 32 | call's number.
        tallies: by name, day and part: how many, and the total.
    """

    rows: list[Row] = field(default_factory=list)
    starts: array[int] = field(default_factory=lambda: array("q"))
    common: dict[int, array[int]] = field(default_factory=lambda: defaultdict(partial(array, "I")))
    own: array[int] = field(default_factory=lambda: array("Q"))
    counts: Counter[tally.Key] = field(default_factory=Counter)
    totals: Counter[tally.Key] = field(default_factory=Counter)
    moments: list[Row] = field(default_factory=list)
    recordings: list[Row] = field(default_factory=list)


class Town:
    """Who calls: customers, a few of them very often, and strangers; each person has a place, and tickets."""

    def __init__(self, customers: int) -> None:
        self.customers = [
            Person(number=f"0912{n:07d}", key=f"+98912{n:07d}", code=f"C-{1000 + n}", name=f"{_NAMES[n % 6]} {n}")
            for n in range(customers)
        ]
        self._often = list(itertools.accumulate(1 / (n + _OFTEN) for n in range(customers)))

    @property
    def places(self) -> int:
        """How many people there are."""
        return len(self.customers) + STRANGERS

    def person(self, place: int) -> Person:
        """Who it is."""
        if place < len(self.customers):
            return self.customers[place]
        number = place - len(self.customers)
        # Written as E.164 needs no parsing; the rest come as a trunk gives them, and are the customers above.
        return Person(number=f"+98935{number:07d}", key=f"+98935{number:07d}")

    def some_customers(self, rng: random.Random, count: int) -> list[int]:
        """So many places of customers, by how often they call."""
        return rng.choices(range(len(self.customers)), cum_weights=self._often, k=count)

    @staticmethod
    def ticket_of(rng: random.Random, place: int) -> int:
        """One of a person's tickets."""
        return (place * _CUSTOMERS_TICKETS + rng.randrange(_CUSTOMERS_TICKETS)) % TICKETS

    @staticmethod
    def tracking(ticket: int) -> str:
        """Its number."""
        return with_check_digit(f"{ticket:06d}")


class FacetBook:
    """Numbers of facets: first those that many calls have, at the end one for each ticket.

    Between them one for each person, which is no facet: by it the calls of one are told apart.
    """

    def __init__(self, town: Town, common: Sequence[Facet]) -> None:
        self.common = {facet: number for number, facet in enumerate(common, 1)}
        self._town = town
        self.first_person = len(common) + 1
        self.first_ticket = self.first_person + town.places

    def own(self, number: int) -> Facet:
        """The facet of a ticket's number."""
        return Kind.TICKET.value, self._town.tracking(number - self.first_ticket)


@dataclass(slots=True)
class _Told:
    """A shape, and what follows from it."""

    call: Call
    shape: Shape
    common: Sequence[int]
    text: str  # of call.facets: what all calls of the shape have
    has_person: bool
    has_ticket: bool
    moments: Sequence[tuple[str, str]]
    recorded: bool
    parts: dict[int, Sequence[Part]] = field(default_factory=dict)  # of the tallies, by the hour
    body: tuple[str, str] | None = None  # with its hash: that of all its calls, where they share one

    def parts_at(self, hour: int) -> Sequence[Part]:
        """What one call that begins in this local hour adds to its day's tallies."""
        if hour not in self.parts:
            at = self.call.started_at.astimezone(TEHRAN).replace(hour=hour)
            counts = tally.contributions(replace(self.call, started_at=at), TEHRAN)
            self.parts[hour] = [(name, part, n, total) for (name, _, part), (n, total) in counts.items()]
        return self.parts[hour]


class DayMaker:
    """Makes a day's calls. The same day made again is the same.

    With `share` the calls of a shape have one body, that of the first one made: lists, filters and reports read none,
    and to write a body takes twice as long as all the rest.
    """

    def __init__(self, town: Town, shapes: Sequence[tuple[Call, Shape]], *, share: bool = False) -> None:
        self._town, self._share = town, share
        facets = [facets_of(call) for call, _ in shapes]
        self.book = FacetBook(town, sorted({facet for some in facets for facet in some if "~" not in facet[1]}))
        rng = random.Random(7)
        self._all = [
            self._told(call, shape, some, recorded=call.talk_us > 0 and rng.random() < RECORDED)
            for (call, shape), some in zip(shapes, facets, strict=True)
        ]
        self._weights = list(itertools.accumulate(shape.weight for _, shape in shapes))

    def _told(self, call: Call, shape: Shape, facets: Sequence[Facet], *, recorded: bool) -> _Told:
        numbers = self.book.common
        told = [numbers[facet] for facet in facets if facet[0] in TOLD]
        others = [numbers[facet] for facet in facets if facet[0] not in TOLD and facet in numbers]
        kinds = {kind for kind, value in facets if "~" in value}
        return _Told(
            call=call,
            shape=shape,
            common=[*told, *others],
            text=f"{' '.join(map(str, told))}|{' '.join(map(str, others))}",
            has_person=call.direction is Direction.INBOUND,
            has_ticket=Kind.TICKET.value in kinds,
            moments=[(one.kind.value, one.detail) for one in moments_of(call, Limits())],
            recorded=recorded,
        )

    def batch(self, day: Day) -> Batch:
        """The day's calls, in the order they began."""
        rng = random.Random(day.first)
        batch, met = Batch(), Counter[tuple[int, int]]()
        midnight = int(datetime.combine(day.on, datetime.min.time(), TEHRAN).timestamp())
        chosen = rng.choices(range(len(self._all)), cum_weights=self._weights, k=day.calls)
        known = iter(self._town.some_customers(rng, day.calls))
        for no, (at_s, which) in enumerate(zip(starts_of(day, rng), chosen, strict=True), day.first + 1):
            told = self._all[which]
            place = next(known) if told.shape.known else self._stranger(rng)
            met[which, (at_s - midnight) // 3600] += 1
            self._add(batch, told, no, at_s, place, self._town.ticket_of(rng, place))
        self._count(batch, tally.day_of(datetime.combine(day.on, datetime.min.time(), TEHRAN), TEHRAN), met)
        return batch

    def _stranger(self, rng: random.Random) -> int:
        """Somebody who is no customer; one of thirty hides the number: -1."""
        return -1 if rng.random() < 1 / 30 else len(self._town.customers) + rng.randrange(STRANGERS)

    def _add(self, batch: Batch, told: _Told, no: int, at_s: int, place: int, ticket: int) -> None:
        person = self._town.person(place) if place >= 0 else _NOBODY
        if told.has_ticket:
            person = replace(person, ticket=self._town.tracking(ticket))
        days_since, second = divmod(at_s, 86_400)
        row = told.shape.told(
            at_s=at_s,
            days=dates_of(days_since),
            second=second,
            person=person,
            root=f"{at_s}.{no}",
            body=told.body,
        )
        if self._share and told.body is None:
            told.body = row["body"], row["content_hash"]
        row["call_group"], row["changed_at_us"] = no, (at_s + told.shape.length_s + 1) * _SECOND_US
        row["call_no"], row["facets"] = no, told.text + self._find_by(batch, told, no, place, ticket)
        batch.rows.append(_columns(row))
        self._note(batch, told, no, row)

    def _find_by(self, batch: Batch, told: _Told, no: int, place: int, ticket: int) -> str:
        """Note the call's facets; of those that are its own the numbers as text."""
        for number in told.common:
            batch.common[number].append(no)
        text = ""
        if told.has_ticket:
            batch.own.append(self.book.first_ticket + ticket << 32 | no)
            text += f" {self.book.first_ticket + ticket}"
        if told.has_person and place >= 0:
            batch.own.append(self.book.first_person + place << 32 | no)
        return text

    @staticmethod
    def _note(batch: Batch, told: _Told, no: int, row: dict[str, Any]) -> None:
        start_us, call_id, root = row["started_at_us"], row["call_id"], row["root"]
        batch.starts.append(start_us)
        batch.moments += [(call_id, kind, start_us, detail, row["agent"]) for kind, detail in told.moments]
        if told.recorded:
            size = 2 * 8000 * row["talk_us"] // _SECOND_US
            path = f"{NODE}/{root}.wav"
            values = (root, call_id, start_us, "present", path, row["talk_us"], size, row["content_hash"])
            batch.recordings.append((NODE, f"{root}.wav", *values))

    def _count(self, batch: Batch, day: int, met: Counter[tuple[int, int]]) -> None:
        for (which, hour), times in met.items():
            for name, part, n, total in self._all[which].parts_at(hour):
                batch.counts[name, day, part] += n * times
                batch.totals[name, day, part] += total * times
