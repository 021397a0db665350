"""Callers who stay when the agent has hung up: what they are asked, what counts as an answer, and to whose talk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.errors import FlowError
from pbx_bridge.ivr import engine, flow
from pbx_bridge.ivr.run import (
    Effect,
    GivenBack,
    Gone,
    HandOver,
    HangUp,
    Happening,
    KeyPressed,
    Phase,
    Play,
    PromptEnded,
    Resumed,
    Run,
    TimeUp,
    WriteStep,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TEXT = """
flow: asked
languages: [en, fa]
start: person
person: person
filler: one_moment
nodes:
  person: {kind: queue, queue: support, nobody: desk, timeout: desk, after: ask}
  desk: {kind: dial, to: [101, 102], busy: end, no_answer: end, unavailable: end, after: ask}
  ask:
    kind: survey
    questions: [{name: solved, prompt: q_solved, scale: 2}, {name: friendly, prompt: q_friendly}]
    wrong: q_wrong
    next: thanks
  thanks: {kind: say, prompt: goodbye, next: more}
  more: {kind: menu, prompt: again, keys: {"1": desk, "2": ask}, wrong: wrong, too_many: end}
  end: {kind: hang_up}
"""
FLOW = flow.parse(TEXT.encode(), Path("asked.yaml"))


class Talk:
    """A caller whom the queue's agent has just left, unless told otherwise."""

    def __init__(self, status: str = "CONTINUE", after_s: float = 60.0) -> None:
        self.now = NOON
        self.run, self.effects = engine.begin(
            FLOW, node="pbx1", channel="c1", caller="0912", caller_name="", called="100", now=NOON
        )
        self.steps: list[tuple[StepKind, dict[str, Any]]] = []
        self.now += timedelta(seconds=after_s)
        self.happen(GivenBack("queue", "support", status))

    def happen(self, what: Happening) -> Talk:
        self.run, self.effects = engine.advance(FLOW, self.run, what, self.now)
        self.steps += [(e.kind, dict(e.data)) for e in self.effects if isinstance(e, WriteStep)]
        return self

    def press(self, key: str) -> Talk:
        return self.happen(KeyPressed(key))

    def silent(self) -> Talk:
        return self.happen(PromptEnded(self.run.playback)).happen(TimeUp(self.run.timer))

    def killed(self) -> Talk:
        """kill -9, and the daemon comes back with the checkpoint."""
        self.run = msgspec.json.decode(msgspec.json.encode(self.run), type=Run)
        return self.happen(Resumed())

    @property
    def said(self) -> list[str]:
        return _said(self.effects)

    @property
    def answers(self) -> list[tuple[str, int | None]]:
        return [(data["question"], data["answer"]) for kind, data in self.steps if kind is StepKind.SURVEY]


def _said(effects: tuple[Effect, ...]) -> list[str]:
    return [part.prompt for effect in effects if isinstance(effect, Play) for part in effect.parts]


def test_the_agent_hangs_up_and_the_caller_is_asked() -> None:
    talk = Talk()
    assert talk.said == ["q_solved"]
    assert talk.press("1").said == ["q_friendly"]
    assert talk.press("5").said == ["goodbye"]
    assert talk.answers == [("solved", None), ("solved", 1), ("friendly", None), ("friendly", 5)]
    told = [data for kind, data in talk.steps if kind is StepKind.SURVEY][-1]
    assert told == {"question": "friendly", "answer": 5, "scale": 5, "queue": "support", "agent": ""}


def test_without_after_the_call_is_over_with_the_talk() -> None:
    plain = flow.parse(TEXT.replace(", timeout: desk, after: ask", ", timeout: desk").encode(), Path("asked.yaml"))
    run, _ = engine.begin(plain, node="n", channel="c", caller="", caller_name="", called="", now=NOON)
    run, effects = engine.advance(plain, run, GivenBack("queue", "support", "CONTINUE"), NOON)
    assert run.phase is Phase.OVER
    assert any(isinstance(effect, HangUp) for effect in effects)


@pytest.mark.parametrize("status", ["TIMEOUT", "JOINEMPTY", "LEAVEEMPTY", ""])
def test_whom_nobody_spoke_with_is_asked_nothing(status: str) -> None:
    talk = Talk(status)
    assert talk.run.at == "desk"
    assert not talk.answers
    assert talk.happen(GivenBack("dial", "101+102", "NOANSWER")).run.phase is Phase.OVER


def test_a_talk_of_an_hour_is_no_time_in_the_menus() -> None:
    assert Talk(after_s=3600).said == ["q_solved"]
    late = Talk(after_s=3600)
    late.now += timedelta(minutes=16)  # longest_minutes from the end of the talk on
    late.press("1").press("1")
    assert (late.run.at, late.run.phase) == ("person", Phase.QUEUED)


