"""What a measure gets that needs no Asterisk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where it tells of its progress, and how much there is to do.

    Attributes:
        say: shows a line of progress.
        quick: fewer samples, rougher figures.
        big: folder with a store that `bench.big_store` made; without one a measure makes a small store of its own.
    """

    say: Callable[[str], None]
    quick: bool
    big: Path | None = None
