"""What the status page says during a fault, asked as a monitor would ask: anew each time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bench.chaos.cases import GONE
from pbx_bridge.tasks import beside

_EVERY_S = 0.2
_PATIENCE_S = 1.0
_STALL_S = 0.5  # later than that we ourselves stood still, as while Asterisk starts, and know nothing
_DOWN = "down"


@dataclass(slots=True, kw_only=True)
class Told:
    """What was not up: by link (or GONE), how long after the fault it was first told, seconds, and its state."""

    began: float = field(default_factory=time.monotonic)
    first: dict[str, tuple[float, str]] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)

    def begin(self) -> None:
        """The fault begins: what is told already, and goes on, does not count."""
        self.began = time.monotonic()
        self.before = {name: state for name, (_, state) in self.first.items()}
        self.first.clear()

    def take(self, links: Mapping[str, Any]) -> None:
        """One answer of /readyz."""
        for name, link in links.items():
            if link["state"] == "up":
                self.before.pop(name, None)
            elif link["state"] != self.before.get(name):
                self.note(name, link["state"])

    def note(self, name: str, state: str) -> None:
        """Something is not up; one that was told as degraded may yet be told as down."""
        if name not in self.first or (state == _DOWN and self.first[name][1] != _DOWN):
            self.first[name] = (time.monotonic() - self.began, state)

    def lines(self) -> list[str]:
        """As people read it, in the order it was told."""
        told = sorted((after_s, name, state) for name, (after_s, state) in self.first.items())
        return [
            f"answers nothing after {after_s:.1f} s" if name == GONE else f"`{name}` {state} after {after_s:.1f} s"
            for after_s, name, state in told
        ]


@asynccontextmanager
async def watching(url: str, told: Told) -> AsyncIterator[None]:
    """Notes what those pages tell, from here to the end of the context."""
    async with beside(_watch(url, told), name="chaos-watch"):
        yield


async def _watch(url: str, told: Told) -> None:
    while True:
        asked = time.monotonic()
        try:
            async with (
                asyncio.timeout(_PATIENCE_S),
                aiohttp.ClientSession() as web,
                web.get(f"{url}/readyz") as answer,
            ):
                told.take((await answer.json())["links"])
        except (aiohttp.ClientError, OSError, TimeoutError):
            if time.monotonic() - asked < _PATIENCE_S + _STALL_S:
                told.note(GONE, _DOWN)
        await asyncio.sleep(_EVERY_S)
