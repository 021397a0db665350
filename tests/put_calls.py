"""Calls put on record as they are, without facts: for tests of what is found and counted."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from plain_call import plain_call

from pbx_bridge.calls.call import (
    Call,
    CallStep,
    Direction,
    Outcome,
    Segment,
    SegmentKind,
    SurveyAnswer,
    call_id,
)
from pbx_bridge.store import Store, call_body
from pbx_bridge.store.agenda import Agenda
from pbx_bridge.store.derived import Derived
from pbx_bridge.store.recorder import Recorder
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.transaction import Transaction


async def put_calls(store: Store, calls: Iterable[Call], derived: Derived | None) -> None:
    """Write calls in one transaction as the recorder does. Without `derived`: as a version before facets did."""
    columns, some = Recorder(Agenda())._columns, list(calls)

    def put(transaction: Transaction) -> None:
        db = transaction.db
        for told in some:
            call, body, content_hash = call_body.encode(told)
            row = db.execute("SELECT call_group FROM call WHERE call_id = :id", {"id": call.call_id}).fetchone()
            group = row[0] if row else db.execute(SQL["new_group"], {"node": "pbx1", "now_us": 0}).fetchall()[0][0]
            db.execute(SQL["clean_group"], {"id": group, "settled": 1})
            before = derived.before(db, call.call_id) if derived else None
            values = {"call_group": group, "changed_at_us": 0, "content_hash": content_hash, "body": body}
            after = derived.named(db, before, call, group) if derived else None
            if after:
                values |= {"call_no": after.no, "facets": after.facets}
            db.execute(SQL["upsert_call"], columns(call) | values)
            if derived and after:
                derived.changed(transaction, before, after)

    await store.writer.submit(put)


AGENTS, QUEUES, NODES = (
    ("101", "102", "103"),
    ("support", "services"),
    ("menu", "ask_tracking", "status", "to_support"),
)
NUMBERS = ("09121234567", "02188776655", "", "+4930901820", "101")
CUSTOMERS = ("", "C-1", "C-2", "1042")
TICKETS = ("4712088", "5301174")


def random_call(rng: random.Random, number: int, start: datetime, span: timedelta) -> Call:
    """A call of few values, so that many are alike; some begin at the same moment."""
    at = start + timedelta(seconds=rng.randrange(max(1, int(span.total_seconds()))))
    wait, talk = (rng.choice((0, 30, 31, 61, 90, 301, 700, 1900)) for _ in range(2))
    talkers = tuple(rng.sample(AGENTS, rng.randrange(3)))
    steps = [CallStep(at=at, flow_node=node, kind="keys", data={"keys": "1"}) for node in _some(rng, NODES)]
    tickets = tuple(_some(rng, TICKETS))
    for ticket in tickets:
        data = {"what": "tracking", "result": "found", "tracking_number": ticket}
        steps.append(CallStep(at=at, flow_node="ask_tracking", kind="lookup", data=data))
    asked = [SurveyAnswer(question="q", answer=rng.choice((None, 3, 5)), scale=5, queue="", agent="", at=at)]
    return plain_call(
        at,
        call_id=call_id("pbx1", f"1.{number}"),
        root=f"1.{number}",
        direction=rng.choice(list(Direction)),
        outcome=rng.choice([None, *Outcome]),
        caller=rng.choice(NUMBERS),
        called=rng.choice((*NUMBERS, "100")),
        caller_name=rng.choice(("", "Bob")),
        customer_code=rng.choice(CUSTOMERS),
        agents=talkers,
        tracking_numbers=tickets,
        wait_us=wait * 1_000_000,
        talk_us=talk * 1_000_000,
        segments=tuple(_segments(rng, at)),
        steps=tuple(steps),
        survey=tuple(asked) if rng.random() < 0.3 else (),
    )


def _segments(rng: random.Random, at: datetime) -> Iterable[Segment]:
    for agent in _some(rng, AGENTS):
        result = rng.choice(("answered", "no_answer", "busy"))
        yield Segment(kind=SegmentKind.RING, started_at=at, ended_at=at, party=agent, result=result)
    for queue in _some(rng, QUEUES):
        yield Segment(kind=SegmentKind.WAIT, started_at=at, ended_at=at, party=queue, result="answered")


def _some(rng: random.Random, of: Sequence[Any]) -> list[Any]:
    return rng.sample(of, rng.randrange(len(of) + 1))
