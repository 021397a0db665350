"""The engine is pure: a run given to it stays as it was, and the same happenings make the same runs and effects."""

from __future__ import annotations

import copy
import dataclasses
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.engine_callers import FLOW, KINDS, NOON, begin, callers
from bench.figure import CannotMeasure
from bench.measures import engine as measure
from pbx_bridge.ivr import engine, flow
from pbx_bridge.ivr.known import ContractFacts, CustomerFacts, TicketFacts
from pbx_bridge.ivr.run import (
    Effect,
    Found,
    GivenBack,
    Gone,
    Happening,
    KeyPressed,
    LookupFailed,
    Phase,
    Place,
    PromptEnded,
    Resumed,
    Run,
    TimeUp,
)

SUPPORT = flow.load(str(FLOW))
CUSTOMER = CustomerFacts(code="1001", name="آرمان", language="fa")
TICKET = TicketFacts(tracking_number="4712960", status="in_progress", updated_on=NOON.date())
CONTRACT = ContractFacts(number="K-7", ends_on=NOON.date(), days_left=0)

Turns = list[tuple[Happening, datetime]]

# Small numbers, so that many are the present playback, timer or lookup and many are late.
number = st.integers(0, 30)
happenings: st.SearchStrategy[Happening] = st.one_of(
    st.sampled_from("0123456789*#").map(KeyPressed),
    st.builds(PromptEnded, number, st.booleans()),
    st.builds(TimeUp, number),
    st.builds(Found, number, st.sampled_from([CUSTOMER, TICKET, CONTRACT, None])),
    st.builds(LookupFailed, number, st.just("OperationalError")),
    st.builds(
        GivenBack,
        st.sampled_from(Place),
        st.just("support"),
        st.sampled_from(["CONTINUE", "TIMEOUT", "JOINEMPTY", ""]),
    ),
    st.sampled_from([Resumed(), Resumed(), Gone()]),
)
# What the run waits for, told when it is waited for: without these no run would come far.
awaited = st.sampled_from(["prompt", "timer", "lookup"])


def _is_now(run: Run, what: Happening | str, answer: CustomerFacts | TicketFacts | ContractFacts | None) -> Happening:
    match what:
        case "prompt":
            return PromptEnded(run.playback)
        case "timer":
            return TimeUp(run.timer)
        case "lookup":
            return Found(run.lookup, answer)
        case str():
            raise AssertionError(what)
        case _:
            return what


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(happenings | awaited, st.sampled_from([CUSTOMER, TICKET, CONTRACT, None])), max_size=50))
def test_the_run_given_stays_as_it_was(acts: list[tuple[Happening | str, CustomerFacts | None]]) -> None:
    run, _ = begin(SUPPORT, "c1", "09121234567")
    made: list[tuple[Run, Run, bytes]] = []
    for minute, (what, answer) in enumerate(acts):
        happening = _is_now(run, what, answer)
        made.append((run, copy.deepcopy(run), msgspec.json.encode(run)))
        run, _ = engine.advance(SUPPORT, run, happening, NOON + timedelta(minutes=minute))
    for given_run, before, stored in made:  # also not later, by a turn that kept hold of it
        assert given_run == before
        assert msgspec.json.encode(given_run) == stored


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(happenings | awaited, st.sampled_from([CUSTOMER, TICKET, CONTRACT, None])), max_size=50))
def test_the_same_happenings_make_the_same_runs_and_effects(
    acts: list[tuple[Happening | str, CustomerFacts | None]],
) -> None:
    run, effects = begin(SUPPORT, "c1", "09121234567")
    turns: Turns = []
    first: list[tuple[Run, tuple[Effect, ...]]] = [(run, effects)]
    for minute, (what, answer) in enumerate(acts):
        turns.append((_is_now(run, what, answer), NOON + timedelta(minutes=minute)))
        run, effects = engine.advance(SUPPORT, run, *turns[-1])
        first.append((run, effects))
    again, effects = begin(SUPPORT, "c1", "09121234567")
    assert (again, effects) == first[0]
    for turn, (then, told) in zip(turns, first[1:], strict=True):
        stored = msgspec.json.decode(msgspec.json.encode(again), type=Run)  # as after a restart, at every turn
        again, effects = engine.advance(SUPPORT, stored, *turn)
        assert again == then
        assert effects == told


def test_a_turn_that_fails_leaves_the_run_as_it_was() -> None:
    run, _ = begin(SUPPORT, "c1", "09121234567")
    lost = msgspec.structs.replace(run, at="no_such_node")
    with pytest.raises(KeyError):
        engine.advance(SUPPORT, lost, Found(lost.lookup, CUSTOMER), NOON)
    assert lost == msgspec.structs.replace(run, at="no_such_node")


def test_callers_side_by_side_end_as_they_did_alone_and_as_the_peers_do() -> None:
    told = callers(SUPPORT, 200)
    turns = measure.side_by_side(told)
    assert measure.ours(SUPPORT, told, turns) > 0
    assert measure.peers(SUPPORT, told, turns) > 0
    assert all(call.run.phase is Phase.OVER for call in told)
    assert sum(kind.share for kind in KINDS) == 100


def test_a_call_that_ends_otherwise_is_no_measurement() -> None:
    told = callers(SUPPORT, 10)
    cut = [dataclasses.replace(call, happenings=call.happenings[:-1]) for call in told]
    with pytest.raises(CannotMeasure, match="otherwise than alone"):
        measure.ours(SUPPORT, cut, measure.side_by_side(cut))
    with pytest.raises(CannotMeasure, match="the peer said"):
        measure.peers(SUPPORT, cut, measure.side_by_side(cut))


CHECKPOINT = (
    b'{"node":"pbx1","channel":"c1","caller":"09121234567","caller_name":"","called":"100","flow":"support",'
    b'"version":"0123456789ab","entered_at":"2026-11-21T12:00:00Z","at":"status","phase":"saying","language":"fa",'
    b'"keyed":"","tries":0,"playback":9,"timer":0,"lookup":0,"counter":9,"excused":false,"steps":14,'
    b'"customer":{"code":"1001","name":"x","language":"fa"},"ticket":{"tracking_number":"4712960",'
    b'"status":"in_progress","updated_on":"2026-11-21","promised_on":null},"contract":null}'
)


def test_a_checkpoint_of_the_first_release_goes_on() -> None:
    run, effects = engine.advance(SUPPORT, msgspec.json.decode(CHECKPOINT, type=Run), Resumed(), NOON)
    assert run.at == "status"
    assert run.counter == 10
    assert len(effects) == 2
