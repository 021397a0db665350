"""Waveforms: true to what is in the file, and none rather than an error for what is no sound of Asterisk's."""

from __future__ import annotations

import asyncio
import io
import math
import struct
import wave
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.spool.plain_files import open_plain
from pbx_bridge.spool.waveform import BARS, Open, Waveform, Waveforms, measure, read_waveform

RATE = 8000


def pcm(samples: list[int], channels: int = 1) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return out.getvalue()


def coded(code: int, sound: bytes, channels: int = 1, *, told: int | None = None, before: bytes = b"") -> bytes:
    """A WAV of 8 bits a sample, its `data` chunk telling of `told` bytes."""
    form = struct.pack("<HHIIHH", code, channels, RATE, RATE * channels, channels, 8)
    rest = b"WAVE" + before + b"fmt " + struct.pack("<I", len(form)) + form
    rest += b"data" + struct.pack("<I", len(sound) if told is None else told) + sound
    return b"RIFF" + struct.pack("<I", len(rest)) + rest


def of(content: bytes) -> Waveform | None:
    return measure(io.BytesIO(content), len(content))


def tone(seconds: float, size: int) -> list[int]:
    return [round(size * math.sin(i * 0.2)) for i in range(int(seconds * RATE))]


def test_silence_is_flat_and_a_tone_is_as_loud_as_it_is() -> None:
    found = of(pcm([0] * RATE + tone(1, 16000)))
    assert found is not None
    (row,) = found.channels
    assert len(row) == BARS
    assert set(row[:200]) == {0}
    assert all(abs(level - 125) <= 2 for level in row[200:])


def test_the_loudest_sample_below_zero_counts_too() -> None:
    found = of(pcm([0, -32768, 0, 0]))
    assert found is not None
    assert found.channels == (bytes([0, 255, 0, 0]),)


def test_the_two_sides_of_a_call_have_a_row_each() -> None:
    sides = [value for left in tone(1, 30000) for value in (left, 0)]
    found = of(pcm(sides, 2))
    assert found is not None
    left, right = found.channels
    assert max(left) > 220
    assert set(right) == {0}


@pytest.mark.parametrize(("code", "silence", "loud", "level"), [(6, 0xD5, 0xAA, 252), (7, 0xFF, 0x80, 250)])
def test_g711_as_pbxs_write_it(code: int, silence: int, loud: int, level: int) -> None:
    found = of(coded(code, bytes([silence]) * 400 + bytes([loud]) * 400))
    assert found is not None
    (row,) = found.channels
    assert max(row[:200]) <= 1
    assert set(row[200:]) == {level}


def test_a_header_that_was_never_finished_hides_nothing() -> None:
    whole, cut = of(coded(6, b"\xaa" * 800)), of(coded(6, b"\xaa" * 800, told=0))
    assert whole is not None
    assert whole == cut == of(coded(6, b"\xaa" * 800, told=2**32 - 1))


def test_what_others_put_before_the_sound_is_passed_over() -> None:
    before = b"LIST" + struct.pack("<I", 5) + b"hello\0"
    assert of(coded(7, b"\x80" * 80, before=before)) == of(coded(7, b"\x80" * 80))


def test_a_short_sound_has_as_many_bars_as_samples() -> None:
    found = of(pcm([5000] * 7))
    assert found is not None
    assert len(found.channels[0]) == 7


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF",
        b"<html>" * 50,
        pcm([]),
        pcm([1])[:30],
        coded(1, b"\0" * 80),  # 8 bits of PCM: nothing of Asterisk's
        coded(6, b"\0" * 80, channels=0),
        coded(6, b"\0" * 80, channels=9),
        coded(49, b"\0" * 80),  # GSM
        b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 500,
        b"RIFF\0\0\0\0WAVE" + b"data\x10\0\0\0" + b"\0" * 16,  # no form before it
    ],
)
def test_what_is_no_such_sound_has_no_waveform(content: bytes) -> None:
    assert of(content) is None


@given(st.binary(max_size=400))
@settings(max_examples=200)
def test_nothing_that_a_file_holds_is_an_error(noise: bytes) -> None:
    whole = coded(6, b"\xaa" * 50)
    for content in (noise, whole[: len(noise)] + noise, b"RIFF\0\0\0\0WAVE" + noise):
        found = of(content)
        assert found is None or all(found.channels)


def test_no_file_a_folder_and_a_link_have_none(tmp_path: Path) -> None:
    (tmp_path / "real.wav").write_bytes(pcm([1, 2, 3]))
    (tmp_path / "link.wav").symlink_to("real.wav")
    assert read_waveform(partial(open_plain, tmp_path / "real.wav")) is not None
    for name in ("none.wav", "link.wav", "."):
        assert read_waveform(partial(open_plain, tmp_path / name)) is None


async def test_a_file_is_measured_once_whoever_asks() -> None:
    read: list[Open] = []

    def measured(opened: Open) -> Waveform | None:
        read.append(opened)
        return Waveform(channels=(b"\x01",)) if opened is not bad else None

    good, bad = (partial(io.BytesIO, text) for text in (b"good", b"bad"))
    waveforms = Waveforms(measured)
    found = await asyncio.gather(*(waveforms.of(good, "sum") for _ in range(5)))
    assert set(found) == {Waveform(channels=(b"\x01",))}
    assert len(read) == 1
    # What cannot be read now may be there later.
    assert await waveforms.of(bad, "other") is None
    assert await waveforms.of(bad, "other") is None
    assert len(read) == 3
