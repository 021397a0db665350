"""Callers who are given to a mailbox, to phones or away, and what becomes of them when they are given back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

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
    HandOver,
    HangUp,
    KeyPressed,
    Phase,
    Place,
    Play,
    PromptEnded,
    Resumed,
    Run,
    WriteStep,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
OUT = """
flow: out
languages: [en, fa]
start: menu
person: person
filler: one_moment
nodes:
  menu:
    kind: menu
    prompt: menu
    keys: {"1": phone, "2": group, "3": box, "4": outside}
    wrong: menu_wrong
    too_many: person
  phone: {kind: dial, prompt: to_person, to: [101], seconds: 15, busy: busy, no_answer: box, unavailable: person}
  group: {kind: dial, to: [101, "102", 101], busy: busy, no_answer: box, unavailable: group}
  box: {kind: voicemail, prompt: after_tone, mailbox: "600", next: thanks, unavailable: person}
  outside: {kind: transfer, to: "+982188776655", failed: person}
  busy: {kind: say, prompt: queue_timeout, next: end}
  thanks: {kind: say, prompt: goodbye, next: end}
  person: {kind: queue, queue: support, nobody: busy, timeout: busy}
  end: {kind: hang_up}
"""
FLOW = flow.parse(OUT.encode(), Path("out.yaml"))


class Talk:
    """A caller in that flow."""

    def __init__(self, keys: str = "") -> None:
        self.run, effects = engine.begin(
            FLOW, node="pbx1", channel="c1", caller="0912", caller_name="", called="100", now=NOON
        )
        self.effects: tuple[Effect, ...] = effects
        for key in keys:
            self.happen(KeyPressed(key))

    def happen(self, what: KeyPressed | PromptEnded | GivenBack | Resumed) -> Talk:
        self.run, self.effects = engine.advance(FLOW, self.run, what, NOON)
        return self

    def hear(self) -> Talk:
        return self.happen(PromptEnded(self.run.playback))

    def back(self, what: str, to: str, status: str) -> Talk:
        return self.happen(GivenBack(what, to, status))

    @property
    def given(self) -> list[HandOver]:
        return [effect for effect in self.effects if isinstance(effect, HandOver)]

    @property
    def said(self) -> list[str]:
        return [part.prompt for effect in self.effects if isinstance(effect, Play) for part in effect.parts]

    @property
    def steps(self) -> list[tuple[StepKind, dict[str, object]]]:
        return [(effect.kind, dict(effect.data)) for effect in self.effects if isinstance(effect, WriteStep)]

    @property
    def is_let_go(self) -> bool:
        return self.run.phase is Phase.OVER and any(isinstance(effect, HangUp) for effect in self.effects)


def test_each_place_is_named_with_what_it_needs() -> None:
    assert Talk("1").hear().given == [HandOver(Place.DIAL, "101", "en", {"ring": "15"})]
    assert Talk("2").given == [HandOver(Place.DIAL, "101+102", "en", {"ring": "20"})]
    assert Talk("3").hear().given == [HandOver(Place.VOICEMAIL, "600", "en")]
    assert Talk("4").given == [HandOver(Place.TRANSFER, "+982188776655", "en")]


def test_a_key_cuts_what_is_said_before_and_is_not_kept() -> None:
    talk = Talk("1").happen(KeyPressed("5"))
    assert talk.given
    assert talk.run.keyed == ""


@pytest.mark.parametrize(
    ("status", "at"),
    [("BUSY", "busy"), ("NOANSWER", "box"), ("CHANUNAVAIL", "person"), ("CONGESTION", "person"), ("", "person")],
)
def test_how_a_phone_was_not_answered_is_the_way_out(status: str, at: str) -> None:
    talk = Talk("1").hear().back("dial", "101", status)
    assert talk.run.at == at
    assert talk.steps[0] == (StepKind.HANDED_BACK, {"what": "dial", "to": "101", "status": status})


@pytest.mark.parametrize(("keys", "what", "to"), [("2", "dial", "101+102"), ("4", "transfer", "+982188776655")])
def test_after_a_talk_the_call_is_over(keys: str, what: str, to: str) -> None:
    talk = Talk(keys).back(what, to, "ANSWER")
    assert talk.is_let_go
    assert talk.steps[-1] == (StepKind.ENDED, {"by": what})


@pytest.mark.parametrize(
    ("status", "prompt"), [("SUCCESS", "goodbye"), ("USEREXIT", "goodbye"), ("FAILED", "goodbye")]
)
def test_after_the_message_the_flow_goes_on(status: str, prompt: str) -> None:
    assert Talk("3").hear().back("voicemail", "600", status).said == [prompt]


def test_a_box_that_is_not_there_and_a_number_nobody_answers_lead_on() -> None:
    assert Talk("3").hear().back("voicemail", "600", "INVALID").given == [HandOver(Place.QUEUE, "support", "en")]
    assert Talk("4").back("transfer", "+982188776655", "NOANSWER").given == [HandOver(Place.QUEUE, "support", "en")]


def test_a_queue_the_dialplan_does_not_know_has_nobody() -> None:
    talk = Talk("4").back("transfer", "+982188776655", "INVALID").back("queue", "support", "INVALID")
    assert talk.run.at == "busy"


def test_given_back_by_what_the_caller_was_not_given_to_there_is_a_person() -> None:
    for talk in (Talk(), Talk("1").hear(), Talk("3")):
        talk.back("voicemail" if talk.run.at == "phone" else "dial", "900", "BUSY")
        assert talk.given == [HandOver(Place.QUEUE, "support", "en")]
    assert Talk().back("nonsense", "", "").given == [HandOver(Place.QUEUE, "support", "en")]


def test_given_back_unasked_after_a_talk_the_call_is_over() -> None:
    talk = Talk("3").back("dial", "101", "ANSWER")
    assert talk.is_let_go
    assert (StepKind.ENDED, {"by": "dial"}) in talk.steps


def test_a_run_whose_node_is_gone_from_the_file_comes_back_to_a_person() -> None:
    talk = Talk("2")
    talk.run = msgspec.structs.replace(talk.run, at="gone")
    assert talk.back("dial", "101+102", "BUSY").given == [HandOver(Place.QUEUE, "support", "en")]


@pytest.mark.parametrize("keys", ["2", "4"])
def test_stopped_between_deciding_and_doing_it_is_done(keys: str) -> None:
    talk = Talk(keys)
    before = talk.given
    talk.run = msgspec.json.decode(msgspec.json.encode(talk.run), type=Run)
    assert talk.happen(Resumed()).given == before


def test_what_gives_back_is_told_from_what_gave_back_before() -> None:
    run = Talk("2").run
    assert engine.awaits(FLOW, run, GivenBack("dial", "101+102", "BUSY"))
    assert not engine.awaits(FLOW, run, GivenBack("dial", "103", "BUSY"))
    assert not engine.awaits(FLOW, run, GivenBack("queue", "support", "TIMEOUT"))
    assert not engine.awaits(FLOW, Talk("3").run, GivenBack("voicemail", "600", "SUCCESS")), "not given to it yet"
    assert not engine.awaits(FLOW, msgspec.structs.replace(run, at="gone"), GivenBack("dial", "101+102", "BUSY"))


def test_a_checkpoint_of_an_earlier_version_goes_on() -> None:
    kept = msgspec.json.decode(msgspec.json.encode(Talk("2").back("dial", "101+102", "BUSY").run))
    old = {**kept, "at": "person", "phase": "queued"}
    del old["handed"]
    talk = Talk()
    talk.run = msgspec.convert(old, Run)
    assert talk.back("queue", "support", "CONTINUE").is_let_go


def test_a_flow_that_rings_the_same_phones_for_ever_is_ended() -> None:
    talk = Talk("2")
    for _ in range(50):
        if talk.run.phase is Phase.QUEUED:
            talk.back("dial", "101+102", "CHANUNAVAIL")
    assert talk.is_let_go
    assert talk.run.handed == 20


@given(
    st.lists(
        st.builds(
            GivenBack,
            st.sampled_from([*Place, "other"]),
            st.sampled_from(["600", "101", "support", ""]),
            st.sampled_from(["BUSY", "NOANSWER", "ANSWER", "SUCCESS", "INVALID", "TIMEOUT", "", "\x00"]),
        )
        | st.just(Resumed())
        | st.builds(KeyPressed, st.sampled_from("1234")),
        max_size=30,
    )
)
def test_whatever_is_given_back_the_run_waits_for_something_or_is_over(
    acts: list[GivenBack | Resumed | KeyPressed],
) -> None:
    talk = Talk()
    for act in acts:
        talk.happen(act)
        run = talk.run
        assert run.playback or run.timer or run.phase in (Phase.QUEUED, Phase.OVER), f"dead air at {run.at}"


@pytest.mark.parametrize(
    ("was", "to"),
    [
        ('to: "+982188776655"', "to: 02188776655x"),
        ('to: "+982188776655"', "to: 2188776655"),  # without quotes YAML may read another number
        ('to: "+982188776655"', 'to: "{{ keyed }}"'),
        ('to: "+982188776655"', 'to: "0912,1,Hangup"'),
        ('mailbox: "600"', 'mailbox: "600@other"'),
        ("to: [101],", "to: [trunk],"),
        ("to: [101],", 'to: ["101&SIP/102"],'),
        ("to: [101],", "to: [-101],"),
        ("to: [101],", "to: [],"),
        ("seconds: 15", "seconds: 0"),
        ("seconds: 15", "seconds: 3600"),
    ],
)
def test_nothing_but_numbers_can_be_called(was: str, to: str) -> None:
    assert was in OUT
    with pytest.raises(FlowError, match=r"out\.yaml:\d+"):
        flow.parse(OUT.replace(was, to).encode(), Path("out.yaml"))
