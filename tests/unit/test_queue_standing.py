"""Before the queue: what the caller is told, the key that leads out of it, and who goes ahead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.calls.call import Segment, SegmentKind
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr import engine, flow
from pbx_bridge.ivr.known import CustomerFacts, QueueFacts
from pbx_bridge.ivr.questions import StandingOfQueue
from pbx_bridge.ivr.run import (
    Begun,
    Effect,
    Found,
    GivenBack,
    HandOver,
    Happening,
    KeyPressed,
    LookUp,
    LookupFailed,
    Place,
    Play,
    PromptEnded,
    Resumed,
    Run,
    TimeUp,
    WriteStep,
)
from pbx_bridge.ivr.standing import STEP_S, priority_of, standing
from pbx_bridge.store.waits import pace_of

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TELLS = "tell: queue_position, tell_wait: queue_wait"
AHEAD = "ahead: {gold: 10, silver: 5}, again: 3"
KEY = 'key: "1", key_pressed: callback'
TEXT = """
flow: busy
languages: [en]
start: person
person: person
filler: one_moment
nodes:
  person: {kind: queue, queue: support, nobody: sorry, timeout: sorry%s}
  callback: {kind: say, prompt: callback_asked, next: end}
  sorry: {kind: say, prompt: queue_timeout, next: callback}
  end: {kind: hang_up}
