"""Whatever is recorded comes out at one level, begins and ends at once, and pauses briefly: on made sounds."""

from __future__ import annotations

import hashlib
import math
import random
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.ivr.sounds import audio, loudness
from pbx_bridge.ivr.sounds.loudness import FRAME, RATE, Heard

NOTHING_MS = st.integers(0, 1500)
PARTS = st.lists(st.tuples(st.integers(60, 500), st.floats(0.2, 1.0), st.integers(0, 900)), min_size=1, max_size=5)


def voice(milliseconds: int, strength: float, pitch: float = 140.0) -> array[int]:
    """Vowel-like: a pitch and its overtones, softer towards both ends as speech is."""
    count = RATE * milliseconds // 1000
    told = array("h")
    for i in range(count):
        swell = 0.25 + 0.75 * math.sin(math.pi * (i + 1) / (count + 1))
        wave = sum(math.sin(math.tau * pitch * n * i / RATE) / n for n in (1, 2, 3)) / 1.6
        told.append(round(32000 * strength * swell * wave))
    return told


def noise(milliseconds: int, amplitude: int, seed: int = 1) -> array[int]:
    told = random.Random(seed)
    return array("h", (told.randint(-amplitude, amplitude) for _ in range(RATE * milliseconds // 1000)))


def spoken(lead: int, parts: list[tuple[int, float, int]], tail: int) -> array[int]:
    """Stretches of voice (ms, strength) with silences (ms) between and around."""
    told = audio.silence(lead)
    for milliseconds, strength, pause in parts:
        told += voice(milliseconds, strength) + audio.silence(pause)
    return told + audio.silence(tail)


def heard(samples: array[int]) -> Heard:
    told = loudness.hear(samples)
    assert told is not None
    return told


def mixed(one: array[int], other: array[int]) -> array[int]:
    return array("h", (max(-32768, min(32767, a + b)) for a, b in zip(one, other, strict=True)))


@settings(max_examples=30)
@given(NOTHING_MS, PARTS, NOTHING_MS, st.floats(0.02, 1.0))
def test_all_come_out_alike(lead: int, parts: list[tuple[int, float, int]], tail: int, strength: float) -> None:
    samples = spoken(lead, [(ms, each * strength, pause) for ms, each, pause in parts], tail)
    told = heard(audio.finish(samples))
    assert told.level == pytest.approx(audio.LEVEL, abs=0.5)
    assert told.lead <= 0.03
    assert told.tail <= 0.03
    assert told.pause <= audio.PAUSE + 0.01
    assert max(map(abs, audio.finish(samples))) < 32700


@settings(max_examples=30)
@given(NOTHING_MS, PARTS, NOTHING_MS)
def test_finishing_twice_changes_no_length_and_hardly_a_level(
    lead: int, parts: list[tuple[int, float, int]], tail: int
) -> None:
    once = audio.finish(spoken(lead, parts, tail))
    twice = audio.finish(once)
    assert abs(len(twice) - len(once)) <= 2 * FRAME
    assert heard(twice).level == pytest.approx(heard(once).level, abs=0.2)


@settings(max_examples=30)
@given(PARTS, st.integers(0, 12))
def test_no_speech_is_lost(parts: list[tuple[int, float, int]], frames: int) -> None:
    """Only silence is taken: what lasts longer than the longest pause is cut to it, nothing else."""
    before, after = heard(spoken(frames * 10, parts, 0)), heard(audio.finish(spoken(frames * 10, parts, 0), 9.0))
    assert after.seconds == pytest.approx(before.seconds - before.lead - before.tail, abs=0.06)
    assert after.pause == pytest.approx(before.pause, abs=0.011)


@pytest.mark.parametrize("room", [60, 300, 900])
def test_the_noise_of_a_room_is_no_speech(room: int) -> None:
    """Noise of -60 to -36 dBFS under a voice of some -12: the seconds before and after it go."""
    samples = mixed(spoken(1200, [(400, 0.6, 150), (300, 0.6, 0)], 1500), noise(3550, room))
    assert len(audio.finish(samples)) / RATE == pytest.approx(0.85, abs=0.13)


def test_a_recording_of_several_sentences_may_pause_longer() -> None:
    samples = spoken(0, [(500, 0.5, 2000), (500, 0.5, 0)], 0)
    assert heard(audio.finish(samples)).pause == pytest.approx(audio.PAUSE, abs=0.02)
    assert heard(audio.finish(samples, audio.WHOLE_PAUSE)).pause == pytest.approx(audio.WHOLE_PAUSE, abs=0.02)


def test_peaks_that_are_bent_do_not_make_it_softer() -> None:
    """A click in each word is 20 dB over its vowel: bent, the level would be missed by a mere gain."""
    samples = voice(600, 0.05)
    for at in range(400, len(samples), 300):
        samples[at] = 32000
    assert heard(audio.finish(samples)).level == pytest.approx(audio.LEVEL, abs=0.5)


@pytest.mark.parametrize("rate", [8000, 44100])
def test_flat_tops_are_clipping_and_one_full_peak_is_none(rate: int) -> None:
    wave = [1.5 * math.sin(math.tau * 200 * i / rate) for i in range(rate)]
    clipped = array("h", (round(32767 * max(-1.0, min(1.0, value))) for value in wave))
    softer = array("h", (round(32000 * value / 1.5) for value in wave))
    assert loudness.clipped_ms(clipped, rate) > 300
    assert loudness.clipped_ms(softer, rate) == 0
    assert loudness.clipped_ms(array("h", [0] * 50 + [32767] * 2 + [0] * 50), rate) == 0
    assert loudness.clipped_ms(array("h"), rate) == 0


@pytest.mark.parametrize("samples", [array("h"), audio.silence(700), noise(700, 8), array("h", [5000] * 40)])
def test_silence_is_told(samples: array[int]) -> None:
    assert loudness.hear(samples) is None


def test_what_was_measured_is_what_was_made() -> None:
    told = heard(audio.silence(300) + array("h", [3277, -3277] * 4000) + audio.silence(450))
    assert (told.lead, told.tail, told.pause) == (0.3, 0.45, 0.0)
    assert told.seconds == 1.75
    assert told.level == pytest.approx(-20.0, abs=0.01)


def test_another_way_of_finishing_is_another_edition() -> None:
    """Clips are named by `EDITION`: a change of what `finish` does must raise it, or the old clips stay in use."""
    told = hashlib.sha256(audio.finish(spoken(500, [(300, 0.9, 600), (200, 0.3, 40), (90, 1.0, 0)], 300)).tobytes())
    assert (audio.EDITION, told.hexdigest()[:16]) == ("2", "7c3bb63c8828be80")
