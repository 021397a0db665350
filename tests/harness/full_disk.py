"""A disk with not one page left."""

from __future__ import annotations

from pathlib import Path

_PAGE = bytes(4096)


def fill(folder: Path) -> Path:
    """Write until nothing more can be written there. Returns the file that takes the place, to be removed again."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(_PAGE)
            except OSError:
                return ballast
