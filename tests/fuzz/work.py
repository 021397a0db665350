"""One worker's share: inputs one after the other, with the number of the present one where the parent sees it."""

from __future__ import annotations

import asyncio
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

from fuzz.mutate import made
from fuzz.target import Found, Target

BLOCK = 250  # inputs between two looks at what was kept
MOST_DEFECTS = 20  # of one share; who has more mends these first
_MEMORY = Path("/dev/shm")  # files here cost no disk, and whoever runs this made them


def play(target: Target, seed: int, numbers: range, note: Callable[[int], None] = lambda _: None) -> list[Found]:
    """Play these inputs; the defects found. `note` is told the number of each before it is read."""
    place = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=place) as folder:
        return asyncio.run(_play(target, seed, numbers, note, Path(folder)))


async def _play(target: Target, seed: int, numbers: range, note: Callable[[int], None], folder: Path) -> list[Found]:
    stock, found, at, sessions = target.stock(), list[Found](), numbers.start, 0
    while at < numbers.stop and len(found) < MOST_DEFECTS:
        sessions += 1
        own = folder / str(sessions)
        own.mkdir()
        async with target.session(own) as session:
            while at < numbers.stop:
                number, at = at, at + 1
                note(number)
                try:
                    await session.play(number, made(stock, target.name, seed, number))
                except Exception as error:
                    found.append(Found(number=number, reason=_told(error)))
                    break  # on with a new session: this one may be spoilt
                if at % BLOCK == 0:
                    found += await session.settle()
            found += await session.settle()
    return sorted(found, key=lambda one: one.number)


def _told(error: Exception) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno} {place.name}"
    return f"{type(error).__name__}: {error} ({where})"[:500]
