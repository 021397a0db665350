"""`dial` with `own_agent`: whose phone is rung first, who then, and what a crash in between changes: nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from pbx_bridge.errors import FlowError
from pbx_bridge.ivr import engine, flow
from pbx_bridge.ivr.known import CustomerFacts
from pbx_bridge.ivr.run import (
    Found,
    GivenBack,
    HandOver,
    HangUp,
    Happening,
    LookUp,
    Phase,
    Place,
    Play,
    PromptEnded,
    Resumed,
    Run,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TEXT = """
flow: own
languages: [en, fa]
start: who
person: person
filler: one_moment
nodes:
  who: {kind: caller, found: desk, unknown: desk, unavailable: desk}
  desk: {kind: dial, own_agent: true, to: [102, 103], prompt: to_desk, seconds: 9,
    busy: busy, no_answer: late, unavailable: away}
  busy: {kind: say, prompt: is_busy, next: end}
  late: {kind: say, prompt: is_late, next: end}
  away: {kind: say, prompt: is_away, next: end}
  person: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""
WITH_GROUP = flow.parse(TEXT.encode(), Path("own.yaml"))
ALONE = flow.parse(TEXT.replace("to: [102, 103], ", "").encode(), Path("own.yaml"))


class Call:
    """A caller who is looked up and comes to the desk."""

    def __init__(self, agent: str | None, flow: flow.Flow = WITH_GROUP) -> None:
        self.flow = flow
        self.run, self.effects = engine.begin(
            flow, node="pbx1", channel="c1", caller="0912", caller_name="", called="100", now=NOON
        )
        known = None if agent is None else CustomerFacts(code="C-1", name="Sara", agent=agent)
        (asked,) = (effect for effect in self.effects if isinstance(effect, LookUp))
        self.happen(Found(asked.lookup, known))

    def happen(self, what: Happening) -> Call:
        self.run, self.effects = engine.advance(self.flow, self.run, what, NOON)
        return self

    def hear(self) -> Call:
        return self.happen(PromptEnded(self.run.playback))

    def back(self, to: str, status: str) -> Call:
        back = GivenBack("dial", to, status)
        assert engine.awaits(self.flow, self.run, back)
        return self.happen(back)

    def killed(self) -> Call:
        self.run = msgspec.json.decode(msgspec.json.encode(self.run), type=Run)
        return self

    @property
    def given(self) -> list[str]:
        return [effect.to for effect in self.effects if isinstance(effect, HandOver) and effect.what is Place.DIAL]

    @property
    def said(self) -> list[str]:
        return [part.prompt for effect in self.effects if isinstance(effect, Play) for part in effect.parts]


def test_the_own_agents_phone_is_rung_first_and_alone() -> None:
    call = Call("101")
    assert call.said == ["to_desk"]
    assert call.hear().effects[-1] == HandOver(Place.DIAL, "101", "en", {"ring": "9"})


@pytest.mark.parametrize("status", ["NOANSWER", "BUSY", "CHANUNAVAIL", "CONGESTION", ""])
def test_then_the_others_without_a_word_and_then_the_way_out(status: str) -> None:
    call = Call("101").hear().back("101", status)
    assert (call.given, call.said) == (["102+103"], [])
    assert call.back("102+103", "NOANSWER").said == ["is_late"]


def test_without_others_how_the_own_agent_was_not_reached_is_the_way_out() -> None:
    assert Call("101", ALONE).hear().back("101", "BUSY").said == ["is_busy"]
    assert Call("101", ALONE).hear().back("101", "NOANSWER").said == ["is_late"]
    assert Call("101", ALONE).hear().back("101", "CHANUNAVAIL").said == ["is_away"]


@pytest.mark.parametrize("agent", [None, "", "09121234567 ", "10a", "101&102", "١٠١", "1" * 16, "101+102"])
def test_who_has_no_agent_of_their_own_gets_the_others_or_at_once_the_way_out(agent: str | None) -> None:
    assert Call(agent).hear().given == ["102+103"]
    alone = Call(agent, ALONE)
    assert alone.said == ["is_away"], "and not the words before a phone that nobody rings"


def test_nobody_is_rung_twice() -> None:
    call = Call("102").hear()
    assert call.given == ["102"]
    assert call.back("102", "NOANSWER").given == ["103"]


def test_a_talk_with_the_own_agent_ends_the_call() -> None:
    call = Call("101").hear().back("101", "ANSWER")
    assert any(isinstance(effect, HangUp) for effect in call.effects)
    assert call.run.phase is Phase.OVER


def test_killed_while_the_own_agents_phone_rang_the_caller_is_awaited_from_there() -> None:
    call = Call("101").hear().killed()
    assert call.back("101", "NOANSWER").given == ["102+103"]


def test_killed_between_the_two_the_second_is_rung() -> None:
    call = Call("101").hear().back("101", "NOANSWER").killed()
    assert not engine.awaits(call.flow, call.run, GivenBack("dial", "101", "NOANSWER")), "told already"
    assert call.happen(Resumed()).given == ["102+103"]
    assert call.back("102+103", "BUSY").said == ["is_busy"]


def test_a_node_that_rings_nobody_is_refused() -> None:
    for fields in ("", "to: [], ", "own_agent: false, "):
        text = TEXT.replace("own_agent: true, to: [102, 103], ", fields)
        with pytest.raises(FlowError, match="rings nobody"):
            flow.parse(text.encode(), Path("own.yaml"))
