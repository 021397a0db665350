"""What samples sound like: how loud the speech in them is, where it begins and ends, how long it pauses. Pure.

Loudness is the RMS over the frames of speech, those within 25 dB of the loudest, and not that of EBU R 128: most
clips are one word and shorter than a single of its 400 ms blocks, so it has no figure for them; and its weighting by
frequency changes next to nothing within the band of a phone. What it does, leaving pauses out, is done here as well.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

RATE = 8000  # samples a second
FRAME = RATE // 100  # samples: 10 ms
FULL = 32767.0
CLIPPED_MS = 1.0  # of cut off wave tops are heard as crackling

_SILENT_BELOW = 38.0  # dB under the loudest frame; an s or f at a word's end is some 30 dB under its vowel
_SPEECH_ABOVE = 25.0  # dB under the loudest frame that still counts as speech
_NOTHING = 10.0  # a loudest frame under this, of 32767, is no sound at all
_ROOM = 30  # frames: no sound of a word is as quiet and as even for so long, so it is the room that is heard
_EVEN = 10.0  # dB between the loudest and the quietest frame of a room
_OVER_ROOM = 3.0  # dB over the room's noise that still is room
_TOP = 32700  # samples at or over this are at full scale
_FLAT = 3  # samples in a row at full scale: the top of a wave was cut off


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What can be told of a sound; lengths in seconds.

    Attributes:
        level: loudness of its speech, dBFS.
        lead, tail: silence before and after.
        pause: the longest silence within.
    """

    seconds: float
    level: float
    lead: float
    tail: float
    pause: float


def hear(samples: array[int]) -> Heard | None:
    """Measure a sound at `RATE`; None if there is nothing to hear in it."""
    loudness = frames(samples)
    if is_silent(loudness):
        return None
    quiet = max(loudness) / ratio(_SILENT_BELOW)
    heard = [i for i, value in enumerate(loudness) if value > quiet]
    return Heard(
        seconds=len(samples) / RATE,
        level=level(loudness),
        lead=heard[0] * FRAME / RATE,
        tail=(len(samples) - (heard[-1] + 1) * FRAME) / RATE,
        pause=max((b - a - 1 for a, b in pairwise(heard)), default=0) * FRAME / RATE,
    )


def frames(samples: array[int]) -> list[float]:
    """The RMS of each whole 10 ms, of 32767."""
    return [_rms(samples[at : at + FRAME]) for at in range(0, len(samples) - FRAME + 1, FRAME)]


def is_silent(loudness: Sequence[float]) -> bool:
    """Whether there is nothing to hear."""
    return max(loudness, default=0.0) < _NOTHING


def level(loudness: Sequence[float]) -> float:
    """The loudness of speech over frames that are not silent, in dBFS."""
    floor = max(loudness) / ratio(_SPEECH_ABOVE)
    speech = [value * value for value in loudness if value > floor]
    return 10 * math.log10(sum(speech) / len(speech)) - 20 * math.log10(FULL)


def heard_frames(loudness: Sequence[float]) -> list[int]:
    """The numbers of the frames that are neither silence nor the room of a take; never empty."""
    quiet = quiet_below(loudness)
    return [i for i, value in enumerate(loudness) if value > quiet]


def quiet_below(loudness: Sequence[float]) -> float:
    """What is not louder than this is silence: 38 dB under the loudest frame, or the room where it is louder."""
    loudest = max(loudness)
    speech, silence = loudest / ratio(_SPEECH_ABOVE), loudest / ratio(_SILENT_BELOW)
    rooms = [max(window) for window in _windows(loudness, speech) if max(window) <= min(window) * ratio(_EVEN)]
    return max(silence, min(min(rooms, default=0.0) * ratio(_OVER_ROOM), speech))


def clipped_ms(samples: array[int], rate: int = RATE) -> float:
    """For how many milliseconds the tops of the waves are cut off."""
    if not samples or (max(samples) < _TOP and min(samples) > -_TOP):
        return 0.0
    sides = groupby(samples, key=lambda s: (s >= _TOP) - (s <= -_TOP))
    runs = [sum(1 for _ in group) for side, group in sides if side]
    return 1000 * sum(run for run in runs if run >= _FLAT) / rate


def ratio(decibels: float) -> float:
    """What a level is multiplied by to be so much higher."""
    return float(10 ** (decibels / 20))


def _windows(loudness: Sequence[float], speech: float) -> Iterator[Sequence[float]]:
    """Every stretch that is long enough to be the room and holds no speech."""
    for loud, group in groupby(loudness, key=lambda value: value > speech):
        stretch = [] if loud else list(group)
        yield from (stretch[at : at + _ROOM] for at in range(len(stretch) - _ROOM + 1))


def _rms(frame: array[int]) -> float:
    return math.sqrt(sum(sample * sample for sample in frame) / len(frame))
