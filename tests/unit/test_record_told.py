"""A message that a caller speaks, as others tell of it: the simulator, the actor, the record and the call page."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from demo_history import NOON, make_call
from made_facts import T0, cel, ending, folded
from test_caller import WrittenAri
from test_engine_record import ASKING, NAME, PLAIN
from test_web_call_parts import EN, FA

from pbx_bridge.ari_handlers.dead_man import DeadMan
from pbx_bridge.ari_handlers.speech import Media, chunks
from pbx_bridge.calls.call import CallStep, Outcome, SegmentKind
from pbx_bridge.calls.facts import Fact, Step, StepKind
from pbx_bridge.errors import FlowError
from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.lint.ways import loops
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.run import Part, Play
from pbx_bridge.ivr.trial import case_file
from pbx_bridge.ivr.trial.caller import play
from pbx_bridge.ivr.trial.cases import crm_lookups
from pbx_bridge.ivr.trial.moves import Speak, parse_move, parse_moves, written
from pbx_bridge.ivr.trial.simulation import Simulation, Stage, Visitor
from pbx_bridge.ivr.trial.transcript import texts
from pbx_bridge.store.crm_memory import demo_batch, memory_crm
from pbx_bridge.web.transcript import Line, transcript
from pbx_bridge.web.viewer import Viewer

TEHRAN = ZoneInfo("Asia/Tehran")
CLOCK = datetime(2026, 11, 21, 12, tzinfo=TEHRAN)
BOOK = PromptBook.load()
DEMO = crm_lookups(memory_crm(demo_batch(CLOCK.date(), TEHRAN, "IR")), TEHRAN, "IR")


def called(keys: str, met: flows.Flow = PLAIN) -> Simulation:
    simulation = Simulation(Stage(flow=met, texts=BOOK, lookups=DEMO), Visitor(caller="02144556677", now=CLOCK))
    for _ in play(simulation, parse_moves(keys)):
        pass
    return simulation


# --- simulated ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "at", "ends"),
    [
        ("", "message", "message"),
        ("speak 5s", "end", "voicemail"),
        ("silence", "message", "message"),  # and asked again
        ("silence,hang up", "message", "abandoned_ivr"),
        ("hang up", "message", "abandoned_ivr"),
        ("nobody", "person", "queue support"),
    ],
)
def test_where_a_simulated_caller_comes_to(keys: str, at: str, ends: str) -> None:
    simulation = called(keys)
    assert (simulation.run.at, simulation.ends) == (at, ends)


def test_the_transcript_tells_of_it() -> None:
    told = texts(called("speak 5s,2,3,speak 2.5,1", ASKING).transcript)
    wanted = ["records a message", "the message is over: DTMF", "played back: 5 s", "recorded 2.5 s: kept"]
    places = [told.index(line) for line in wanted]
    assert places == sorted(places)
    assert told.count("records a message") == 2


def test_a_message_lasts_as_long_as_it_may() -> None:
    simulation = called("speak 90s")
    assert simulation.run.recording is not None
    assert simulation.run.recording.seconds == 30
    assert "the message is over: TIMEOUT" in texts(simulation.transcript)


def test_who_hangs_up_in_the_review_has_left_it() -> None:
    assert called("speak 5s,hang up", ASKING).ends == "voicemail"


def test_nothing_is_spoken_where_nothing_is_recorded() -> None:
    assert "not done: speak 5s: nothing is recorded" in texts(called("speak 5s,speak 5s").transcript)
    assert any(line.startswith("not done: 1: ") for line in texts(called("1").transcript))


@pytest.mark.parametrize(("text", "seconds"), [("speak 5s", 5), ("Speak 2.5", 2.5), ("speak ۱۲ s", 12)])
def test_the_move_is_read_as_it_is_written(text: str, seconds: float) -> None:
    assert parse_move(text) == Speak(seconds=seconds)
    assert parse_move(written(parse_move(text))) == parse_move(text)


@pytest.mark.parametrize("text", ["speak", "speak -1", "speak 1e3", "speak 1000s", "speak 5 m"])
def test_other_words_are_no_speech(text: str) -> None:
    with pytest.raises(ValueError, match="speak 5s"):
        parse_move(text)


CASES = """
cases:
  - name: leaves a message
    caller: "02144556677"
    keys: [speak 5s]
    ends: voicemail
  - name: is still at it
    keys: []
    ends: message
