"""Callers who speak a message: heard again, said again, kept; and what a restart does to them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.errors import FlowError
from pbx_bridge.ivr import engine, flow
from pbx_bridge.ivr.known import Kept, RecordingFacts, SoundFacts
from pbx_bridge.ivr.nodes import RecordNode
from pbx_bridge.ivr.questions import KeepRecording, Question, RecordingTaken
from pbx_bridge.ivr.run import (
    Effect,
    Found,
    GivenBack,
    Gone,
    HandOver,
    Happening,
    KeyPressed,
    LookUp,
    LookupFailed,
    Phase,
    Place,
    Play,
    PromptEnded,
    Resumed,
    Run,
    Take,
    TimeUp,
    WriteStep,
)
from pbx_bridge.ivr.turn import Turn
from pbx_bridge.store.messages import Origin, origin_of

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
YAML = """
flow: out
languages: [en, fa]
start: message
person: person
filler: one_moment
nodes:
  message:
    kind: record
    prompt: after_tone
    longest: 30
    keep: what
    {extra}
    next: thanks
    empty: nothing
    unavailable: person
  thanks: {{kind: say, prompt: goodbye, next: end}}
  nothing: {{kind: say, prompt: queue_timeout, next: message}}
  person: {{kind: queue, queue: support, nobody: nothing, timeout: nothing}}
  end: {{kind: hang_up}}
