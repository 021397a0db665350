"""What is in a recorded message: how long it is, and whether anything was said at all. Blocking."""

from __future__ import annotations

import os
import sys
from array import array
from dataclasses import dataclass
from pathlib import Path

from pbx_bridge.spool.plain_files import open_plain
from pbx_bridge.spool.recording_files import HEAD, length_us

_FRAME = 160  # samples, 20 ms
_LOUD = 100  # mean of a frame's samples, of 32767: a line's noise is below, a whisper above
_LEAST_LOUD = 5  # frames: 0.1 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """Seconds of sound; `audible`: some of it is more than a line's noise."""

    seconds: float
    audible: bool


def listen(path: Path) -> Sound:
    """What a WAV as Asterisk writes it holds, also one whose header was never finished. Raises OSError."""
    with open_plain(path) as file:
        head = file.read(HEAD)
        size = os.fstat(file.fileno()).st_size
        loud = 0
        while loud < _LEAST_LOUD and (frame := file.read(2 * _FRAME)):
            loud += _is_loud(frame)
    return Sound(seconds=length_us(head, size) / 1_000_000, audible=loud >= _LEAST_LOUD)


def _is_loud(frame: bytes) -> bool:
    samples = array("h", frame[: len(frame) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    return bool(samples) and sum(map(abs, samples)) / len(samples) >= _LOUD
