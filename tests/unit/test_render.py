"""Rendering with the real programs: once, levelled, trimmed; recordings win; errors say what to install."""

from __future__ import annotations

import math
import os
import shutil
import sys
import wave
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from programs import needs

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.phrase import Clip
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.sounds import audio
from pbx_bridge.ivr.sounds.recordings import find_recordings
from pbx_bridge.ivr.sounds.render import FIXED, RenderReport, prepare, publish, render
from pbx_bridge.ivr.sounds.speakers import Espeak, Piper, Source, Speaker, find_prefix, find_speaker
from pbx_bridge.ivr.sounds.voice import Voice, phrase_id, read_manifest

ENGLISH = (Clip("en", "two"), Clip("en", "six"), Clip("en", "For English, press 2."))
PERSIAN = (Clip("fa", "بیستُ پنج"), Clip("fa", "نُه"), Clip("fa", "لطفاً منتظر بمانید."))


@dataclass
class Counting:
    """A real speaker whose texts are counted."""

    speaker: Speaker
    asked: list[str] = field(default_factory=list)

    @property
    def source(self) -> Source:
        return self.speaker.source

    @property
    def voice_id(self) -> str:
        return self.speaker.voice_id

    def speak(self, texts: Sequence[str]) -> Iterator[bytes]:
        self.asked += texts
        return self.speaker.speak(texts)


def frames(path: Path) -> list[float]:
    """Loudness of each 10 ms in dBFS."""
    with wave.open(str(path)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (8000, 1, 2)
        samples = array("h", sound.readframes(sound.getnframes()))
    assert max(map(abs, samples)) < 32767
    cut = [samples[i : i + 80] for i in range(0, len(samples) - 79, 80)]
    return [20 * math.log10(max(1.0, math.sqrt(sum(s * s for s in f) / 80)) / 32767) for f in cut]


def assert_level_and_trim(path: Path) -> None:
    loudness = frames(path)
    heard = [i for i, value in enumerate(loudness) if value > max(loudness) - 42]
    assert heard[0] <= 5
    assert len(loudness) - 1 - heard[-1] <= 5
    speech = [10 ** (value / 10) for value in loudness if value > max(loudness) - 25]
    assert 10 * math.log10(sum(speech) / len(speech)) == pytest.approx(audio.LEVEL, abs=3)


def espeak_book(folder: Path) -> PromptBook:
    folder.mkdir()
    texts = {"hello": "Hello. Good day.", "no": "No.", "all": "{{ s | prompt('st') }}", "st_no": "Nothing."}
    lines = [f'{key}: "{text}"\n' for key, text in {**texts, **dict.fromkeys(FIXED, "One. Two.")}.items()]
    (folder / "en.yaml").write_text("".join(lines), encoding="utf-8")
    return PromptBook.load(folder)


def test_clips_are_rendered_once(tmp_path: Path) -> None:
    needs("espeak-ng", "sox", "piper")
    speakers = {"fa": Counting(find_speaker("fa")), "en": Counting(find_speaker("joe"))}
    seen: list[tuple[int, int, str]] = []
    report = render(ENGLISH + PERSIAN, tmp_path, speakers, progress=lambda *step: seen.append(step))
    assert (report.rendered, report.kept) == (6, 0)
    assert [step[:2] for step in seen] == [(i, 6) for i in range(1, 7)]
    entries = read_manifest(tmp_path).clips
    assert {e.source for e in entries if e.language == "en"} == {"piper"}
    assert {e.source for e in entries if e.language == "fa"} == {"espeak"}
    for entry in entries:
        assert_level_and_trim(tmp_path / entry.file)
        assert 0.25 < entry.seconds < 4
    again = render((*ENGLISH, *PERSIAN, Clip("fa", "ده")), tmp_path, speakers)
    assert (again.rendered, again.kept) == (1, 6)
    assert speakers["fa"].asked.count("نُه") == 1
    assert len(speakers["en"].asked) == 3


def test_clips_of_an_earlier_run_stay_known(tmp_path: Path) -> None:
    needs("espeak-ng", "sox")
    speakers = {"fa": Espeak(voice="fa")}
    render(PERSIAN[:1], tmp_path, speakers)
    render(PERSIAN[1:], tmp_path, speakers)
    assert Voice.load(tmp_path).missing(PERSIAN) == []


def test_another_voice_makes_other_files(tmp_path: Path) -> None:
    needs("espeak-ng", "sox")
    clip = Clip("en", "two")
    render([clip], tmp_path, {"en": Espeak(voice="en-us")})
    first = Voice.load(tmp_path).media((clip,))
    report = render([clip], tmp_path, {"en": Espeak(voice="en-gb")})
    assert report.rendered == 1
    assert Voice.load(tmp_path).media((clip,)) != first


def test_an_interrupted_run_is_gone_on_with(tmp_path: Path) -> None:
    needs("espeak-ng", "sox")
    clips = [Clip("fa", text) for text in ("یک", "دو", "سه", "چهار", "پنج", "شش", "هفت", "هشت")]

    def stop(done: int, total: int, text: str) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(clips, tmp_path, {"fa": Espeak(voice="fa")}, progress=stop)
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]
    report = render(clips, tmp_path, {"fa": Espeak(voice="fa")})
    assert report.kept >= 3
    assert report.rendered == 8 - report.kept
    assert Voice.load(tmp_path).missing(clips) == []


