"""`check_voice` names what a caller would hear as a fault, and nothing else; measured on sounds made for it."""

from __future__ import annotations

import math
import wave
from array import array
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.ivr.phrase import Clip
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.sounds import audio
from pbx_bridge.ivr.sounds.lengths import plausible_seconds
from pbx_bridge.ivr.sounds.recordings import Recording, taken_file
from pbx_bridge.ivr.sounds.speakers import Source
from pbx_bridge.ivr.sounds.voice import MANIFEST, Entry, Manifest, Whole, phrase_id
from pbx_bridge.ivr.sounds.voice_check import Fault, LanguageReport, check_voice

TEXTS = (
    "hello: Good day to you.\nall: 'Your number is {{ n | tracking }}: {{ s | prompt(''st'') }}.'\nst_a: It is new\n"
)
SENTENCE = Clip("en", "Good day to you.")


def tone(seconds: float, level: float = audio.LEVEL, lead: float = 0.0, tail: float = 0.0) -> array[int]:
    top = 32767 * 10 ** (level / 20) * math.sqrt(2)
    told = audio.silence(round(lead * 1000))
    told += array("h", (round(top * math.sin(math.tau * 400 * i / 8000)) for i in range(int(seconds * 8000))))
    return told + audio.silence(round(tail * 1000))


def made(folder: Path, sounds: Mapping[Clip, array[int]], source: Source = "espeak") -> tuple[PromptBook, Path]:
    """A book and a sounds folder in which every clip lasts as long as it may, but those of `sounds`."""
    (folder / "prompts").mkdir()
    (folder / "prompts/en.yaml").write_text(TEXTS, encoding="utf-8")
    book = PromptBook.load(folder / "prompts")
    entries = []
    for place, clip in enumerate(sorted(book.clips(book.keys("en"), "en"), key=lambda clip: clip.text)):
        samples = sounds.get(clip, tone(sum(plausible_seconds((clip,))) / 2))
        audio.write_wav(folder / f"sounds/en/{place}.wav", [samples])
        entries.append(Entry(language="en", text=clip.text, file=f"en/{place}.wav", source=source, seconds=1.0))
    (folder / "sounds" / MANIFEST).write_bytes(msgspec.json.encode(Manifest(clips=tuple(entries))))
    return book, folder / "sounds"


def checked(folder: Path, sounds: Mapping[Clip, array[int]]) -> LanguageReport:
    (report,) = check_voice(*made(folder, sounds), ["en"])
    return report


def reasons(report: LanguageReport) -> list[tuple[str, str]]:
    return [(fault.text, fault.reason) for fault in report.faults]


def test_a_good_voice_has_no_fault(tmp_path: Path) -> None:
    report = checked(tmp_path, {})
    assert report.faults == ()
    assert report.sounds == len(report.synthetic) == 3 + 10
    assert report.softest == pytest.approx(audio.LEVEL, abs=0.1)
    assert report.loudest == pytest.approx(audio.LEVEL, abs=0.1)


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (tone(0.1), "is too short for its text: 0.10 s, where 0.31 s is the least"),
        (tone(9.0), "is too long for its text: 9.00 s, where 3.64 s is the most"),
        (tone(1.0, lead=0.25), "begins with 0.25 s of silence; 0.2 s is the most"),
        (tone(1.0, tail=0.21), "ends with 0.21 s of silence; 0.2 s is the most"),
        (tone(1.0) + tone(1.0, lead=0.4), "is silent for 0.40 s in its middle; 0.30 s is the most"),
        (tone(1.0, level=-16.0), "is +4.0 dB from the others; 3.0 dB apart is the most"),
        (tone(1.0, level=-25.0), "is -5.0 dB from the others; 3.0 dB apart is the most"),
        (audio.silence(900), "is silent, or its file is gone or broken; run: pbx-bridge prompts render"),
    ],
)
def test_each_fault_is_named(tmp_path: Path, samples: array[int], reason: str) -> None:
    assert reasons(checked(tmp_path, {SENTENCE: samples})) == [(SENTENCE.text, reason)]


def test_clipping_is_named(tmp_path: Path) -> None:
    flat = array("h", ([32767] * 20 + [-32767] * 20) * 200)
    told = [reason for _, reason in reasons(checked(tmp_path, {SENTENCE: flat}))]
    assert told[0] == "is clipped: the tops of its waves are cut off for 1000 ms"


@settings(max_examples=40)
@given(st.floats(0.0, 0.19), st.floats(0.0, 0.19))
def test_a_gap_is_the_pause_and_both_edges(
    tmp_path_factory: pytest.TempPathFactory, tail: float, lead: float
) -> None:
    """Between two groups of a tracking number stand 0.25 s: 0.05 s are left for the edges."""
    one, two = Clip("en", "one"), Clip("en", "two")
    sounds = {one: tone(0.4, tail=tail), two: tone(0.4, lead=lead)}
    report = checked(tmp_path_factory.mktemp("voice"), sounds)
    gaps = [fault.reason for fault in report.faults if "is followed by" in fault.reason]
    if tail + lead > 0.08:
        assert gaps
    if tail + lead < 0.03:
        assert report.faults == ()
    assert len(gaps) == len(report.faults)


def test_what_is_missing_and_what_is_gone(tmp_path: Path) -> None:
    book, sounds = made(tmp_path, {})
    (sounds / "en/0.wav").unlink()
    (sounds / "en/1.wav").write_bytes(b"RIFF")
    told = msgspec.json.decode((sounds / MANIFEST).read_bytes(), type=Manifest)
    (sounds / MANIFEST).write_bytes(msgspec.json.encode(msgspec.structs.replace(told, clips=told.clips[:-1])))
    (report,) = check_voice(book, sounds, ["en"])
    assert [fault.reason.split(";")[0] for fault in report.faults] == [
        "is missing",
        "is silent, or its file is gone or broken",
        "is silent, or its file is gone or broken",
    ]
    (nothing,) = check_voice(book, tmp_path / "none", ["en"])
    assert (nothing.sounds, nothing.softest, len(nothing.faults)) == (0, None, 13)


def test_a_whole_recording_stands_for_its_clips(tmp_path: Path) -> None:
    book, sounds = made(tmp_path, {SENTENCE: audio.silence(500)})
    audio.write_wav(sounds / "en/whole.wav", [tone(1.5)])
    whole = Whole(phrase=phrase_id((SENTENCE,)), prompt="hello", language="en", file="en/whole.wav", seconds=1.5)
    told = msgspec.json.decode((sounds / MANIFEST).read_bytes(), type=Manifest)
    (sounds / MANIFEST).write_bytes(msgspec.json.encode(msgspec.structs.replace(told, wholes=(whole,))))
    (report,) = check_voice(book, sounds, ["en"])
    assert report.faults == ()
    assert SENTENCE.text not in report.synthetic


def test_a_recording_that_was_placed_is_heard_before_it_is_levelled(tmp_path: Path) -> None:
    book, sounds = made(tmp_path, {})
    path = tmp_path / "hello.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(array("h", ([32767] * 20 + [-32767] * 20) * 200).tobytes())
    placed = Recording(path=path, name="hello", language="en", phrase=(SENTENCE,))
    (report,) = check_voice(book, sounds, ["en"], [placed])
    newer = "is newer than what callers hear; run: pbx-bridge prompts render"
    clipped = "is clipped: the tops of its waves are cut off for 1000 ms"
    assert report.faults == tuple(
        Fault(language="en", file=str(path), text=SENTENCE.text, reason=reason) for reason in (newer, clipped)
    )
    assert taken_file(placed).startswith("en/recorded-")
