"""Is this clip in that recording? Compares how loudness moves, 100 times a second, in plain Python.

Speech of a second or more is told apart well by its envelope alone, and codec, gain and resampling change it little.
"""

from __future__ import annotations

import array
import math
import wave
from dataclasses import dataclass
from pathlib import Path

_FRAMES_PER_S = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The best place of a clip in a recording: seconds from its begin, and likeness from -1 to 1."""

    at_s: float
    likeness: float


def envelope(path: Path) -> list[float]:
    """Loudness of a 16-bit mono wav, one number for each 10 ms: the log of its mean square."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2), path
        samples = array.array("h", file.readframes(file.getnframes()))
        size = file.getframerate() // _FRAMES_PER_S
    return [
        math.log10(sum(s * s for s in samples[start : start + size]) / size + 100.0)
        for start in range(0, len(samples) - size + 1, size)
    ]


def seconds(path: Path) -> float:
    """A wav file's length."""
    with wave.open(str(path), "rb") as file:
        return file.getnframes() / file.getframerate()


def find(clip: Path, recording: Path) -> Match:
    """Where the clip is most alike to the recording."""
    wanted, heard = envelope(clip), envelope(recording)
    if len(wanted) > len(heard):
        return Match(at_s=0.0, likeness=0.0)
    mean = sum(wanted) / len(wanted)
    shape = [value - mean for value in wanted]
    power = math.sqrt(sum(value * value for value in shape))
    best = Match(at_s=0.0, likeness=-1.0)
    for start in range(len(heard) - len(wanted) + 1):
        likeness = _likeness(shape, power, heard[start : start + len(wanted)])
        if likeness > best.likeness:
            best = Match(at_s=start / _FRAMES_PER_S, likeness=likeness)
    return best


def _likeness(shape: list[float], power: float, window: list[float]) -> float:
    mean = sum(window) / len(window)
    own = math.sqrt(sum((value - mean) ** 2 for value in window))
    if own < 1e-9 or power < 1e-9:
        return 0.0
    return sum(a * b for a, b in zip(shape, window, strict=True)) / (power * own)  # the shape's mean is 0
