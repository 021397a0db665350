"""What was painted for one agent, in versions; each of their tabs reads from the version it has reached. No I/O."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import msgspec

RING = 32  # changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What to send. `whole`: instead of everything on the screen. `mark`: where it leads."""

    text: str
    mark: str
    whole: bool


class Screen:
    """Pieces of HTML by id."""

    def __init__(self) -> None:
        self._process = secrets.token_hex(4)  # a mark of an earlier screen says nothing here
        self._version = 0
        self._changes: deque[tuple[int, str]] = deque(maxlen=RING)
        self._news = asyncio.Event()
        self.pieces: Mapping[str, str] = {}

    @property
    def mark(self) -> str:
        """The version, as a page or a stream remembers it."""
        return f"{self._process}.{self._version}"

    def show(self, pieces: Mapping[str, str]) -> None:
        """This is on the screen now; every tab is told what differs."""
        changed = {name: html for name, html in pieces.items() if self.pieces.get(name) != html}
        gone = [name for name in self.pieces if name not in pieces]
        self.pieces = pieces
        if changed or gone:
            self._version += 1
            self._changes.append((self._version, _json({"set": changed, "gone": gone})))
            self.wake()

    def since(self, mark: str) -> list[Change]:
        """What to send a tab that reached that mark; none if it is up to date."""
        number = self._number(mark)
        if number == self._version:
            return []
        later = [(version, text) for version, text in self._changes if number is not None and version > number]
        if number is None or not later or later[0][0] != number + 1:
            return [Change(text=_json({"set": self.pieces}), mark=self.mark, whole=True)]
        return [Change(text=text, mark=f"{self._process}.{version}", whole=False) for version, text in later]

    async def wait(self, mark: str, limit_s: float) -> None:
        """Return when there is news after the mark, when woken, or after `limit_s` seconds."""
        if mark != self.mark:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._news.wait()

    def wake(self) -> None:
        """End every wait."""
        waiting, self._news = self._news, asyncio.Event()
        waiting.set()

    def _number(self, mark: str) -> int | None:
        process, _, number = mark.partition(".")
        if process != self._process or not (number.isascii() and number.isdigit()) or len(number) > 18:
            return None
        return int(number) if int(number) <= self._version else None


def _json(told: Mapping[str, object]) -> str:
    return msgspec.json.encode(told).decode()
