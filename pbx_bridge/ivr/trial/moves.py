"""What a simulated caller does, as people write it: keys, silence, hanging up, how a wait ends. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pbx_bridge.ivr.run import Place
from pbx_bridge.values import digits

_KEYS = re.compile(r"[0-9*#]+")
_SPEAK = re.compile(r"speak ([0-9]{1,3}(?:\.[0-9])?) ?s?")
_MOST_KEYS = 40  # a line of them; nobody keys more in one go

HELP = """\
  1, 4187301#    these keys, as soon as the flow asks for some
  (an empty line) or silence    no key, until the flow gives up waiting
  listen         what is being said, to its end
  early 1        these keys at once, into what is being said
  early hang up  hang up at once
  h, hang up     hang up when the flow asks, or while waiting in a queue
  speak 5s       say something for so long where a message is recorded, then press the key that ends it
  answered, nobody, timeout, busy, message
                 how it ends while the caller waits in a queue, a phone rings or a mailbox listens"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """Press keys, one after the other. `early`: at once, without waiting for a question."""

    keys: str
    early: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Hear the question out and key nothing until that counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Hear what is being said to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUp:
    """Leave. `early`: at once, without hearing out what is being said."""

    early: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitEnds:
    """How it ends where the caller was handed to: `word` is one of those in `_ENDS`."""

    word: str

    def at(self, place: Place) -> tuple[str, float] | None:
        """Asterisk's status for it at a place, and after how many seconds; None if it cannot end so there."""
        return _ENDS[self.word].get(place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Speak:
    """Say something for so many seconds where a message is recorded, and end it."""

    seconds: float


Move = Press | Silence | Listen | HangUp | WaitEnds | Speak

# QUEUESTATUS of a queue, DIALSTATUS of phones, VMSTATUS of a mailbox
_ENDS: Mapping[str, Mapping[Place, tuple[str, float]]] = {
    "answered": {Place.QUEUE: ("CONTINUE", 60.0), Place.DIAL: ("ANSWER", 60.0), Place.TRANSFER: ("ANSWER", 60.0)},
    "nobody": {
        Place.QUEUE: ("JOINEMPTY", 0.0),
        Place.DIAL: ("CHANUNAVAIL", 0.0),
        Place.TRANSFER: ("CHANUNAVAIL", 0.0),
        Place.VOICEMAIL: ("INVALID", 0.0),
        Place.RECORD: ("ERROR", 0.0),
    },
    "timeout": {Place.QUEUE: ("TIMEOUT", 120.0), Place.DIAL: ("NOANSWER", 20.0), Place.TRANSFER: ("NOANSWER", 30.0)},
    "busy": {Place.DIAL: ("BUSY", 1.0), Place.TRANSFER: ("BUSY", 1.0)},
    "message": {Place.VOICEMAIL: ("SUCCESS", 20.0)},
}

_WORDS: Mapping[str, Move] = {
    "": Silence(),
    "silence": Silence(),
    "listen": Listen(),
    "h": HangUp(),
    "hang up": HangUp(),
    "early h": HangUp(early=True),
    "early hang up": HangUp(early=True),
    **{word: WaitEnds(word=word) for word in _ENDS},
}


def parse_move(text: str) -> Move:
    """The move that a word or a line of keys means; Persian digits are taken too. Raises ValueError."""
    plain = " ".join(digits.to_ascii(text).lower().split())
    if plain in _WORDS:
        return _WORDS[plain]
    early, keys = plain.startswith("early "), plain.removeprefix("early ").replace(" ", "")
    if (spoken := _SPEAK.fullmatch(plain)) is not None:
        return Speak(seconds=float(spoken[1]))
    if _KEYS.fullmatch(keys) and len(keys) <= _MOST_KEYS:
        return Press(keys=keys, early=early)
    known = f"silence, listen, hang up, early …, speak 5s, {', '.join(_ENDS)}"
    told = plain if len(plain) <= _MOST_KEYS else f"{plain[:_MOST_KEYS]}…"
    raise ValueError(f"{told!r} is neither keys (0 to 9, * and #, at most {_MOST_KEYS}) nor one of: {known}")


def parse_moves(told: str | Sequence[str]) -> tuple[Move, ...]:
    """The moves of a list, or of a text with commas between them. Raises ValueError."""
    if isinstance(told, str):
        told = told.split(",") if told.strip() else ()
    return tuple(parse_move(part) for part in told)


def written(move: Move) -> str:
    """A move as `parse_move` reads it."""
    match move:
        case Press(keys=keys, early=early):
            return f"early {keys}" if early else keys
        case Silence():
            return "silence"
        case Listen():
            return "listen"
        case HangUp(early=early):
            return "early hang up" if early else "hang up"
        case WaitEnds(word=word):
            return word
        case Speak(seconds=seconds):
            return f"speak {seconds:g}s"