def recorded(path: Path, seconds: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = array("h", (round(3000 * math.sin(i / 3)) for i in range(int(seconds * 8000))))
    audio.write_wav(path, [tone])


def prepared(tmp_path: Path, book: PromptBook) -> RenderReport:
    return prepare(book, tmp_path / "sounds", {"en": Espeak(voice="en-us")}, recordings=tmp_path / "recordings")


def test_a_recorded_prompt_wins_while_it_is_there(tmp_path: Path) -> None:
    needs("espeak-ng", "sox")
    book = espeak_book(tmp_path / "prompts")
    recorded(tmp_path / "recordings/en/hello.wav", 3.0)
    recorded(tmp_path / "recordings/en/st_no.wav", 2.0)
    recorded(tmp_path / "recordings/en" / f"{phrase_id((Clip('en', 'No.'),))}.wav", 1.0)
    recorded(tmp_path / "recordings/en/nobody.wav", 4.0)
    assert prepared(tmp_path, book).recorded == 4
    voice = Voice.load(tmp_path / "sounds")
    for key, values, seconds in (("hello", {}, 3.0), ("all", {"s": "no"}, 2.0), ("no", {}, 1.0)):
        (media,) = voice.media(book.phrase(key, "en", values))
        assert media.seconds == pytest.approx(seconds, abs=0.1)
        assert_level_and_trim(voice.path(media))
    assert audio.seconds(tmp_path / "sounds/fixed/en/nobody.wav") == pytest.approx(4.0, abs=0.1)
    shutil.rmtree(tmp_path / "recordings")
    prepared(tmp_path, book)
    voice = Voice.load(tmp_path / "sounds")
    assert len(voice.media(book.phrase("hello", "en"))) == 3
    assert {entry.source for entry in read_manifest(tmp_path / "sounds").clips} == {"espeak"}


def test_fixed_announcements_have_stable_names(tmp_path: Path) -> None:
    needs("espeak-ng", "sox")
    book = espeak_book(tmp_path / "prompts")
    prepared(tmp_path, book)
    voice = Voice.load(tmp_path / "sounds")
    for key in FIXED:
        path = tmp_path / "sounds/fixed/en" / f"{key}.wav"
        whole = sum(media.seconds for media in voice.media(book.phrase(key, "en")))
        assert audio.seconds(path) == pytest.approx(whole, abs=0.001)
        assert path.stat().st_mode & 0o777 == 0o644
    with pytest.raises(PromptError, match="'none' is missing"):
        publish(book, voice, ["none"], ["en"], tmp_path)


@pytest.mark.parametrize(
    ("name", "said"),
    [("typo", "no prompt is called 'typo' in language 'en'"), ("all", "says values too")],
)
def test_a_recording_of_no_prompt_is_refused(tmp_path: Path, name: str, said: str) -> None:
    book = espeak_book(tmp_path / "prompts")
    recorded(tmp_path / f"recordings/en/{name}.wav", 1.0)
    with pytest.raises(PromptError, match=rf"{name}\.wav: .*{said}"):
        find_recordings(book, tmp_path / "recordings", ())


@pytest.mark.parametrize("content", [b"no sound", b""])
def test_a_broken_recording_is_refused(tmp_path: Path, content: bytes) -> None:
    needs("sox")
    book = espeak_book(tmp_path / "prompts")
    (tmp_path / "recordings/en").mkdir(parents=True)
    (tmp_path / "recordings/en/no.wav").write_bytes(content)
    found = find_recordings(book, tmp_path / "recordings", ())
    with pytest.raises(PromptError, match=r"no\.wav: is no recording we can use"):
        render((), tmp_path / "sounds", {}, recordings=found)


def test_a_missing_program_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PromptError, match=r"espeak-ng is missing; install it with: apt-get install espeak-ng sox"):
        find_prefix(tmp_path)
    with pytest.raises(PromptError, match=r"espeak-ng is missing"):
        find_speaker("fa")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(PromptError, match=r"piper is missing; install it with: pip install 'pbx-bridge\[piper\]'"):
        list(Piper(model=tmp_path / "x.onnx").speak(["a"]))


