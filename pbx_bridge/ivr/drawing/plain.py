"""Text out of a file, made fit for a drawing: harmless to the eye, and short enough for its box. Pure."""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"  # Persian is written with them
_NARROW, _WIDE = frozenset("iIjl.,:;!'|()[] ftr-"), frozenset("mwMW@%—…")


def width(text: str, size: float) -> float:
    """About how wide the text is in a sans-serif font of that size, in pixels; rather too much than too little."""
    return sum(_share(char) for char in text) * size


def _share(char: str) -> float:
    if char in _JOINERS or unicodedata.combining(char):
        return 0.0
    if char in _NARROW:
        return 0.36
    if char in _WIDE or unicodedata.east_asian_width(char) in "WF":
        return 1.0
    if "\u0600" <= char <= "\u06ff":
        return 0.55
    return 0.7 if char.isupper() else 0.58


def lines(text: str, size: float, room: float, most: int) -> list[str]:
    """The text's first words on at most so many lines of that width, with … where it goes on."""
    found: list[str] = []
    words = text.split()
    while words and len(found) < most:
        line = _fill(words, size, room)
        found.append(line)
    if words and found:
        found[-1] = _open_end(found[-1], size, room)
    return found


def _open_end(line: str, size: float, room: float) -> str:
    """The line with … after its last word that leaves room for it."""
    kept = line
    while width(f"{kept} …", size) > room and " " in kept:
        kept = kept.rpartition(" ")[0]
    return shortened(f"{kept} …", size, room)


def _fill(words: list[str], size: float, room: float) -> str:
    """Take as many words as fit; at least one, cut if it must be."""
    line = shortened(words.pop(0), size, room)
    while words and width(f"{line} {words[0]}", size) <= room:
        line = f"{line} {words.pop(0)}"
    return line


def shortened(text: str, size: float, room: float) -> str:
    """The text, cut with … if it is wider than the room."""
    if width(text, size) <= room:
        return text
    while text and width(f"{text}…", size) > room:
        text = text[:-1]
    return text.rstrip(" .,،؛:") + "…"
