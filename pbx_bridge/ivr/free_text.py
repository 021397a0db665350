"""Text that strangers wrote (a ticket's note, a customer's name), made harmless for eyes and for voices. Pure.

The programs that read aloud take commands within a text: espeak-ng and piper `[[phonemes]]`, espeak-ng control
characters, others markup in angle brackets. What goes to a voice is therefore made of what is allowed and of nothing
else: letters of scripts that our voices read, digits, spaces, and the signs that ask for a pause.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping

from pbx_bridge.ivr.grammar import FreeKind
from pbx_bridge.values import digits

LONGEST: Mapping[FreeKind, int] = {"name": 80, "text": 200}  # letters that are said; the rest is cut off

NAME, NOTE = "customer.name", "ticket.note"
MADE_AHEAD = (NAME, NOTE)  # the values whose text the store knows before a caller asks for it

HALF_SPACE = "\u200c"  # within Persian words
_SIGNS = frozenset(" .,!?:;'()/+%-،؛؟")
_MOST_MARKS = 2  # on one letter; Persian has at most a doubling and a vowel
_READ_FACTOR = 8  # letters looked at for each that may be said: a flood is cut before it is worked on
_COMMAND = re.compile(r"\[\[.*?(?:\]\]|$)|<[^<>]{0,200}>", re.DOTALL)
_SPACE = re.compile(r"\s+")
_LOOSE_SIGN = re.compile(r"(?<!\S)[^\w\s]+(?!\S)")
_LETTER = r"[^\W\d_]"
_LOOSE_HALF_SPACE = re.compile(f"(?<!{_LETTER}){HALF_SPACE}+|{HALF_SPACE}+(?!{_LETTER})")
_DATE_OR_TIME = r"\d{1,4}(?:[/.-]\d{1,2}){2,}|\d{1,4}[/-]\d{1,2}|\d{1,2}:\d{2}"
_NUMBER = re.compile(rf"(?<!\d)(?:({_DATE_OR_TIME})(?!\d)|\d{{3,}})")


def written(value: object, kind: FreeKind) -> str:
    """The text for people: as it stands, without what cannot be seen or turns the direction of writing.

    Raises ValueError if it is no text.
    """
    text = "".join(_seen(letter) for letter in _taken(value, kind))
    return _cut(_SPACE.sub(" ", text).strip(), LONGEST[kind])


def sayable(value: object, kind: FreeKind) -> str:
    """The text for a voice: allowed letters and signs only. Empty if nothing is left. Raises ValueError."""
    text = unicodedata.normalize("NFKC", _taken(value, kind))[: LONGEST[kind] * _READ_FACTOR]
    text = _few_marks("".join(map(_allowed, _COMMAND.sub(" ", text))))
    text = _LOOSE_HALF_SPACE.sub("", digits.to_ascii(text))
    text = _SPACE.sub(" ", _LOOSE_SIGN.sub(" ", text)).strip(" -/'")
    text = _cut(text, LONGEST[kind])
    return text if any(letter.isalnum() for letter in text) else ""


def language_of(text: str, otherwise: str) -> str:
    """Whose voice reads it: the Persian one reads Latin words as well, the English one nothing but them.

    Args:
        otherwise: the language of a text without letters.
    """
    scripts = {_script(letter) for letter in text}
    return "fa" if "fa" in scripts else "en" if "en" in scripts else otherwise


def spelt(text: str, words: tuple[str, ...]) -> str:
    """Numbers of three digits and more digit by digit, as callers write them down; dates and times as they are.

    Args:
        words: the names of 0 to 9.
    """
    told = _NUMBER.sub(lambda found: found[0] if found[1] else f" {_named(found[0], words)} ", text)
    return _SPACE.sub(" ", told).strip()


def _named(number: str, words: tuple[str, ...]) -> str:
    return " ".join(words[int(digit)] for digit in number)


def _taken(value: object, kind: FreeKind) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value[: LONGEST[kind] * _READ_FACTOR]


def _seen(letter: str) -> str:
    category = unicodedata.category(letter)
    if letter.isspace() or category == "Cc":
        return " "
    return "" if category[0] == "C" and letter != HALF_SPACE else letter


@functools.lru_cache(4096)
def _allowed(letter: str) -> str:
    category = unicodedata.category(letter)
    if category == "Cf" and letter != HALF_SPACE:
        return ""  # a soft hyphen, a mark of direction: within a word
    if letter == HALF_SPACE or letter in _SIGNS or category in ("Mn", "Nd"):
        return letter if category != "Nd" or digits.to_ascii(letter).isascii() else " "
    return letter if _script(letter) else " "


@functools.lru_cache(4096)
def _script(letter: str) -> str:
    """The language whose voice reads a letter; empty for signs, digits and other scripts."""
    if not unicodedata.category(letter).startswith("L"):
        return ""
    name = unicodedata.name(letter, "")
    return "fa" if name.startswith("ARABIC") else "en" if name.startswith("LATIN") else ""


def _few_marks(text: str) -> str:
    kept: list[str] = []
    room = 0  # no mark on a space or a sign
    for letter in text:
        is_mark = unicodedata.category(letter) == "Mn"
        if not is_mark or room:
            kept.append(letter)
        room = max(0, room - 1) if is_mark else _MOST_MARKS if _script(letter) else 0
    return "".join(kept)


def _cut(text: str, longest: int) -> str:
    """Shortened at a space, if there is one near."""
    if len(text) <= longest:
        return text
    head, space, _ = text[: longest + 1].rpartition(" ")
    return head.rstrip() if space and len(head) > longest // 2 else text[:longest]
