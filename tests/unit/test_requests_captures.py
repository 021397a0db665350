"""Real calls and what callers left: the number of an opened ticket on the record, callbacks that a call has done."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from captured import expected_of, facts_of, raw_facts, steps
from store_facts import QUICK, SOON
from store_places import query

from pbx_bridge.calls.call import Call
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.calls.fold import fold
from pbx_bridge.store import open_store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.call_body import number_key
from pbx_bridge.store.requests import NewCallback

BEFORE, AFTER = timedelta(minutes=-1), timedelta(minutes=5)


async def called_back(place: StorePlace, scenario: str, number: str, asked: timedelta) -> tuple[Call, bool]:
    """The scenario's call, and whether it did a callback to that number, asked for so long after it began."""
    facts = raw_facts(scenario)
    start: datetime = min(fact.at for fact in facts if fact.channel)
    async with open_store(place, pace=SOON, limits=QUICK, clock=lambda: start + asked) as store:
        new = NewCallback(
            origin="o", node="pbx1", channel="1.1", number=number, queue="support", wanted_at=start + asked
        )
        await store.requests.ask_for_callback(new)
        async with store.calls.watch() as news:
            await store.journal.add(facts)
            while (call := getattr(await news.get(), "call", None)) is None or call.ended_at is None:
                pass
        still = await store.desk.callbacks()
    return call, not still


@pytest.mark.parametrize(
    ("scenario", "asked", "done"),
    [
        ("outbound_answered", BEFORE, True),
        ("outbound_answered", AFTER, False),
        ("outbound_no_answer", BEFORE, False),
        ("outbound_busy", BEFORE, False),
        ("internal_call", BEFORE, False),
    ],
)
async def test_only_an_answered_call_that_came_after_it(
    place: StorePlace, scenario: str, asked: timedelta, done: bool
) -> None:
    number = number_key(str(expected_of(scenario)["called"]), "IR")
    call, was_done = await called_back(place, scenario, number, asked)
    assert was_done is done, call.called
    told = query(place, "SELECT done_by, result FROM callback")
    assert told == [(call.last_agent, "answered")] if done else told == [("", "")]


async def test_a_call_to_somebody_else_does_not_do_it(place: StorePlace) -> None:
    _, done = await called_back(place, "outbound_answered", "+982188776655", BEFORE)
    assert not done


def test_the_number_of_an_opened_ticket_is_on_the_record() -> None:
    facts, expected = facts_of("ivr_only"), expected_of("ivr_only")
    begun = min(fact.at for fact in facts)
    told = steps(
        expected["root"],
        begun,
        (1, StepKind.LOOKUP, {"what": "tracking", "result": "found", "tracking_number": "2047155"}),
        (2, StepKind.TICKET_OPENED, {"sort": "request", "tracking_number": "1000002", "message": ""}),
        (3, StepKind.LOOKUP, {"what": "tracking", "result": "none", "tracking_number": "1000028"}),
        (4, StepKind.TICKET_OPENED, {"sort": "complaint", "tracking_number": 7}),
    )
    call = fold([*facts, *told], ())
    assert call is not None
    assert call.tracking_numbers == ("2047155", "1000002")
