"""What is said to a caller: an ordered list of clips and pauses. Pure; knows no file and no voice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch of speech that is played in one piece.

    Attributes:
        language: an ISO 639-1 code, which is also the name of its prompt file.
        text: as the voice shall read it; Persian may carry vowel signs that people do not write.
    """

    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence. Only lengths in `PAUSES` have a file to play."""

    milliseconds: int


Phrase = tuple[Clip | Pause, ...]

COMMA = Pause(150)
GROUP = Pause(250)  # between the groups of a tracking number
SENTENCE = Pause(350)
PAUSES = (COMMA, GROUP, SENTENCE)


def tidy(phrase: Phrase) -> Phrase:
    """The same phrase with no pause at either end and the longest of neighbouring pauses."""
    kept: list[Clip | Pause] = []
    for item in phrase:
        last = kept[-1] if kept else None
        if isinstance(item, Pause) and isinstance(last, Pause):
            kept[-1] = max(item, last, key=lambda pause: pause.milliseconds)
        elif isinstance(item, Clip) or last is not None:
            kept.append(item)
    while kept and isinstance(kept[-1], Pause):
        kept.pop()
    return tuple(kept)