def test_a_tree_with_the_programs_is_used_when_the_host_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (tmp_path / "usr/bin").mkdir(parents=True)
    for name in ("espeak-ng", "sox"):
        (tmp_path / "usr/bin" / name).touch()
    assert find_prefix(tmp_path) == ("chroot", str(tmp_path))


def test_a_prefix_runs_the_programs(tmp_path: Path) -> None:
    needs("espeak-ng", "sox", "env")
    render(PERSIAN[:1], tmp_path, {"fa": find_speaker("fa", ("env",))}, prefix=("env",))
    assert Voice.load(tmp_path).missing(PERSIAN[:1]) == []


def test_an_unknown_voice_is_refused(tmp_path: Path) -> None:
    needs("espeak-ng")
    with pytest.raises(PromptError, match="no voice is called 'nobody-we-know'"):
        find_speaker("nobody-we-know")
    with pytest.raises(PromptError, match=r"none\.onnx: a piper voice is"):
        find_speaker(str(tmp_path / "none.onnx"))


def test_a_failing_piper_is_told_by_its_last_words(tmp_path: Path) -> None:
    program = tmp_path / "piper"
    program.write_text("#!/bin/sh\necho starting >&2\necho no such model >&2\nexit 3\n", encoding="utf-8")
    program.chmod(0o755)
    (tmp_path / "x.onnx").touch()
    with pytest.raises(PromptError, match="piper failed: no such model"):
        list(Piper(model=tmp_path / "x.onnx", program=str(program)).speak(["a"]))


def test_a_language_without_a_speaker_and_an_unsayable_text_are_refused(tmp_path: Path) -> None:
    needs("espeak-ng", "sox")
    with pytest.raises(PromptError, match="nobody speaks language 'de'"):
        render([Clip("de", "Hallo.")], tmp_path, {})
    with pytest.raises(PromptError, match=r"the voice cannot say '\.'"):
        render([Clip("en", ".")], tmp_path, {"en": Espeak(voice="en-us")})


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    needs("espeak-ng", "sox")
    (tmp_path / "file").touch()
    with pytest.raises(PromptError, match=r"file.*: cannot be written"):
        render(PERSIAN[:1], tmp_path / "file", {"fa": Espeak(voice="fa")})
