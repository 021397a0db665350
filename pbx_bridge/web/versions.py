"""What changes while many look: its version, as a mark that each of them remembers, and the wait for the next.

A mark holds the version and a word of this process: what an earlier process counted says nothing in this one.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import msgspec


class Versions:
    """The newest version's number, and everybody who waits for the next one. No I/O."""

    def __init__(self) -> None:
        self._process = secrets.token_hex(4)
        self._news = asyncio.Event()
        self.number = 0
        self.closed = False

    @property
    def mark(self) -> str:
        """The newest version, as a page or a stream remembers it."""
        return self.mark_of(self.number)

    def mark_of(self, number: int) -> str:
        """A version's mark."""
        return f"{self._process}.{number}"

    def number_of(self, mark: str) -> int | None:
        """The version that a mark means; None for one that is not of ours."""
        process, _, number = mark.partition(".")
        if process != self._process or not (number.isascii() and number.isdigit()) or len(number) > 18:
            return None
        return int(number) if int(number) <= self.number else None

    def advance(self) -> int:
        """The next version's number. Tells nobody yet."""
        self.number += 1
        return self.number

    def forget(self) -> None:
        """Something may have been missed: no mark given so far counts any more."""
        self._process = secrets.token_hex(4)
        self.tell()

    def tell(self) -> None:
        """End every wait."""
        waiting, self._news = self._news, asyncio.Event()
        waiting.set()

    def close(self) -> None:
        """End every wait for good."""
        self.closed = True
        self.tell()

    async def wait(self, mark: str, limit_s: float) -> None:
        """Return when there is news after the mark, when told or closed, or after `limit_s` seconds."""
        if self.closed or mark != self.mark:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._news.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What to send. `whole`: instead of everything on the screen. `mark`: where it leads."""

    text: str
    mark: str
    whole: bool


class Painted:
    """Pieces of HTML by id, and how they came to be so: the newest changes."""

    def __init__(self, versions: Versions, ring: int) -> None:
        self._versions = versions
        self._changes: deque[tuple[int, str]] = deque(maxlen=ring)
        self._whole: str | None = None
        self.pieces: Mapping[str, str] = {}

    def begin(self, pieces: Mapping[str, str]) -> None:
        """These are on the screen; whoever comes with an earlier mark needs them all."""
        self.pieces, self._whole = pieces, None
        self._changes.clear()

    def put(self, pieces: Mapping[str, str]) -> None:
        """These are on the screen in the newest version."""
        changed = {name: html for name, html in pieces.items() if self.pieces.get(name) != html}
        gone = [name for name in self.pieces if name not in pieces]
        self.pieces, self._whole = pieces, None
        self._changes.append((self._versions.number, _json({"set": changed, "gone": gone})))

    def since(self, mark: str) -> list[Change]:
        """What to send somebody who reached that mark; none if they are up to date."""
        number = self._versions.number_of(mark)
        if number == self._versions.number:
            return []
        later = [(version, text) for version, text in self._changes if number is not None and version > number]
        if number is None or not later or later[0][0] != number + 1:
            return [Change(text=self._everything(), mark=self._versions.mark, whole=True)]
        return [Change(text=text, mark=self._versions.mark_of(version), whole=False) for version, text in later]

    def _everything(self) -> str:
        if self._whole is None:
            self._whole = _json({"set": self.pieces})
        return self._whole


def _json(told: Mapping[str, object]) -> str:
    return msgspec.json.encode(told).decode()