"""


def test_cases_may_speak() -> None:
    first, second = case_file.parse(CASES.encode(), Path("x.test.yaml"), PLAIN, zone=TEHRAN, region="IR")
    assert first.simulated_because == "'speak 5s' can only be simulated"
    assert second.ends == "message"
    with pytest.raises(FlowError, match="outcome"):
        case_file.parse(
            CASES.replace("ends: message", "ends: massage").encode(), Path("x"), PLAIN, zone=TEHRAN, region="IR"
        )


def test_a_silent_caller_who_goes_round_is_found() -> None:
    (finding,) = loops(PLAIN)
    assert finding.code == "loop-without-key"
    assert "message (" in finding.sentence


# --- played back --------------------------------------------------------------------------------------------------


class Words:
    def text(self, prompt: str, language: str, values: object) -> str:
        return f"{prompt} in {language}"

    def media(self, prompt: str, language: str, values: object) -> Sequence[Media]:
        return (_Sound(),)


class _Sound:
    uri, seconds = "sound:menu", 2.0


def test_a_recording_is_a_medium_of_its_length_and_stays_whole() -> None:
    parts = (Part("", "en", recording=NAME, seconds=45.5), Part("menu", "en"))
    whole, menu = chunks(Play(playback=1, parts=parts, values={}, listens=True), Words())  # type: ignore[arg-type]
    assert (whole.uris, whole.seconds, whole.texts) == ((f"recording:{NAME}",), 45.5, ("",))
    assert (menu.uris, menu.texts) == (("sound:menu",), ("menu in en",))


async def dead_man(ari: WrittenAri, alive_for: float) -> DeadMan:
    return DeadMan(ari, "c1", alive_for=alive_for, playback=0, failed=lambda _: None, waiting=lambda: None)


def timers(ari: WrittenAri) -> list[str]:
    return [verb[2] for verb in ari.done if verb[:2] == ("set", "TIMEOUT(absolute)")]


async def test_the_timer_outlasts_a_long_message_and_is_set_back_after_it() -> None:
    ari = WrittenAri()
    timer = await dead_man(ari, 9.5)
    await timer.outlast(45.5)
    assert timers(ari) == ["49"]
    assert timer.is_due, "a daemon that dies now would leave the caller waiting"
    await timer.renew()
    assert timers(ari) == ["49", "10"]
    assert not timer.is_due


@pytest.mark.parametrize("left", [5.5, 9.5, 12.0])
async def test_a_timer_that_is_well_set_is_let_be(left: float) -> None:
    ari = WrittenAri()
    timer = await dead_man(ari, left)
    await timer.renew()
    assert timers(ari) == []
    assert not timer.is_due
    await asyncio.sleep(0)


# --- on record ----------------------------------------------------------------------------------------------------


def recording(at_s: float, name: str, seconds: float) -> list[Fact]:
    data = f"/spool/recording/{name}.wav,4,30,k"
    return [
        cel(at_s, "APP_START", app="Record", app_data=data),
        cel(at_s + seconds, "APP_END", app="Record", app_data=data),
    ]


def kept(at_s: float, name: str, result: str = "kept") -> Step:
    return Step(
        node=cel(0, "CHAN_START").node,
        file="step:PJSIP/trunk-00000000",
        offset=int(at_s * 10),
        at=cel(at_s, "X").at,
        uniqueid="PJSIP/trunk-00000000",
        kind=StepKind.RECORDED,
        flow_node="complaint",
        data={"name": name, "seconds": 4.0, "result": result},
    )


def call_with(*facts: Fact) -> list[Fact]:
    return [
        cel(0, "CHAN_START"),
        cel(0.1, "ANSWER"),
        cel(0.2, "APP_START", app="Stasis", app_data="pbx_bridge,in,1000"),
        cel(1, "APP_END", app="Stasis", app_data="pbx_bridge,in,1000"),
        *facts,
        *ending(20, by="PJSIP/trunk-00000000"),
    ]


def test_the_last_take_that_was_kept_is_the_message() -> None:
    call = folded(call_with(*recording(2, "a", 4), *recording(8, "a", 5), kept(14, "a")))
    told = [(s.kind, s.party, s.result) for s in call.segments if s.kind is SegmentKind.VOICEMAIL]
    assert told == [
        (SegmentKind.VOICEMAIL, "complaint", "not_left"),
        (SegmentKind.VOICEMAIL, "complaint", ""),
    ]
    assert (call.outcome, call.left_voicemail) == (Outcome.VOICEMAIL, True)
    assert call.segments[-1].started_at > T0


@pytest.mark.parametrize("steps", [[], [kept(14, "a", "empty")], [kept(14, "another")]])
def test_without_a_message_that_was_kept_none_was_left(steps: list[Fact]) -> None:
    call = folded(call_with(*recording(2, "a", 4), *steps))
    assert (call.outcome, call.left_voicemail) == (Outcome.ABANDONED_IVR, False)


# --- on the call's page -------------------------------------------------------------------------------------------


def line(kind: StepKind, viewer: Viewer = EN, **data: object) -> Line:
    step = CallStep(at=NOON, kind=kind, flow_node="complaint", data=data)
    (told,) = transcript(make_call(1, started_at=NOON, steps=[step]), viewer)
    return told


def test_the_page_tells_of_it_in_both_languages() -> None:
    assert line(StepKind.HANDED_OVER, what="message", to=NAME).text == "The caller speaks a message."
    assert line(StepKind.HANDED_BACK, what="message", to=NAME, status="SILENCE").text.endswith(": silence.")
    good = line(StepKind.RECORDED, result="kept", name=NAME, seconds=4.25)
    assert (good.text, good.tone) == (f"The message was kept, 4.2 s: \u2068{NAME}\u2069", "good")
    assert line(StepKind.RECORDED, result="empty", name=NAME, seconds=0.2).tone == "warn"
    assert "۴.۲ ثانیه" in line(StepKind.RECORDED, FA, result="kept", name=NAME, seconds=4.25).text
    assert line(StepKind.SAID, recording=NAME, prompt="", language="fa").text.startswith("The caller's own message")
