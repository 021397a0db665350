"""Recordings come in through sox: the good ones as Asterisk plays them, of each bad one the reason."""

from __future__ import annotations

import math
import os
import shutil
import stat
import subprocess
import wave
import zipfile
from array import array
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import needs

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.sounds import audio, decode, loudness
from pbx_bridge.ivr.sounds.intake import Refused, Taken, import_takes
from pbx_bridge.ivr.sounds.recordings import find_recordings, unrecorded
from pbx_bridge.ivr.sounds.script import script

TAKES = Path(__file__).parents[1] / "takes"
SHIPPED = PromptBook.load()


def take(path: Path, seconds: float, *, strength: float = 0.3, rate: int = 44100, channels: int = 2) -> Path:
    """A wav file as a studio makes it, with half a second of silence around the sound."""
    rest = [0.0] * (rate // 2)
    told = [
        math.sin(math.tau * 300 * i / rate) * (0.6 + 0.4 * math.sin(9 * i / rate)) for i in range(int(seconds * rate))
    ]
    samples = array("h", (round(32767 * max(-1.0, min(1.0, strength * v))) for v in rest + told + rest))
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as sound:
        sound.setparams((channels, 2, rate, 0, "NONE", ""))
        sound.writeframes(array("h", (s for s in samples for _ in range(channels))).tobytes())
    return path


def reasons(told: tuple[Taken | Refused, ...]) -> dict[str, str]:
    return {each.shown: each.reason if isinstance(each, Refused) else "taken" for each in told}


def test_good_ones_go_in_and_bad_ones_are_named(tmp_path: Path) -> None:
    needs("sox")
    source, home = tmp_path / "in", tmp_path / "recordings"
    take(source / "fa/welcome.wav", 3.0)
    take(source / "fa/goodbye.wav", 0.3)
    take(source / "fa/nobody.wav", 60.0, rate=8000)
    take(source / "fa/to_person.wav", 4.0, strength=3.0)
    take(source / "fa/one_moment.wav", 2.0, strength=0.0)
    take(source / "fa/typo.wav", 1.0)
    take(source / "top.wav", 1.0)
    (source / "fa/menu.wav").write_bytes(b"RIFF\x10\0\0\0WAVEjunk")
    (source / "fa/menu_wrong.mp3").write_bytes(b"an mp3, honestly")
    told = reasons(import_takes(SHIPPED, source, home))
    assert told.pop("fa/welcome.wav") == "taken"
    assert told.pop("fa/goodbye.wav").startswith("is too short for its text: 0.3")
    assert told.pop("fa/nobody.wav").startswith("is too long for its text: 60")
    assert told.pop("fa/to_person.wav").startswith("is clipped: the tops of its waves are cut off for ")
    assert told.pop("fa/one_moment.wav") == "is silent"
    assert told.pop("fa/typo.wav") == "has an unknown name: no line of the script of 'fa' is called so"
    assert told.pop("top.wav") == "stands in no folder named by its language (en, fa); or say --language"
    assert told.pop("fa/menu.wav").startswith("is broken: ")
    assert told.pop("fa/menu_wrong.mp3") == "is no wav, mp3 or m4a file, whatever its name says"
    assert told == {}
    assert [str(p.relative_to(home)) for p in home.rglob("*.wav")] == ["fa/welcome.wav"]
    heard = loudness.hear(audio.read_wav(home / "fa/welcome.wav"))
    assert heard is not None
    assert heard.seconds == pytest.approx(3.0, abs=0.08)
    assert heard.level == pytest.approx(audio.LEVEL, abs=0.5)
    assert stat.S_IMODE((home / "fa/welcome.wav").stat().st_mode) == 0o644


def test_every_line_of_a_script_is_taken_back_and_used(tmp_path: Path) -> None:
    """The names of the script, as a zip, for one language: what `render` then finds is every one of them."""
    needs("sox")
    lines = [line for line in script(SHIPPED, "en") if len(line.phrase) == 1][:6]
    lines += script(SHIPPED, "en")[-6:]
    with zipfile.ZipFile(tmp_path / "takes.zip", "w") as packed:
        for line in lines:
            packed.write(take(tmp_path / "x.wav", 0.05 * len(line.text), rate=16000, channels=1), f"{line.name}.WAV")
    told = import_takes(SHIPPED, tmp_path / "takes.zip", tmp_path / "recordings", language="en")
    assert set(reasons(told).values()) == {"taken"}
    clips = SHIPPED.clips(SHIPPED.keys("en"), "en")
    found = find_recordings(SHIPPED, tmp_path / "recordings", clips)
    assert {recording.phrase for recording in found} == {line.phrase for line in lines}


def test_a_dry_run_writes_nothing_and_says_the_same(tmp_path: Path) -> None:
    needs("sox")
    take(tmp_path / "in/fa/welcome.wav", 3.0)
    take(tmp_path / "in/fa/goodbye.wav", 0.1)
    dry = import_takes(SHIPPED, tmp_path / "in", tmp_path / "recordings", dry_run=True)
    assert not (tmp_path / "recordings").exists()
    assert reasons(dry) == reasons(import_takes(SHIPPED, tmp_path / "in", tmp_path / "recordings"))


def test_a_recording_is_outdated_when_its_words_change(tmp_path: Path) -> None:
    needs("sox")

    def outdated(*texts: str) -> list[bool]:
        lines = [f"{key}: {text}\n" for key, text in zip("ab", texts, strict=True)]
        (tmp_path / "en.yaml").write_text("".join(lines), encoding="utf-8")
        book = PromptBook.load(tmp_path)
        found = find_recordings(book, tmp_path / "recordings", book.clips(book.keys("en"), "en"))
        assert len(unrecorded(script(book, "en"), found)) == sum(each.outdated for each in found)
        return [each.outdated for each in found]

    (tmp_path / "en.yaml").write_text("a: Good day to you.\nb: Come again. Goodbye.\n", encoding="utf-8")
    take(tmp_path / "in/a.wav", 1.5)
    take(tmp_path / "in/b.wav", 2.0)
    import_takes(PromptBook.load(tmp_path), tmp_path / "in", tmp_path / "recordings", language="en")
    assert outdated("Good day to you.", "Come again. Goodbye.") == [False, False]
    assert outdated("Good day to you.", "Go away. Goodbye.") == [False, True]
    take(tmp_path / "recordings/en/b.wav", 1.9)  # by hand, for the new words
    assert outdated("Good day to you.", "Go away. Goodbye.") == [False, False]


def test_of_two_takes_of_a_line_the_first_is_taken(tmp_path: Path) -> None:
    needs("sox")
    take(tmp_path / "in/a/welcome.wav", 2.0)
    take(tmp_path / "in/b/Welcome.wav", 3.0)
    told = reasons(import_takes(SHIPPED, tmp_path / "in", tmp_path / "recordings", language="en"))
    assert told == {"a/welcome.wav": "taken", "b/Welcome.wav": "says the same as a/welcome.wav, which was taken"}


def test_a_language_without_prompts_and_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    needs("sox")
    take(tmp_path / "in/fa/welcome.wav", 3.0)
    with pytest.raises(PromptError, match="no prompts in language 'xx'; there are: en, fa"):
        import_takes(SHIPPED, tmp_path / "in", tmp_path / "recordings", language="xx")
    (tmp_path / "file").touch()
    with pytest.raises(PromptError, match=r"file.*: cannot be written"):
        import_takes(SHIPPED, tmp_path / "in", tmp_path / "file")


@pytest.mark.parametrize("form", ["mp3", "m4a"])
def test_compressed_forms_are_read_or_the_package_is_named(tmp_path: Path, form: str) -> None:
    needs("sox")
    (tmp_path / "en").mkdir()
    shutil.copy(TAKES / f"goodbye.{form}", tmp_path / "en")
    told = import_takes(SHIPPED, tmp_path, tmp_path / "recordings")
    formats = subprocess.run(["sox", "--help"], capture_output=True, text=True, check=False).stdout.split()
    if shutil.which("ffmpeg") or (form == "mp3" and form in formats):
        assert reasons(told) == {f"en/goodbye.{form}": "taken"}
        assert audio.seconds(tmp_path / "recordings/en/goodbye.wav") == pytest.approx(1.6, abs=0.4)
    else:
        package = {"mp3": "libsox-fmt-mp3", "m4a": "ffmpeg"}[form]
        reason = f"no program here reads {form}; install one with: apt-get install {package}"
        assert reasons(told) == {f"en/goodbye.{form}": reason}


def test_ffmpeg_is_told_the_form_and_gets_no_name_from_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in writes down what it was told, and answers with a wav file."""
    needs("sox", "sh")
    take(tmp_path / "answer.wav", 1.5, rate=22050, channels=1)
    program = tmp_path / "bin/ffmpeg"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/told\ncat {tmp_path}/answer.wav\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    sound = decode.decode((TAKES / "goodbye.m4a").read_bytes())
    assert (sound.rate, round(sound.seconds, 1)) == (22050, 2.5)
    told = (tmp_path / "told").read_text(encoding="utf-8")
    assert " -f mov -i file:/" in told
    assert "-protocol_whitelist file,pipe" in told
    assert f"-t {decode.LONGEST_S + 1}" in told
    assert "goodbye" not in told


def test_two_hours_are_not_decoded_to_their_end(tmp_path: Path) -> None:
    needs("sox")
    path = tmp_path / "in/fa/welcome.wav"
    path.parent.mkdir(parents=True)
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 1, 4000, 0, "NONE", ""))
        sound.writeframes(b"\x80\xff" * (2 * 3600 * 2000))
    assert len(decode.decode(path.read_bytes()).samples) == (decode.LONGEST_S + 1) * 4000
    told = reasons(import_takes(SHIPPED, tmp_path / "in", tmp_path / "recordings"))
    assert told == {"fa/welcome.wav": f"is too long: more than {decode.LONGEST_S} s"}


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"RIFF\0\0\0\0WAVEfmt ", "wav"),
        (b"\0\0\0\x20ftypM4A ", "m4a"),
        (b"ID3\x04", "mp3"),
        (b"\xff\xfb\x90\x64", "mp3"),
        (b"\xff\xf3\x40", "mp3"),
        (b"\xff\xf1\x50\x80", None),  # AAC without a container
        (b"#EXTM3U\nfile:///etc/passwd", None),
        (b"OggS", None),
        (b"", None),
        (b"\xff", None),
    ],
)
def test_a_form_is_told_by_its_first_bytes(content: bytes, form: str | None) -> None:
    assert decode.form_of(content) == form


STARTS = [b"RIFF\xff\xff\xff\xffWAVEfmt ", b"ID3\x04\0\0", b"\0\0\0\x20ftypM4A "]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(STARTS), st.binary(max_size=300))
def test_whatever_follows_the_first_bytes_is_sound_or_a_clear_line(start: bytes, rest: bytes) -> None:
    needs("sox")
    try:
        sound = decode.decode(start + rest)
    except ValueError as error:
        said = str(error)
        assert said.isprintable()
        assert said.startswith(("is broken: ", "no program here reads "))
    else:
        assert sound.seconds <= decode.LONGEST_S + 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (STARTS[0], "install it with: apt-get install sox"),
        (STARTS[1], "no program here reads mp3; install one with: apt-get install libsox-fmt-mp3"),
        (STARTS[2], "no program here reads m4a; install one with: apt-get install ffmpeg"),
    ],
)
def test_without_a_program_the_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, reason: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match=f"^{reason}$"):
        decode.decode(content)


@pytest.mark.parametrize(
    ("script_of_sox", "reason"),
    [
        ("exit 127", "install it with: apt-get install sox"),
        ("printf 'sox FAIL\\033[2J: bad\\n' >&2; exit 2", r"is broken: sox FAIL\[2J: bad"),
        ("exit 0", "is broken: there is no sound in it"),
        ("echo no wav", "is broken: no sound came out of it"),
    ],
)
def test_what_sox_says_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script_of_sox: str, reason: str
) -> None:
    needs("sh")
    program = tmp_path / "sox"
    program.write_text(f"#!/bin/sh\n{script_of_sox}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(ValueError, match=f"^{reason}$"):
        decode.decode(STARTS[0])
