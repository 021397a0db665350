"""Patterns of numbers as an admin writes them: digits, X for any digit, + before, * for whatever follows."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SHAPE = re.compile(r"\+?[0-9X]{0,15}\*?")


@dataclass(frozen=True, slots=True)
class NumberPattern:
    """One pattern, ready to compare."""

    text: str
    expression: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> NumberPattern:
        """Digits, `X` for any digit, a + before and a * after. Raises ValueError."""
        if not text or not _SHAPE.fullmatch(text):
            raise ValueError(f"{text!r} is no pattern of numbers: digits, X for any digit, + before, * at the end")
        regex = text.removesuffix("*").replace("+", r"\+").replace("X", "[0-9]")
        return cls(text, re.compile(regex + (".*" if text.endswith("*") else "")))

    @property
    def core(self) -> str:
        """The pattern without its *."""
        return self.text.removesuffix("*")

    @property
    def is_open(self) -> bool:
        """Whether anything may follow."""
        return self.text.endswith("*")

    def matches(self, number: str) -> bool:
        """Whether a number is one of these."""
        return self.expression.fullmatch(number) is not None

    def covers(self, other: NumberPattern) -> bool:
        """Whether every number of the other is one of these."""
        mine, others = self.core, other.core
        if (other.is_open and not self.is_open) or len(mine) > len(others):
            return False
        if not self.is_open and len(mine) != len(others):
            return False
        pairs = zip(mine, others, strict=False)
        return all(own == told or (own == "X" and told != "+") for own, told in pairs)
