"""Text that came over the telephone, from a file or from a customer, made harmless to whoever reads it. Pure."""

from __future__ import annotations

import re
import unicodedata

MAX_TEXT = 300  # letters shown of anything that others wrote

_JOINERS = "\u200c\u200d"  # Persian is written with them
_PLAIN = re.compile(rf"[\w{_JOINERS} !-~]*")  # letters and digits of any script, without what could do harm
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MOST_MARKS = 3  # accents on one letter; more is a drawing over the neighbours


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """One line, at most so many letters: no control or direction characters, no towers of accents.

    Escaping is the template's task.
    """
    if len(text) <= limit and _PLAIN.fullmatch(text):
        return " ".join(text.split())  # numbers, codes and names, of which a page has hundreds
    return letter_by_letter(text, limit)


def letter_by_letter(text: str, limit: int) -> str:
    """The same of any text."""
    kept: list[str] = []
    marks = 0
    for char in text[: limit * 8]:
        kind = unicodedata.category(char)
        marks = marks + 1 if kind in ("Mn", "Me") else 0
        if kind[0] == "Z" or char in "\t\n\r":
            kept.append(" ")
        elif (kind[0] != "C" or char in _JOINERS) and marks <= _MOST_MARKS:
            kept.append(char)
    line = " ".join("".join(kept).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def encodable(text: str) -> str:
    """The text without lone surrogates, which no database and no address takes: each becomes a `?`."""
    return text.encode("utf-8", "replace").decode()


def on_terminal(text: str) -> str:
    """The text with `?` for whatever could steer a terminal; as long as it was."""
    return "".join(c if c.isprintable() or c in _JOINERS else "?" for c in text)


def no_formula(text: str) -> str:
    """A cell's text so that no spreadsheet runs it: one that begins like a formula gets an apostrophe before it."""
    return f"'{text}" if text.startswith(_FORMULA) else text
