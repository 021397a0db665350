"""What a customer used in a term: calls, talk, tickets, how long answers and repairs took, surveys, complaints.

The work is bounded: of more calls than MOST only the newest are looked at, and that is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pbx_bridge.calls.call import Direction
from pbx_bridge.store.database import Db
from pbx_bridge.store.derived.facets import numbers_in
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, to_us

MOST = 20_000  # calls of one term that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What was used. Spans are whole microseconds; a mean of nothing is None.

    Attributes:
        calls: in and out; inbound: those the customer made; answered: of these, those a person answered.
        wait_us: mean wait of the answered ones.
        capped: there were more calls than were looked at.
        respond_us: mean time from a ticket's opening to the first answer; repair_us: to its end.
        surveys: calls with an answer; satisfied: the mean of them, of `scale`.
    """

    calls: int = 0
    inbound: int = 0
    answered: int = 0
    talk_us: int = 0
    wait_us: int | None = None
    last_call: datetime | None = None
    capped: bool = False
    tickets: int = 0
    complaints: int = 0
    responded: int = 0
    respond_us: int | None = None
    repaired: int = 0
    repair_us: int | None = None
    surveys: int = 0
    satisfied: float | None = None
    scale: int = 5


def use_of(db: Db, code: str, start: datetime, end: datetime) -> Use:
    """What a customer used in [start, end), aware. Raises what the database raises."""
    values = {"code": code, "start_us": to_us(start), "end_us": to_us(end)}
    rows = db.execute(SQL["calls_of_term"], {**values, "limit": MOST + 1}).fetchall()
    answers = _answers(db) if rows else {}
    tickets = db.execute(SQL["tickets_of_term"], values).fetchall()
    return _with_tickets(_calls(rows[:MOST], answers, capped=len(rows) > MOST), tickets)


def _answers(db: Db) -> Mapping[int, tuple[float, int]]:
    """The mean and the scale that each facet of a survey tells."""
    told = {}
    for number, value in db.execute(SQL["survey_facets"]).fetchall():
        mean, _, scale = value.partition("/")
        if scale.isdigit() and scale != "0":
            told[number] = (float(mean), int(scale))
    return told


def _calls(rows: Sequence[Any], answers: Mapping[int, tuple[float, int]], *, capped: bool) -> Use:
    inbound = answered = talk_us = wait_us = 0
    given: list[tuple[float, int]] = []
    for direction, _, answered_at_us, talked_us, waited_us, facets, _ in rows:
        talk_us += talked_us
        if direction == Direction.INBOUND:
            inbound += 1
            if answered_at_us is not None:
                answered, wait_us = answered + 1, wait_us + waited_us
        if facets and answers:
            given += [answers[number] for number in numbers_in(facets.partition("|")[0]) if number in answers]
    scale = max((of for _, of in given), default=5)
    return Use(
        calls=len(rows),
        inbound=inbound,
        answered=answered,
        talk_us=talk_us,
        wait_us=_mean(wait_us, answered),
        last_call=from_us(rows[0][-1]) if rows else None,
        capped=capped,
        surveys=len(given),
        satisfied=sum(mean * scale / of for mean, of in given) / len(given) if given else None,
        scale=scale,
    )


def _with_tickets(use: Use, rows: Sequence[Any]) -> Use:
    responded, respond_us = sum(row[2] for row in rows), sum(int(row[3]) for row in rows)
    repaired, repair_us = sum(row[4] for row in rows), sum(int(row[5]) for row in rows)
    return replace(
        use,
        tickets=sum(row[1] for row in rows),
        complaints=sum(row[1] for row in rows if row[0] == "complaint"),
        responded=responded,
        respond_us=_mean(respond_us, responded),
        repaired=repaired,
        repair_us=_mean(repair_us, repaired),
    )


def _mean(total: int, count: int) -> int | None:
    return max(0, total) // count if count else None
