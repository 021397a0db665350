"""What is fuzzed, and what a defect is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fuzz.mutate import Stock


class Defect(AssertionError):
    """Something was lost, or read as what it is not; any other exception is a defect too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A defect, and the input that shows it."""

    number: int
    reason: str


class Session(Protocol):
    """A reader at work. What an input did is looked at at once, or together with others in `settle`."""

    async def play(self, number: int, data: bytes) -> None:
        """Read one input. Raises anything: a defect."""

    async def settle(self) -> list[Found]:
        """What is wrong with the inputs since this was last asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something that reads what others wrote.

    Attributes:
        stock: made when first needed: some read many files.
        session: a reader that works in a folder of its own.
    """

    name: str
    stock: Callable[[], Stock]
    session: Callable[[Path], AbstractAsyncContextManager[Session]]
