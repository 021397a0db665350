"""Brings recordings of the usual forms to samples: wav and mp3 by sox, mp3 and m4a by ffmpeg.

Both are programs, never imported. What is given may be hostile: the form is told from the first bytes and never
guessed by a program, no name of a file reaches a command, and no more than `LONGEST_S` seconds are given back.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import wave
from array import array
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

Form = Literal["wav", "mp3", "m4a"]

FORMS: tuple[Form, ...] = ("wav", "mp3", "m4a")
LONGEST_S = 120  # s: nobody listens to more
LARGEST = 48 * 1024 * 1024  # bytes: two minutes of studio sound (48 kHz, 32 bit, two channels)

_WITHIN_S = 60
_GET_SOX = "install it with: apt-get install sox"
_GET_MP3 = "no program here reads mp3; install one with: apt-get install libsox-fmt-mp3"
_GET_M4A = "no program here reads m4a; install one with: apt-get install ffmpeg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A recording as 16 bit mono at its own rate."""

    samples: array[int]
    rate: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.samples) / self.rate

    def wav(self) -> bytes:
        """As a wav file."""
        held = BytesIO()
        with wave.open(held, "wb") as sound:
            sound.setparams((1, 2, self.rate, 0, "NONE", "not compressed"))
            sound.writeframes(self.samples.tobytes())
        return held.getvalue()


def form_of(content: bytes) -> Form | None:
    """What a file is by its first bytes, whatever it is called."""
    if content[:4] in {b"RIFF", b"RF64"} and content[8:12] == b"WAVE":
        return "wav"
    if content[4:8] == b"ftyp":
        return "m4a"
    if content[:3] == b"ID3" or (len(content) > 1 and content[0] == 0xFF and content[1] & 0xE6 == 0xE2):
        return "mp3"
    return None


def decode(content: bytes, prefix: tuple[str, ...] = ()) -> Decoded:
    """The sound of a file, cut off after `LONGEST_S` and a second.

    Args:
        prefix: how to run sox, see `speakers.find_prefix`; ffmpeg is run on the host.

    Raises ValueError saying what is wrong with it, or which package to install.
    """
    form = form_of(content)
    if form is None:
        raise ValueError("is no wav, mp3 or m4a file, whatever its name says")
    return _read(_to_wav(content, form, prefix))


def _to_wav(content: bytes, form: Form, prefix: tuple[str, ...]) -> bytes:
    match form:
        case "wav":
            return _sox(content, form, prefix)
        case "mp3" if _sox_reads_mp3(prefix):
            return _sox(content, form, prefix)
        case "mp3":
            return _ffmpeg(content, form, _GET_MP3)
        case "m4a":
            return _ffmpeg(content, form, _GET_M4A)


def _sox(content: bytes, form: Form, prefix: tuple[str, ...]) -> bytes:
    told = ["-t", form, "-", "-c", "1", "-b", "16", "-e", "signed-integer", "-t", "wav", "-"]
    return _run([*prefix, "sox", "-D", "-V1", *told, "trim", "0", str(LONGEST_S + 1)], content, _GET_SOX)


def _ffmpeg(content: bytes, form: Form, get: str) -> bytes:
    """From a file, as an m4a's table of contents may stand at its end; `-f` keeps it from reading playlists."""
    demuxer = "mov" if form == "m4a" else "mp3"
    with tempfile.TemporaryDirectory(prefix="pbx-bridge-take-") as place:
        take = Path(place, "take")
        take.write_bytes(content)
        told = ["-nostdin", "-v", "error", "-protocol_whitelist", "file,pipe", "-f", demuxer, "-i", f"file:{take}"]
        ours = ["-t", str(LONGEST_S + 1), "-vn", "-sn", "-dn", "-ac", "1", "-c:a", "pcm_s16le", "-f", "wav", "pipe:1"]
        return _run(["ffmpeg", *told, *ours], b"", get)


def _sox_reads_mp3(prefix: tuple[str, ...]) -> bool:
    """Debian's sox reads mp3 only with a package of its own; without sox, ffmpeg is tried."""
    if shutil.which((*prefix, "sox")[0]) is None:
        return False
    told = subprocess.run([*prefix, "sox", "--help"], capture_output=True, check=False, timeout=_WITHIN_S)  # noqa: S603
    formats = [line for line in told.stdout.decode(errors="replace").splitlines() if "FILE FORMATS" in line]
    return any("mp3" in line.split() for line in formats)


def _run(command: list[str], given: bytes, get: str) -> bytes:
    try:
        done = subprocess.run(command, input=given, capture_output=True, check=False, timeout=_WITHIN_S)  # noqa: S603
    except FileNotFoundError:
        raise ValueError(get) from None
    except (OSError, subprocess.TimeoutExpired):
        raise ValueError("is broken: it could not be read within a minute") from None
    if done.returncode == 127:
        raise ValueError(get)
    if done.returncode != 0 or not done.stdout:
        raise ValueError(f"is broken: {_last_words(done.stderr)}")
    return done.stdout


def _last_words(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    words = lines[-1] if lines else "there is no sound in it"
    return "".join(letter for letter in words if letter.isprintable())[:200]


def _read(wav: bytes) -> Decoded:
    """A wav file from a pipe: its header says no length that could be trusted."""
    try:
        with wave.open(BytesIO(wav), "rb") as sound:
            rate, channels, width = sound.getframerate(), sound.getnchannels(), sound.getsampwidth()
            content = sound.readframes(len(wav) // 2)
    except (EOFError, wave.Error):
        raise ValueError("is broken: no sound came out of it") from None
    if (channels, width) != (1, 2) or not 4000 <= rate <= 192_000:
        raise ValueError(f"is broken: it claims {rate} samples a second")
    return Decoded(samples=array("h", content[: len(content) // 2 * 2]), rate=rate)
