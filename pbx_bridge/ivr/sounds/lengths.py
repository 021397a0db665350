"""How long a phrase may take to say, and how long it may pause: what is far off says other words, or half of them."""

from __future__ import annotations

from pbx_bridge.ivr.phrase import Clip, Pause, Phrase
from pbx_bridge.ivr.sounds.audio import PAUSE, WHOLE_PAUSE
from pbx_bridge.ivr.speech import shown

_DIGIT = 4  # letters that the name of a digit has
_FASTEST = {"fa": 0.045}  # s a letter: Persian leaves its short vowels out, so that a letter lasts longer
_SLOWEST = {"fa": 0.32}
_FASTEST_ELSE, _SLOWEST_ELSE = 0.022, 0.22
_SHORTEST, _LONGER = 0.05, 1.0  # s


def length_fault(seconds: float, phrase: Phrase) -> str | None:
    """What is wrong with the length of a phrase, its silence trimmed; None if it may be right."""
    least, most = plausible_seconds(phrase)
    if seconds < least:
        return f"too short for its text: {seconds:.2f} s, where {least:.2f} s is the least"
    if seconds > most:
        return f"too long for its text: {seconds:.2f} s, where {most:.2f} s is the most"
    return None


def plausible_seconds(phrase: Phrase) -> tuple[float, float]:
    """The least and the most that a person may need. From the fastest and the slowest voices of ours, with room."""
    clips = [item for item in phrase if isinstance(item, Clip)]
    pauses = sum(item.milliseconds for item in phrase if isinstance(item, Pause)) / 1000
    least = sum(_letters(clip) * _FASTEST.get(clip.language, _FASTEST_ELSE) for clip in clips)
    most = sum(_letters(clip) * _SLOWEST.get(clip.language, _SLOWEST_ELSE) for clip in clips)
    return _SHORTEST + least, _LONGER + most + 2 * pauses


def longest_pause(phrase: Phrase) -> float:
    """How long (s) a recording of a phrase may be silent in one place: a sentence or less less than several."""
    return PAUSE if sum(isinstance(item, Clip) for item in phrase) == 1 else WHOLE_PAUSE


def _letters(clip: Clip) -> int:
    text = shown(clip.text, clip.language)
    return sum(letter.isalpha() + _DIGIT * letter.isdigit() for letter in text)
