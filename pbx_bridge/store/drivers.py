"""By what a search walks the calls: each driver is an index in which the calls stand in the list's order.

A search has some conditions, and drivers for most of them. The one that is walked is the one whose next candidates
reach furthest back (or forward); the other conditions are looked at for each candidate, by columns of the call or by
its facets. A driver may be several walks side by side: a number is that of the caller or the one called.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pbx_bridge.store.lines import LINE_COLUMNS

_COLUMNS = LINE_COLUMNS.replace(" started_at_us,", " call.started_at_us,")  # call_facet has one, too
# The span is told of the call, too: so PostgreSQL leaves out the months beyond it before it begins.
_SAME = (
    "call.started_at_us = d.started_at_us AND call.call_no = d.call_no"
    " AND call.started_at_us >= :above_us AND call.started_at_us <= :below_us"
)
# Looked at for each candidate as it comes: so planned, PostgreSQL makes no join of it, which would read them all.
_EACH = " LIMIT 1 OFFSET 0)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One index that is walked.

    Attributes:
        where: what it holds of a call or, with a facet, of a row of call_facet named `d`; empty: every call.
        also: what its candidates must fulfil besides, so that two walks side by side find no call twice.
        facet: it walks call_facet.
    """

    where: str = ""
    also: str = ""
    facet: bool = False

    def floor(self, *, older: bool) -> str:
        """The start of the candidate that is `:bound` candidates away."""
        order = "DESC" if older else "ASC"
        table, tie = ("call_facet d", "d.call_no") if self.facet else ("call", "call.call_id")
        at = "d.started_at_us" if self.facet else "call.started_at_us"
        where = " AND ".join([*([self.where] if self.where else []), f"{at} >= :above_us", f"{at} <= :below_us"])
        return (
            f"SELECT {at} FROM {table} WHERE {where}"  # noqa: S608 - made of our own words only
            f" ORDER BY {at} {order}, {tie} {order} LIMIT 1 OFFSET :bound"
        )

    def page(self, conditions: Sequence[str], *, older: bool) -> str:
        """The lines of the calls between two places, at most `:limit`."""
        order = "DESC" if older else "ASC"
        at = "d.started_at_us" if self.facet else "call.started_at_us"
        tables = f"call_facet d CROSS JOIN call ON {_SAME}" if self.facet else "call"
        where = [
            *([self.where] if self.where else []),
            f"{at} >= :above_us",
            f"{at} <= :below_us",
            "(call.started_at_us, call.call_id) > (:above_us, :above_id)",
            "(call.started_at_us, call.call_id) < (:below_us, :below_id)",
            *([self.also] if self.also else []),
            *(condition.replace("{key}", "d" if self.facet else "call") for condition in conditions),
        ]
        return (
            f"SELECT {_COLUMNS}, call.agent, call.facets FROM {tables} WHERE {' AND '.join(where)}"  # noqa: S608
            f" ORDER BY {at} {order}, call.call_id {order} LIMIT :limit"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that calls must fulfil.

    Attributes:
        holds: it, in SQL, of a candidate whose facets are found by `{key}`.
        walks: by what all that fulfil it are found, each once; empty: by none but all calls.
        values: of its parameters.
    """

    holds: str
    walks: tuple[Walk, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)


EVERYTHING = (Walk(),)


def has_facet(name: str) -> str:
    """A candidate has the facet of this parameter."""
    return (
        f"EXISTS (SELECT 1 FROM call_facet x WHERE x.facet = :{name}"  # noqa: S608
        " AND x.started_at_us = {key}.started_at_us AND x.call_no = {key}.call_no" + _EACH
    )


def of_facet(name: str, number: int) -> Condition:
    """Calls with this facet."""
    return Condition(
        holds=has_facet(name), walks=(Walk(where=f"d.facet = :{name}", facet=True),), values={name: number}
    )


def of_either(facets: Mapping[str, int]) -> Condition:
    """Calls with one of two facets, or of one."""
    names = list(facets)
    first = Walk(where=f"d.facet = :{names[0]}", facet=True)
    others = [
        Walk(where=f"d.facet = :{name}", also=f"NOT {has_facet(names[0])}".replace("{key}", "d"), facet=True)
        for name in names[1:]
    ]
    holds = f"({' OR '.join(has_facet(name) for name in names)})"
    return Condition(holds=holds, walks=(first, *others), values=facets)


def of_ticket(name: str, number: int | None, linked: Sequence[str]) -> Condition:
    """Calls that were about a ticket, by its facet if it has one, and those that people linked to it."""
    values: dict[str, Any] = {f"{name}_{at}": call_id for at, call_id in enumerate(linked)}
    among = f"call.call_id IN ({', '.join(f':{one}' for one in values)})"
    if number is None:
        return Condition(holds=among, walks=(Walk(where=among),), values=values)
    has = has_facet(name)
    walks = (
        Walk(where=f"d.facet = :{name}", facet=True),
        Walk(where=among, also=f"NOT {has}".replace("{key}", "call")),
    )
    return Condition(holds=f"({has} OR {among})", walks=walks, values={**values, name: number})


def of_number(key: str) -> Condition:
    """Calls from or to a number."""
    return Condition(
        holds="(call.caller_number = :number OR call.called_number = :number)",
        walks=(
            Walk(where="call.caller_number = :number"),
            Walk(where="call.called_number = :number", also="call.caller_number <> :number"),
        ),
        values={"number": key},
    )


def of_customers(codes: Sequence[str]) -> Condition:
    """Calls of these customers."""
    values = {f"customer{number}": code for number, code in enumerate(codes)}
    return Condition(
        holds=f"call.customer_code IN ({', '.join(f':{name}' for name in values)})",
        walks=tuple(Walk(where=f"call.customer_code = :{name} AND call.customer_code <> ''") for name in values),
        values=values,
    )


def recorded() -> Condition:
    """Calls with a recording that is kept."""
    return Condition(
        holds=f"EXISTS (SELECT 1 FROM recording r WHERE r.call_id = call.call_id AND r.state = 'present'{_EACH}"  # noqa: S608
    )


def longer(column: str, us: int) -> Condition:
    """Calls whose wait or talk is longer than so many microseconds."""
    return Condition(holds=f"call.{column} > :{column}", values={column: us})


def choices_of(conditions: Sequence[Condition]) -> Iterator[tuple[tuple[Walk, ...], list[str]]]:
    """Each way to walk, with what is left to look at. None walks: all calls, with everything left."""
    for condition in conditions:
        if condition.walks:
            yield condition.walks, [other.holds for other in conditions if other is not condition]
    if not any(condition.walks for condition in conditions):
        yield EVERYTHING, [condition.holds for condition in conditions]
