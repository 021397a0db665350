"""Sound as Asterisk plays it: 8 kHz, mono, 16 bit. Trims and levels samples; reads and writes wav files.

In plain Python on short clips: a second of speech costs about 2 ms, once, when it is rendered.
"""

from __future__ import annotations

import math
import os
import threading
import wave
from array import array
from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import pairwise
from pathlib import Path

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.sounds import loudness
from pbx_bridge.ivr.sounds.loudness import FRAME, FULL, ratio

RATE = loudness.RATE  # samples a second
EDITION = "2"  # part of every clip's name: to be raised whenever the same sound would come out differently
LEVEL = -20.0  # dBFS: the loudness of speech in every clip, its pauses left out
PAUSE = 0.25  # s: the longest silence within a clip, which is a sentence or less
WHOLE_PAUSE = 0.6  # s: the same within a recording of several sentences

_MARGIN = 2  # frames of silence kept at either end, so that no soft onset is cut
_KNEE = 0.7  # of full scale: louder samples are bent, never cut
_NEAR = 0.1  # dB off the level that need no further turn
_TURNS = 4


def finish(samples: array[int], longest_pause: float = PAUSE) -> array[int]:
    """The samples at the common level, without silence at the ends and with no longer pause (s) within.

    Raises ValueError if there is nothing to hear.
    """
    loud = loudness.frames(samples)
    if loudness.is_silent(loud):
        raise ValueError("there is nothing to hear in it")
    kept = array("h")
    for start, end in _kept(loudness.heard_frames(loud), round(longest_pause * RATE / FRAME)):
        kept += samples[max(0, start) * FRAME : end * FRAME]
    return _faded(_levelled(kept))


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


def _kept(heard: list[int], longest: int) -> Iterator[tuple[int, int]]:
    """The stretches of frames to keep: all between the first and the last heard but the middle of long pauses."""
    start = heard[0] - _MARGIN
    for last, following in pairwise(heard):
        silent = following - last - 1
        if silent > longest:
            yield start, last + 1 + (longest + 1) // 2
            start = following - longest // 2
    yield start, heard[-1] + 1 + _MARGIN


def _levelled(samples: array[int]) -> array[int]:
    """At the common level. Bending peaks takes some of it away, so that is made up for."""
    gain = ratio(LEVEL - loudness.level(loudness.frames(samples)))
    if max(max(samples), -min(samples)) * gain <= _KNEE * FULL:
        return array("h", (round(sample * gain) for sample in samples))
    bent = _gained(samples, gain)
    for _ in range(_TURNS):
        lacking = LEVEL - loudness.level(loudness.frames(bent))
        if lacking < _NEAR:
            break
        gain *= ratio(lacking)
        bent = _gained(samples, gain)
    return bent


def _gained(samples: array[int], gain: float) -> array[int]:
    return array("h", (_bent(sample * gain) for sample in samples))


def _bent(sample: float) -> int:
    size = abs(sample) / FULL
    if size > _KNEE:
        size = _KNEE + (1 - _KNEE) * math.tanh((size - _KNEE) / (1 - _KNEE))
        return round(math.copysign(size * FULL, sample))
    return round(sample)


def _faded(samples: array[int]) -> array[int]:
    """5 ms of fade at both ends: a clip cut above zero would click."""
    span = min(RATE // 200, len(samples) // 2)
    for i in range(span):
        samples[i] = samples[i] * i // span
        samples[-1 - i] = samples[-1 - i] * i // span
    return samples
