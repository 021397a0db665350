"""Sound as Asterisk plays it: 8 kHz, mono, 16 bit. Trims and levels samples; reads and writes wav files.

In plain Python on short clips: a second of speech costs about 2 ms, once, when it is rendered.
"""

from __future__ import annotations

import math
import os
import threading
import wave
from array import array
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from pbx_bridge.errors import PromptError

RATE = 8000  # samples a second
LEVEL = -20.0  # dBFS: the loudness of speech in every clip, its pauses left out

_FRAME = RATE // 100
_SILENT_BELOW = 42.0  # dB under the loudest frame; an s or f at a word's end is some 30 dB under its vowel
_SPEECH_ABOVE = 25.0  # dB under the loudest frame that still counts as speech for the level
_MARGIN = 2  # frames of silence kept at either end, so that no soft onset is cut
_KNEE = 0.7  # of full scale: louder samples are bent, never cut
_FULL = 32767.0


def finish(samples: array[int]) -> array[int]:
    """The samples without silence at the ends and at the common level. Raises ValueError if there is no speech."""
    loudness = [_rms(samples[at : at + _FRAME]) for at in range(0, len(samples) - _FRAME + 1, _FRAME)]
    loudest = max(loudness, default=0.0)
    if loudest < 10.0:
        raise ValueError("there is nothing to hear in it")
    heard = [i for i, value in enumerate(loudness) if value > loudest / _ratio(_SILENT_BELOW)]
    speech = [value for value in loudness if value > loudest / _ratio(_SPEECH_ABOVE)]
    level = math.sqrt(sum(value * value for value in speech) / len(speech))
    gain = _FULL * _ratio(LEVEL) / level
    start, end = max(0, heard[0] - _MARGIN) * _FRAME, (heard[-1] + 1 + _MARGIN) * _FRAME
    return _faded(array("h", (_bent(sample * gain) for sample in samples[start:end])))


def silence(milliseconds: int) -> array[int]:
    """Nothing to hear."""
    return array("h", bytes(2 * (RATE * milliseconds // 1000)))


def seconds(path: Path) -> float | None:
    """The length of a wav file of ours; None if there is none or it is not whole."""
    try:
        with wave.open(str(path), "rb") as sound:
            return sound.getnframes() / RATE if sound.getframerate() == RATE and sound.getnframes() else None
    except (OSError, EOFError, wave.Error):
        return None


def read_wav(path: Path) -> array[int]:
    """The samples of a wav file of ours. Raises PromptError."""
    try:
        with wave.open(str(path), "rb") as sound:
            return array("h", sound.readframes(sound.getnframes()))
    except (OSError, EOFError, wave.Error, ValueError) as error:
        raise PromptError(f"is no sound file of ours: {error}", path=path) from None


def write_wav(path: Path, pieces: Iterable[array[int]]) -> float:
    """Write samples as one file, which appears whole or not at all; its length in seconds. Raises OSError."""
    held = BytesIO()
    with wave.open(held, "wb") as sound:
        sound.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
        for piece in pieces:
            sound.writeframes(piece.tobytes())
        length = sound.getnframes() / RATE
    write_whole(path, held.getvalue())
    return length


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all, readable by Asterisk's user. Raises OSError."""
    if not path.parent.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o755)
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        part.write_bytes(content)
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _rms(frame: array[int]) -> float:
    return math.sqrt(sum(sample * sample for sample in frame) / len(frame))


def _ratio(decibels: float) -> float:
    return float(10 ** (decibels / 20))


def _bent(sample: float) -> int:
    size = abs(sample) / _FULL
    if size > _KNEE:
        size = _KNEE + (1 - _KNEE) * math.tanh((size - _KNEE) / (1 - _KNEE))
        return round(math.copysign(size * _FULL, sample))
    return round(sample)


def _faded(samples: array[int]) -> array[int]:
    """5 ms of fade at both ends: a clip cut above zero would click."""
    span = min(RATE // 200, len(samples) // 2)
    for i in range(span):
        samples[i] = samples[i] * i // span
        samples[-1 - i] = samples[-1 - i] * i // span
    return samples
