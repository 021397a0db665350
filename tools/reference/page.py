"""How a page of the reference is written: Markdown tables, and lines that a person can read in an editor."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

_WIDTH = 118
NONE = "–"


def head(title: str, about: str) -> str:
    """The top of a page."""
    made = "Made of the code by `python -m tools.reference`: change the code, then make it anew."
    return f"# {title}\n\n{paragraph(about)}\n\n{paragraph(made)}\n"


def paragraph(text: str) -> str:
    """Words of one paragraph, in lines of a readable width."""
    words = " ".join(text.split())
    return textwrap.fill(words, _WIDTH, break_long_words=False, break_on_hyphens=False)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar in a cell is no border."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(_cell(one) for one in line) + " |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """Text as it is typed."""
    return f"`{text}`"