"""


class Talk:
    """A caller in a flow whose first node is a queue with these fields."""

    def __init__(self, *fields: str, customer: CustomerFacts | None = None) -> None:
        self.flow = flow.parse((TEXT % "".join(f", {field}" for field in fields)).encode(), Path("busy.yaml"))
        self.run = Run(
            node="pbx1",
            channel="c1",
            caller="0912",
            caller_name="",
            called="100",
            flow=self.flow.name,
            version=self.flow.version,
            entered_at=NOON,
            at=self.flow.start,
            customer=customer,
        )
        self.effects: tuple[Effect, ...] = ()
        self.happen(Begun())

    def happen(self, what: Happening) -> Talk:
        self.run, self.effects = engine.advance(self.flow, self.run, what, NOON)
        return self

    def learns(self, **facts: object) -> Talk:
        told = {"waiting": 0, "position": 1} | facts
        return self.happen(Found(self.run.lookup, QueueFacts(**told)))  # type: ignore[arg-type]

    def hears_out(self) -> Talk:
        return self.happen(PromptEnded(self.run.playback))

    def of(self, kind: type[Effect]) -> list[Effect]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    @property
    def said(self) -> list[str]:
        return [part.prompt for effect in self.effects if isinstance(effect, Play) for part in effect.parts]

    @property
    def given(self) -> list[HandOver]:
        return [effect for effect in self.effects if isinstance(effect, HandOver)]

    @property
    def steps(self) -> list[tuple[StepKind, dict[str, object]]]:
        return [(effect.kind, dict(effect.data)) for effect in self.effects if isinstance(effect, WriteStep)]


def test_a_plain_queue_asks_nothing() -> None:
    talk = Talk()
    assert talk.given == [HandOver(Place.QUEUE, "support", "en")]
    assert not talk.of(LookUp)
    assert talk.steps[-1] == (StepKind.QUEUE, {"queue": "support"})


@pytest.mark.parametrize("fields", [(TELLS,), ("ahead: {gold: 10}",), ("again: 3",), ("tell_wait: queue_wait",)])
def test_what_it_asks_for(fields: tuple[str, ...]) -> None:
    question = asked_by(Talk(*fields))
    assert (question.queue, question.channel, question.caller) == ("support", "c1", "0912")


def asked_by(talk: Talk) -> StandingOfQueue:
    (lookup,) = talk.of(LookUp)
    assert isinstance(lookup, LookUp)
    assert isinstance(lookup.question, StandingOfQueue)
    return lookup.question


@pytest.mark.parametrize(("tier", "vip"), [("gold", 10), (" Silver ", 5), ("bronze", 0), ("", 0)])
def test_a_known_customers_tier_gives_the_priority(tier: str, vip: int) -> None:
    question = asked_by(Talk(AHEAD, customer=CustomerFacts(code="1001", name="", tier=tier)))
    assert (question.vip, question.again) == (vip, 3)
    assert asked_by(Talk(AHEAD)).vip == 0


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, []),
        ({"wait": 30}, []),
        ({"wait": 60}, ["queue_position", "queue_wait"]),
        ({"waiting": 2, "position": 3}, ["queue_position"]),
        ({"waiting": 2, "position": 3, "wait": 30}, ["queue_position", "queue_wait"]),
        ({"waiting": 2, "position": 1, "priority": 5, "because": "vip"}, []),
    ],
)
def test_it_is_told_when_somebody_waits_or_it_takes_long(facts: dict[str, object], said: list[str]) -> None:
    talk = Talk(TELLS).learns(**facts)
    assert talk.said == said
    assert bool(talk.given) == (not said)
    if said:
        assert talk.hears_out().given


def test_it_is_told_after_the_nodes_own_words_in_one_go() -> None:
    talk = Talk("prompt: to_person", TELLS).learns(waiting=1, position=2, wait=90)
    (play,) = talk.of(Play)
    assert isinstance(play, Play)
    assert [part.prompt for part in play.parts] == ["to_person", "queue_position", "queue_wait"]
    assert play.values["queue"]["position"] == 2
    assert play.values["queue"]["wait"] == 90


def test_from_when_on_it_is_told_is_the_flows() -> None:
    assert Talk(TELLS, "tell_from: 120").learns(wait=120).said == []
    assert Talk(TELLS, "tell_from: 0").learns(wait=30).said == ["queue_position", "queue_wait"]


@pytest.mark.parametrize("how", ["refused", "slow"])
def test_without_an_answer_the_caller_joins_at_once_and_hears_no_excuse(how: str) -> None:
    talk = Talk(TELLS, AHEAD)
    talk.happen(LookupFailed(talk.run.lookup, "StoreError") if how == "refused" else TimeUp(talk.run.timer))
    assert talk.given == [HandOver(Place.QUEUE, "support", "en")]
    assert talk.said == []
    assert [kind for kind, _ in talk.steps] == [StepKind.LOOKUP, StepKind.QUEUE]


def test_an_answer_that_comes_too_late_changes_nothing() -> None:
    talk = Talk(TELLS)
    late = Found(talk.run.lookup, QueueFacts(waiting=9, position=10, priority=1, because="vip"))
    run = talk.happen(TimeUp(talk.run.timer)).run
    assert talk.happen(late).run == run
    assert talk.effects == ()


def test_who_goes_ahead_has_it_on_record() -> None:
    talk = Talk(AHEAD).learns(priority=13, because="vip again")
    assert talk.given == [HandOver(Place.QUEUE, "support", "en", {"prio": "13"})]
    assert talk.steps[-1] == (StepKind.QUEUE, {"queue": "support", "priority": 13, "because": "vip again"})
    assert Talk(AHEAD).learns().steps[-1] == (StepKind.QUEUE, {"queue": "support"})


def test_the_key_is_told_to_the_dialplan_and_leads_out() -> None:
    talk = Talk(KEY)
    assert talk.given == [HandOver(Place.QUEUE, "support", "en", {"key": "1"})]
    talk.happen(GivenBack("queue", "support", "KEY"))
    assert talk.run.at == "callback"
    assert talk.steps[0] == (StepKind.QUEUE_RETURN, {"queue": "support", "status": "KEY"})


def test_without_a_key_of_the_flow_a_caller_given_back_by_one_is_as_one_who_waited_in_vain() -> None:
    assert Talk().happen(GivenBack("queue", "support", "KEY")).said == ["queue_timeout"]


def test_the_key_pressed_into_the_words_that_tell_of_it_counts() -> None:
    talk = Talk("prompt: to_person", TELLS, KEY).learns(waiting=1, position=2).happen(KeyPressed("1"))
    assert talk.run.at == "callback"
    assert not talk.given
    assert talk.said == ["callback_asked"]
    assert talk.steps[0] == (StepKind.KEYS, {"keys": "1", "result": "match"})


def test_any_other_key_cuts_the_words_short() -> None:
    talk = Talk("prompt: to_person", TELLS, KEY).learns(waiting=1, position=2).happen(KeyPressed("2"))
    assert talk.given == [HandOver(Place.QUEUE, "support", "en", {"key": "1"})]
    assert talk.run.keyed == ""


def test_killed_while_handing_over_the_caller_keeps_place_and_key() -> None:
    talk = Talk(AHEAD, KEY).learns(priority=10, because="vip")
    assert talk.happen(Resumed()).given == [HandOver(Place.QUEUE, "support", "en", {"key": "1", "prio": "10"})]


def test_killed_while_asking_it_asks_again() -> None:
    talk = Talk(TELLS).happen(Resumed())
    assert talk.of(LookUp)
    assert talk.learns(waiting=1, position=2).said == ["queue_position"]


# --- place, wait, priority ----------------------------------------------------------------------------------------


def asked(**values: object) -> StandingOfQueue:
    return StandingOfQueue(queue="support", channel="c1", caller="0912", **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("vip", "past", "expected"),
    [
        (0, "", (0, "")),
        (10, "", (10, "vip")),
        (0, "cut_off", (3, "cut_off")),
        (5, "again", (8, "vip again")),
    ],
)
def test_priority_is_the_tiers_and_that_of_the_last_hour(vip: int, past: str, expected: tuple[int, str]) -> None:
    assert priority_of(asked(vip=vip, again=3), past) == expected


def test_a_reason_that_the_flow_gives_nothing_for_is_none() -> None:
    assert priority_of(asked(), "again") == (0, "")


@given(st.lists(st.integers(0, 20), max_size=30), st.integers(0, 20), st.floats(0.1, 3000))
def test_a_callers_place_is_after_all_who_do_not_let_them_pass(others: list[int], mine: int, pace: float) -> None:
    facts = standing(others, priority=mine, because="", pace=pace)
    in_order = sorted([*others, mine + 0.5 - 1], reverse=True)  # behind those of the same priority
    assert facts.position == in_order.index(mine - 0.5) + 1
    assert facts.waiting == len(others)
    assert facts.wait is not None
    assert facts.wait % STEP_S == 0
    assert 0 <= facts.wait - facts.position * pace < STEP_S + 1e-6


def test_a_pace_that_is_not_known_gives_no_wait() -> None:
    assert standing([0, 0], priority=0, because="", pace=None).wait is None


def visit(start: float, seconds: float | None, result: str = "answered") -> Segment:
    began = NOON + timedelta(seconds=start)
    ended = None if seconds is None else began + timedelta(seconds=seconds)
    return Segment(kind=SegmentKind.WAIT, started_at=began, ended_at=ended, party="support", result=result)


def test_waits_side_by_side_are_shared_among_the_places() -> None:
    one_agent = [visit(0, 180), visit(1, 359), visit(2, 538)]  # places 1, 2, 3; a talk takes three minutes
    assert pace_of(one_agent, since=NOON) == pytest.approx(1077 / 6)
    assert pace_of([visit(0, 10), visit(100, 20), visit(200, 30)], since=NOON) == 20


def test_who_gave_up_counts_as_somebody_before_and_not_as_answered() -> None:
    told = [visit(0, 10), visit(100, 10), visit(200, 50, "abandoned"), visit(210, 100), visit(300, None, "")]
    assert pace_of(told, since=NOON) == pytest.approx(120 / 4)


@pytest.mark.parametrize("visits", [[], [visit(0, 5)] * 2, [visit(-9000, 5)] * 5, [visit(0, 9, "timeout")] * 5])
def test_of_too_few_nothing_is_told(visits: list[Segment]) -> None:
    assert pace_of(visits, since=NOON) is None
