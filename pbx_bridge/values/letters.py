"""Names as people look for them: one form of each letter, and the places in a name where a search may begin. Pure.

Persian is typed with Arabic's letters or with its own, with a joiner, a space or nothing between the parts of a word:
«مي‌شود», «می شود» and «میشود» are to be found by each other.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

_JOINERS = "\u200c\u200d"
# After decomposition: آ أ إ are ا, ئ is ي, ؤ is و and é is e with marks, which are left out.
_ONE_FORM = str.maketrans(
    {"ي": "ی", "ى": "ی", "ك": "ک", "ة": "ه", "ە": "ه", "ہ": "ه", "ھ": "ه", "ٱ": "ا", "ـ": None, "ß": "ss"}
    | dict(zip("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789", strict=True))
)


def fold(text: str) -> str:
    """The same text in one form of each letter: no marks, no case, digits 0-9; all else as it is."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(char for char in plain if unicodedata.category(char) not in ("Mn", "Me"))
    return bare.translate(_ONE_FORM).casefold()


@dataclass(frozen=True, slots=True)
class Line:
    """A text to be found by: its words, and the parts of words that a joiner joins, folded."""

    parts: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Line:
        """The line of a text."""
        return cls(tuple("".join(char if char.isalnum() else " " for char in fold(text)).split()))

    @property
    def tails(self) -> tuple[str, ...]:
        """What follows each place where a part begins, without what parted it: a search begins one of these."""
        return tuple("".join(self.parts[at:]) for at in range(len(self.parts)))

    def begins(self, words: str) -> bool:
        """Whether one of the tails begins so."""
        return any(tail.startswith(words) for tail in self.tails)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for. `whole`: all of it in a row; `words`: each for itself."""

    whole: str
    words: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Asked:
        """What a person typed. A joiner parts no words here: what it joins is one."""
        plain = fold(text)
        for joiner in _JOINERS:
            plain = plain.replace(joiner, "")
        parted = "".join(char if char.isalnum() else " " for char in plain).split()
        return cls("".join(parted), tuple(dict.fromkeys(parted)))

    def finds(self, lines: Iterable[Line]) -> bool:
        """Whether one of the lines begins with all of it somewhere, or each word begins a word of some line."""
        if not self.whole:
            return False
        told = list(lines)
        if any(line.begins(self.whole) for line in told):
            return True
        return all(any(line.begins(word) for line in told) for word in self.words)
