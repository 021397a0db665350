"""What `make bench` reckons with for rates and silences: the climb, the gaps between prompts, the plain dialplan."""

from __future__ import annotations

import wave
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from harness.need import no_prompts
from hypothesis import given
from hypothesis import strategies as st

from bench import plain_ivr
from bench.climb import Climb, Trial, highest
from bench.customers import customers
from bench.dead_air import DeadAir, Event
from bench.figure import CannotMeasure, Figure
from bench.sounds import cut_sounds
from pbx_bridge.ivr.announcer import Announcer
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.sounds.voice import Voice

CLIMB = Climb(begin=40, most=250)
BEGUN = datetime(2026, 11, 22, tzinfo=UTC)


async def _climbed(bears: Callable[[float], bool], climb: Climb = CLIMB) -> tuple[Trial, list[Trial]]:
    async def attempt(rate: float) -> Trial:
        return Trial(rate=rate, clean=bears(rate))

    return await highest(climb, attempt)


@given(st.integers(16, 400))
async def test_the_climb_finds_what_is_borne(most: int) -> None:
    best, trials = await _climbed(lambda rate: rate <= most)
    assert len(trials) <= CLIMB.trials
    assert best.clean
    assert best.rate <= most
    above = [trial.rate for trial in trials if not trial.clean]
    assert not above or min(above) > best.rate
    if most < CLIMB.most / CLIMB.step and above and best.rate >= CLIMB.begin:
        assert most - best.rate <= best.rate * 0.08, "two halvings of a step of a quarter"


async def test_a_rate_that_fails_by_chance_is_tried_once_more() -> None:
    seen: list[float] = []

    def bears(rate: float) -> bool:
        seen.append(rate)
        return rate < 100 and (rate != 50 or seen.count(50) > 1)

    best, trials = await _climbed(bears)
    assert seen[:4] == [40, 50, 50, 62]
    assert best.rate > 80
    assert [trial.clean for trial in trials][:3] == [True, False, True]


async def test_where_nothing_is_borne_nothing_was_measured() -> None:
    with pytest.raises(CannotMeasure, match="no rate was clean"):
        await _climbed(lambda rate: False)


def _event(kind: str, at_ms: int, **told: dict[str, str]) -> Event:
    told_all = {"type": kind, "timestamp": BEGUN + timedelta(milliseconds=at_ms), **told}
    return msgspec.convert(told_all, Event)


def _silences(*events: tuple[str, int, str]) -> DeadAir:
    air = DeadAir()
    for kind, at_ms, playback in events:
        channel = {"id": "1.1", "state": "Up"}
        told = {"playback": {"id": playback, "target_uri": "channel:1.1"}} if playback else {"channel": channel}
        air.take(_event(kind, at_ms, **told))
    return air


def test_a_silence_ends_with_the_next_prompt_and_begins_with_a_key() -> None:
    air = _silences(
        ("ChannelStateChange", 0, ""),
        ("PlaybackStarted", 20, "a"),
        ("PlaybackFinished", 1000, "a"),
        ("PlaybackStarted", 1030, "b"),
        ("PlaybackStarted", 2000, "b"),  # its second file
        ("ChannelDtmfReceived", 2500, ""),
        ("PlaybackFinished", 2501, "b"),
        ("PlaybackStarted", 2511, "c"),
        ("PlaybackFinished", 3000, "c"),
        ("ChannelDestroyed", 3400, ""),
    )
    assert [round(silence * 1000) for silence in air.silences_s] == [20, 30, 10, 400]
    assert air.most == 1
    assert round(air.quantile_s(1.0), 3) == 0.4
    assert round(air.quantile_s(0.5), 3) == 0.02


def test_a_prompt_that_never_came_is_silence_to_the_end() -> None:
    air = _silences(("ChannelStateChange", 0, ""), ("ChannelDestroyed", 5000, ""))
    assert air.silences_s == [5.0]


def test_no_prompt_is_no_measurement() -> None:
    with pytest.raises(CannotMeasure):
        DeadAir().quantile_s(0.5)


def test_the_detail_of_a_figure_is_told_where_there_is_any() -> None:
    figure = Figure(name="a", value=1, unit="x", goal=1, detail={"ours": [1]})
    assert figure.as_json()["detail"] == {"ours": [1]}
    assert "detail" not in Figure(name="a", value=1, unit="x", goal=1).as_json()


def test_the_plain_dialplan_says_the_same_sounds(tmp_path: Path) -> None:
    sounds = Path(__file__).resolve().parents[2] / "var" / "test-sounds"
    if not (sounds / "manifest.json").exists():
        no_prompts()
    announcer = Announcer(PromptBook.load(), Voice.load(sounds))
    person = customers(2)[1]
    text = plain_ivr.dialplan(announcer, [person])
    status = announcer.media("ticket_status", person.language, {"ticket": person.ticket})
    files = "&".join(media.uri.removeprefix("sound:") for media in status)
    assert f"exten => {person.tracking},1,Playback({files})" in text
    assert f"exten => {person.phone},1,Set(CHANNEL(language)={person.language})" in text
    assert max(map(len, text.splitlines())) < 8000, "Asterisk reads no longer lines"


def test_sounds_are_cut_once(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(2 * 8000))
    for _ in range(2):
        cut_sounds(tmp_path, 0.5)
        with wave.open(str(tmp_path / "a.wav"), "rb") as sound:
            assert sound.getnframes() == 4000
    with pytest.raises(ValueError, match="already"):
        cut_sounds(tmp_path, 0.2)
