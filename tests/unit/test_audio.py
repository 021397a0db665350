"""Samples are trimmed and levelled; files appear whole or not at all."""

from __future__ import annotations

import math
from array import array
from pathlib import Path

import pytest

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.sounds import audio


def tone(seconds: float, loudness: float, frequency: float = 440.0) -> array[int]:
    count = int(seconds * audio.RATE)
    return array(
        "h", (round(32767 * loudness * math.sin(math.tau * frequency * i / audio.RATE)) for i in range(count))
    )


def level(samples: array[int]) -> float:
    return 20 * math.log10(math.sqrt(sum(s * s for s in samples) / len(samples)) / 32767)


@pytest.mark.parametrize("loudness", [0.01, 0.1, 1.0])
def test_silence_is_cut_and_the_level_is_common(loudness: float) -> None:
    samples = audio.silence(400) + tone(0.5, loudness) + audio.silence(700)
    done = audio.finish(samples)
    assert len(done) / audio.RATE == pytest.approx(0.54, abs=0.011)
    assert level(done) == pytest.approx(audio.LEVEL, abs=1.0)


def test_a_soft_end_of_a_word_is_kept() -> None:
    done = audio.finish(tone(0.3, 0.5) + tone(0.2, 0.01, 3000.0) + audio.silence(500))
    assert len(done) / audio.RATE == pytest.approx(0.52, abs=0.011)


def test_a_pause_within_does_not_make_it_louder() -> None:
    done = audio.finish(tone(0.5, 0.3) + audio.silence(1000) + tone(0.5, 0.3))
    assert level(done[: audio.RATE // 2]) == pytest.approx(audio.LEVEL, abs=1.0)


def test_a_peak_is_bent_and_never_cut() -> None:
    spikes = array("h", [0] * 800)
    for i in range(5, 800, 100):
        spikes[i] = 30000
    done = audio.finish(spikes)
    assert 0.7 * 32767 < max(done) < 32767
    assert max(done) == done[max(range(len(done)), key=done.__getitem__)]


@pytest.mark.parametrize("samples", [array("h"), audio.silence(500), tone(0.5, 0.0001)])
def test_nothing_to_hear_is_refused(samples: array[int]) -> None:
    with pytest.raises(ValueError, match="nothing to hear"):
        audio.finish(samples)


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "en" / "a.wav"
    samples = tone(0.25, 0.5)
    assert audio.write_wav(path, [samples, audio.silence(250)]) == 0.5
    assert audio.read_wav(path) == samples + audio.silence(250)
    assert audio.seconds(path) == 0.5
    assert [p.name for p in path.parent.iterdir()] == ["a.wav"]


def test_what_is_no_sound_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    assert audio.seconds(path) is None
    path.write_bytes(b"RIFF")
    assert audio.seconds(path) is None
    with pytest.raises(PromptError, match="no sound file"):
        audio.read_wav(path)