def test_a_key_that_is_no_answer_is_asked_again_once() -> None:
    talk = Talk().press("3")
    assert talk.said == ["q_wrong", "q_solved"]
    assert talk.press("0").said == ["q_friendly"]
    assert talk.press("*").press("9").said == ["goodbye"]
    assert [answer for _, answer in talk.answers] == [None, None]


def test_silence_is_no_answer() -> None:
    talk = Talk().silent()
    assert talk.said == ["q_solved"]
    talk.silent()
    assert talk.said == ["q_friendly"]
    assert talk.press("4").answers == [("solved", None), ("friendly", None), ("friendly", 4)]


def test_who_leaves_in_a_question_was_asked_it_and_no_other() -> None:
    talk = Talk().happen(Gone())
    assert talk.run.phase is Phase.OVER
    assert talk.answers == [("solved", None)]


def test_nobody_answers_what_they_have_not_heard() -> None:
    talk = Talk().press("1")
    talk.happen(KeyPressed("#"))  # out of habit after the key before: means nothing
    assert talk.run.tries == 0
    assert talk.said == []
    assert talk.press("2").answers[-1] == ("friendly", 2)


def test_after_a_crash_it_goes_on_with_the_question_it_was_at() -> None:
    talk = Talk().press("2").killed()
    assert talk.said == ["q_friendly"]
    talk.press("3").killed()
    assert talk.said == ["goodbye"]
    assert [one for one in talk.answers if one[1] is not None] == [("solved", 2), ("friendly", 3)]


def test_a_crash_does_not_give_new_tries() -> None:
    assert Talk().press("7").killed().press("8").said == ["q_friendly"]


def test_each_talk_is_asked_about_once() -> None:
    talk = Talk().press("1").press("1")
    talk.happen(PromptEnded(talk.run.playback)).press("2")
    assert talk.said == ["goodbye"], "asked once about this talk"
    talk.happen(PromptEnded(talk.run.playback)).press("1")
    assert [e.to for e in talk.effects if isinstance(e, HandOver)] == ["101+102"]
    talk.happen(GivenBack("dial", "101+102", "ANSWER"))
    assert talk.said == ["q_solved"]
    told = [data for kind, data in talk.steps if kind is StepKind.SURVEY][-1]
    assert (told["queue"], told["agent"]) == ("", ""), "which of the two phones it was, only CEL tells"


def test_no_file_has_phones_rung_for_ever() -> None:
    talk = Talk()
    rounds = 0
    while talk.run.phase is not Phase.OVER:
        rounds += 1
        talk.press("1").press("1")
        talk.happen(PromptEnded(talk.run.playback)).press("1")
        talk.happen(GivenBack("dial", "101+102", "ANSWER"))
    assert 1 < rounds <= 20


HAPPENINGS = st.lists(
    st.sampled_from("0123456789*#").map(KeyPressed) | st.sampled_from(["silent", "killed"]), max_size=25
)


@given(HAPPENINGS)
def test_whatever_is_keyed_each_question_is_answered_at_most_once_and_within_its_scale(
    what: list[KeyPressed | str],
) -> None:
    talk = Talk()
    for one in what:
        if talk.run.at != "ask":
            break
        if isinstance(one, KeyPressed):
            talk.happen(one)
        else:
            talk.silent() if one == "silent" else talk.killed()
    given = [(name, answer) for name, answer in talk.answers if answer is not None]
    assert len({name for name, _ in given}) == len(given)
    assert all(1 <= answer <= {"solved": 2, "friendly": 5}[name] for name, answer in given)


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        ("{kind: survey, questions: [], next: end}", "questions"),
        ("{kind: survey, questions: [{name: a, prompt: p}, {name: a, prompt: q}], next: end}", "same name"),
        ("{kind: survey, questions: [{name: a, prompt: p, scale: 10}], next: end}", "scale"),
        ("{kind: survey, questions: [{name: a, prompt: p, scale: 1}], next: end}", "scale"),
        ("{kind: survey, questions: [{name: a, promt: p}], next: end}", "promt"),
        ("{kind: survey, questions: [{name: a, prompt: p}], tries: 3, next: end}", "tries"),
        ("{kind: survey, questions: [{name: a, prompt: p}]}", "next"),
    ],
)
def test_a_survey_that_cannot_be_is_refused_with_its_line(node: str, reason: str) -> None:
    text = f"flow: f\nlanguages: [en]\nstart: q\nperson: p\nfiller: f\nnodes:\n  q: {node}\n" + (
        "  p: {kind: queue, queue: support, nobody: end, timeout: end, after: q}\n  end: {kind: hang_up}\n"
    )
    with pytest.raises(FlowError, match=reason) as refused:
        flow.parse(text.encode(), Path("f.yaml"))
    assert refused.value.line == 7


def test_every_prompt_of_it_is_known() -> None:
    assert set(FLOW.nodes["ask"].prompts()) == {"q_solved", "q_friendly", "q_wrong"}
    assert ("after", "ask") in set(FLOW.nodes["person"].ways_out())
