"""What a waiting caller hears: a soft chime every few seconds, made here, because no free hold music is packaged."""

from __future__ import annotations

import io
import math
import struct
import wave
from pathlib import Path

_RATE = 8000
_LOUDEST = 32767
_FALL_S = 0.9  # time constant of a note's fading

# (start in seconds, frequency in Hz, loudness 0..1): two quiet rising figures, then a breath.
_NOTES = (
    *((0.0, 523.25, 0.10), (0.45, 659.25, 0.10), (0.90, 783.99, 0.10), (1.35, 1046.50, 0.07)),
    *((5.0, 587.33, 0.09), (5.45, 698.46, 0.09), (5.90, 880.00, 0.09), (6.35, 783.99, 0.08)),
)
_LENGTH_S = 10.0


def hold_music() -> bytes:
    """A wav file of ten seconds, 8 kHz mono 16 bit, that loops without a seam."""
    count = int(_LENGTH_S * _RATE)
    sound = [0.0] * count
    for start, frequency, loudness in _NOTES:
        first = int(start * _RATE)
        for i in range(int(4 * _FALL_S * _RATE)):
            sound[(first + i) % count] += loudness * _note(i / _RATE, frequency)
    body = struct.pack(f"<{count}h", *(round(_LOUDEST * max(-1.0, min(1.0, value))) for value in sound))
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(_RATE)
        out.writeframes(body)
    return file.getvalue()


def _note(at: float, frequency: float) -> float:
    attack = min(1.0, at / 0.02)
    tone = math.sin(2 * math.pi * frequency * at) + 0.25 * math.sin(4 * math.pi * frequency * at)
    return attack * math.exp(-at / _FALL_S) * tone


def place_music(folder: Path) -> None:
    """Put the hold music in a folder that has none; an operator's own files stay as they are."""
    if not any(folder.glob("*.wav")):
        (folder / "chime.wav").write_bytes(hold_music())
