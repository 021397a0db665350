"""What the stream of a live page puts on the screen: pieces of HTML by id, as static/live.js hears of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

import aiohttp
import msgspec


class _Told(msgspec.Struct):
    set: dict[str, str]
    gone: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Pieces that came or changed, and those that went. `whole`: all there are."""

    pieces: dict[str, str]
    gone: Sequence[str]
    whole: bool

    def onto(self, pieces: Mapping[str, str]) -> dict[str, str]:
        """The screen after it."""
        kept = {} if self.whole else {name: html for name, html in pieces.items() if name not in self.gone}
        return kept | self.pieces


async def changes(stream: aiohttp.StreamReader) -> AsyncIterator[Change]:
    """Every change, until the stream ends."""
    name = ""
    async for raw in stream:
        field, _, value = raw.decode().rstrip("\r\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data" and name in ("change", "whole"):
            told = msgspec.json.decode(value, type=_Told)
            yield Change(pieces=told.set, gone=told.gone, whole=name == "whole")