"""


def parsed(extra: str = "") -> flow.Flow:
    return flow.parse(YAML.format(extra=extra).encode(), Path("out.yaml"))


PLAIN = parsed()
ASKING = parsed("review: menu\n    wrong: menu_wrong\n    tries: 2\n    wait: 4")
NAME = "pbx1_c1-01-message"


class Talk:
    """A caller in that flow, who has heard the prompt and speaks."""

    def __init__(self, met: flow.Flow = PLAIN, *, channel: str = "c1") -> None:
        self.flow = met
        self.run, self.effects = engine.begin(
            met, node="pbx1", channel=channel, caller="0912", caller_name="", called="100", now=NOON
        )
        self.steps = [effect for effect in self.effects if isinstance(effect, WriteStep)]
        self.happen(PromptEnded(self.run.playback))

    def happen(self, what: Happening) -> Talk:
        self.run, self.effects = engine.advance(self.flow, self.run, what, NOON)
        self.steps += [effect for effect in self.effects if isinstance(effect, WriteStep)]
        return self

    def restart(self) -> Talk:
        """What is left of it on disk, in another life of the daemon."""
        self.run = msgspec.json.decode(msgspec.json.encode(self.run), type=Run)
        return self.happen(Resumed())

    def back(self, status: str = "DTMF") -> Talk:
        return self.happen(GivenBack("message", str(self.run.handed), status))

    def found(self, seconds: float = 5.2, *, audible: bool = True) -> Talk:
        return self.happen(Found(self.run.lookup, SoundFacts(seconds=seconds, audible=audible)))

    def press(self, keys: str) -> Talk:
        for key in keys:
            self.happen(KeyPressed(key))
        return self

    def silent(self) -> Talk:
        self.happen(PromptEnded(self.run.playback))
        return self.happen(TimeUp(self.run.timer))

    def only(self, kind: type[Effect]) -> Effect:
        (found,) = (effect for effect in self.effects if isinstance(effect, kind))
        return found

    @property
    def asked(self) -> Question:
        look_up = self.only(LookUp)
        assert isinstance(look_up, LookUp)
        return look_up.question

    @property
    def said(self) -> list[str]:
        play = self.only(Play)
        assert isinstance(play, Play)
        return [part.recording or part.prompt for part in play.parts]

    @property
    def given(self) -> HandOver:
        given = self.only(HandOver)
        assert isinstance(given, HandOver)
        return given

    def told(self, kind: StepKind) -> list[dict[str, object]]:
        return [dict(step.data) for step in self.steps if step.kind is kind]


def test_the_dialplan_is_told_how_to_record() -> None:
    talk = Talk()
    settings = {"name": NAME, "longest": "30", "silence": "4", "options": ""}
    assert talk.given == HandOver(Place.RECORD, "1", "en", settings)
    assert talk.told(StepKind.HANDED_OVER) == [{"what": "message", "to": NAME}]


@pytest.mark.parametrize(
    ("extra", "options"),
    [
        ("end: '*'", "t"),
        ("end: any", "y"),
        ("end: none", "x"),
        ("beep: false", "q"),
        ("end: '*'\n    beep: false", "tq"),
    ],
)
def test_the_end_key_and_the_tone_are_options_of_record(extra: str, options: str) -> None:
    assert Talk(parsed(extra)).given.settings["options"] == options


def test_silence_that_ends_nothing_is_no_number() -> None:
    assert Talk(parsed("silence: 0")).given.settings["silence"] == ""


@pytest.mark.parametrize("status", ["DTMF", "SILENCE", "TIMEOUT"])
def test_what_was_said_is_measured_and_kept(status: str) -> None:
    talk = Talk().back(status)
    assert talk.asked == RecordingTaken(NAME)
    assert talk.found().asked == KeepRecording(NAME)
    assert talk.found(5.2).run.at == "thanks"
    assert talk.run.recording == RecordingFacts(name=NAME, seconds=5)
    assert talk.run.kept == {"what": Kept("text", NAME)}
    assert talk.run.values()["recording"] == {"name": NAME, "seconds": 5}
    assert talk.told(StepKind.RECORDED) == [{"name": NAME, "seconds": 5.2, "result": "kept"}]


@pytest.mark.parametrize(("seconds", "audible"), [(0.9, True), (20.0, False), (0.0, False)])
def test_too_little_is_a_way_of_its_own_and_the_next_message_has_another_name(seconds: float, audible: bool) -> None:
    talk = Talk().back().found(seconds, audible=audible)
    assert talk.run.at == "nothing"
    assert talk.run.recording is None
    assert talk.told(StepKind.RECORDED) == [{"name": NAME, "seconds": seconds, "result": "empty"}]
    talk.happen(PromptEnded(talk.run.playback))
    talk.happen(PromptEnded(talk.run.playback))
    assert talk.given.settings["name"] == "pbx1_c1-02-message"


def test_shortest_decides_what_is_too_little() -> None:
    assert Talk(parsed("shortest: 6")).back().found(5.9).run.at == "nothing"
    assert Talk(parsed("shortest: 0.4")).back().found(0.5).asked == KeepRecording(NAME)


@pytest.mark.parametrize("status", ["ERROR", "SKIP", "INVALID", ""])
def test_where_nothing_can_be_recorded_there_is_a_way_out(status: str) -> None:
    assert Talk().back(status).run.at == "person"


def test_a_recording_that_is_not_there_or_cannot_be_read_is_unavailable() -> None:
    talk = Talk().back()
    assert talk.happen(Found(talk.run.lookup, None)).run.at == "person"
    assert talk.told(StepKind.TROUBLE)
    talk = Talk().back()
    assert talk.happen(LookupFailed(talk.run.lookup, "OSError")).run.at == "person"


def test_a_message_that_cannot_be_put_away_now_is_not_lost_on_the_caller() -> None:
    talk = Talk().back().found(7.0)
    talk.happen(LookupFailed(talk.run.lookup, "StoreError"))
    assert talk.run.at == "thanks"
    assert talk.run.kept["what"] == Kept("text", NAME)
    assert talk.told(StepKind.RECORDED) == [], "the keeper tells it when it is so"


# --- heard again, said again --------------------------------------------------------------------------------------


def asked_what_to_do() -> Talk:
    return Talk(ASKING).back().found(5.2)


def test_the_caller_is_asked_and_keeps_it() -> None:
    talk = asked_what_to_do()
    assert talk.said == ["menu"]
    assert talk.press("1").asked == KeepRecording(NAME)


def test_the_caller_hears_it_and_is_asked_again() -> None:
    talk = asked_what_to_do().press("2")
    assert talk.said == [NAME, "menu"]
    play = talk.only(Play)
    assert isinstance(play, Play)
    assert (play.parts[0].seconds, play.listens) == (5.2, True)
    assert talk.press("1").asked == KeepRecording(NAME)


def test_the_caller_says_it_again_under_the_same_name() -> None:
    talk = asked_what_to_do().press("3")
    assert (talk.given.to, talk.given.settings["name"]) == ("2", NAME)
    assert talk.back().found(3.0).said == ["menu"]
    assert talk.press("1").found(3.0).told(StepKind.RECORDED) == [{"name": NAME, "seconds": 3.0, "result": "kept"}]


def test_an_old_take_that_comes_back_late_is_not_the_new_one() -> None:
    talk = asked_what_to_do().press("3")
    assert not engine.awaits(ASKING, talk.run, GivenBack("message", "1", "DTMF"))
    assert engine.awaits(ASKING, talk.run, GivenBack("message", "2", "DTMF"))


def test_silence_keeps_it() -> None:
    assert asked_what_to_do().silent().asked == KeepRecording(NAME)


def test_wrong_keys_keep_it_in_the_end() -> None:
    talk = asked_what_to_do().press("9")
    assert talk.said == ["menu_wrong", "menu"]
    assert talk.press("8").asked == KeepRecording(NAME)


def test_other_keys_can_be_named() -> None:
    met = parsed("review: menu\n    accept_key: '*'\n    hear_key: '0'\n    again_key: '#'")
    assert Talk(met).back().found().press("0").said == [NAME, "menu"]
    assert Talk(met).back().found().press("*").asked == KeepRecording(NAME)


def test_the_key_that_ended_it_is_not_an_answer() -> None:
    talk = Talk(ASKING).press("#1")
    assert talk.back().found().said == ["menu"]


def test_saying_it_again_for_ever_comes_to_an_end() -> None:
    talk = asked_what_to_do()
    while talk.run.handed < 19:
        talk.press("3").back().found()
    talk.press("3").back()
    assert (talk.run.phase, talk.run.handed) == (Phase.OVER, 20)


# --- restarts -----------------------------------------------------------------------------------------------------


def test_killed_before_the_hand_over_it_is_done_again_under_the_same_name() -> None:
    talk = Talk().restart()
    assert (talk.given.to, talk.given.settings["name"]) == ("2", NAME)


@pytest.mark.parametrize("met", [PLAIN, ASKING])
def test_killed_after_the_message_it_goes_on_there(met: flow.Flow) -> None:
    talk = Talk(met).back().restart()
    assert talk.asked == RecordingTaken(NAME)
    talk.found()
    if met is PLAIN:
        assert talk.only(LookUp) == LookUp(talk.run.lookup, KeepRecording(NAME))
    else:
        assert talk.said == ["menu"]


def test_killed_in_the_review_the_caller_is_asked_again() -> None:
    talk = asked_what_to_do().press("2").restart()
    assert talk.found(5.2).said == ["menu"]


def test_killed_while_it_is_put_away_it_is_put_away() -> None:
    talk = Talk().back().found().restart()
    assert talk.asked == KeepRecording(NAME)
    assert talk.found(5.2).run.at == "thanks"


def test_a_second_visit_begins_anew() -> None:
    talk = Talk().back().found(0.1)
    talk.happen(PromptEnded(talk.run.playback))
    assert talk.said == ["after_tone"]
    assert talk.run.take.name == ""


def test_a_caller_who_hangs_up_in_it_is_simply_gone() -> None:
    assert Talk().happen(Gone()).run.phase is Phase.OVER


# --- names and files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "channel", ["1795292169.12", "pbx1-1795292169.12", "pbx1-c2c-agent_1", "a_02_b-1.1", "a-02-b-1.1"]
)
def test_a_name_tells_what_it_is_of(channel: str) -> None:
    name = Talk(channel=channel).given.settings["name"]
    assert origin_of(name, "pbx1") == Origin(node="pbx1", channel=channel, flow_node="message")


@pytest.mark.parametrize(
    "name",
    ["", "pbx1", "pbx1_", "other_c1-01-message", "pbx1_c1_message", "pbx1_../x-01-m", "pbx1_c1-01-A", "pbx1_c1-1-m"],
)
def test_a_strange_name_is_no_message(name: str) -> None:
    assert origin_of(name, "pbx1") is None


@pytest.mark.parametrize("channel", ["../../etc/passwd", "a/b,1&2;${X}", "x" * 300, "\u202e"])
def test_no_channel_leads_out_of_the_folder(channel: str) -> None:
    name = Talk(channel=channel).given.settings["name"]
    assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
    assert len(name) <= 180


@pytest.mark.parametrize(
    "wrong", ["longest: 0", "longest: 601", "silence: 61", "end: '7'", "keep: 'A b'", "hear_key: '1'", "shortest: 0"]
)
def test_what_cannot_be_is_refused(wrong: str) -> None:
    with pytest.raises(FlowError, match=r"out\.yaml"):
        parsed(wrong)


def test_a_node_of_an_inner_flow_is_told_as_the_flow_names_it() -> None:
    run = msgspec.structs.replace(Talk().run, at="complaints/message", handed=4)
    node = PLAIN.nodes["message"]
    assert isinstance(node, RecordNode)
    turn = Turn(msgspec.structs.replace(PLAIN, nodes={**PLAIN.nodes, "complaints/message": node}), run, NOON)
    turn.set(take=Take())
    node.hand_over(turn)
    assert turn.run.take.name == "pbx1_c1-05-complaints.message"
    assert origin_of(turn.run.take.name, "pbx1") == Origin(node="pbx1", channel="c1", flow_node="complaints/message")


def test_what_it_makes_known() -> None:
    node = PLAIN.nodes["message"]
    assert node.makes_known() == {"next": ("recording", "kept.what")}
    assert dict(node.ways_out()) == {"next": "thanks", "empty": "nothing", "unavailable": "person"}
