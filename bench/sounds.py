"""Cuts the sound files of an Asterisk short, so that callers come and go faster than people do."""

from __future__ import annotations

import wave
from pathlib import Path

_LEAST_FRAMES = 160  # 20 ms: one packet
_MARK = ".cut"


def cut_sounds(folder: Path, share: float) -> None:
    """Keep that share of each wav file in the folder, from its beginning. A file that is being played plays on.

    Once for a folder: cut to the same share already, it stays as it is. Raises ValueError for another share.
    """
    mark = folder / _MARK
    if mark.exists():
        if mark.read_text(encoding="utf-8") != f"{share}":
            raise ValueError(f"the sounds are cut to {mark.read_text(encoding='utf-8')} already")
        return
    for path in folder.rglob("*.wav"):
        with wave.open(str(path), "rb") as sound:
            form, frames = sound.getparams(), sound.getnframes()
            data = sound.readframes(max(_LEAST_FRAMES, round(frames * share)))
        draft = path.with_suffix(".cut")
        with wave.open(str(draft), "wb") as short:
            short.setparams(form)
            short.writeframes(data)
        draft.replace(path)
    mark.write_text(f"{share}", encoding="utf-8")


def longest_s(folder: Path, name: str) -> float:
    """Seconds of the longest wav file of that name under the folder; 0 if there is none."""
    longest = 0.0
    for path in folder.rglob(name):
        with wave.open(str(path), "rb") as sound:
            longest = max(longest, sound.getnframes() / sound.getframerate())
    return longest
