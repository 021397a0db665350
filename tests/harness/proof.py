"""What Asterisk says it played: a second, read-only ARI application that only listens to everything.

It shares nothing with the daemon: another application, another connection.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import aiohttp
from private_pbx import PbxUnderTest

from bench.listening import every_channel


@dataclass(kw_only=True)
class Playback:
    """One playback as Asterisk told it: its files in the order they began, and how it ended."""

    channel: str
    files: list[str] = field(default_factory=list)
    state: str = "playing"


@dataclass
class Witness:
    """Every playback since it began to listen, in order."""

    playbacks: dict[str, Playback] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, event: dict[str, Any]) -> None:
        """Take one ARI event. PlaybackStarted comes for each file of a playback, PlaybackFinished once."""
        if event["type"] not in ("PlaybackStarted", "PlaybackFinished"):
            return
        told = event["playback"]
        new = Playback(channel=told["target_uri"].removeprefix("channel:"))
        playback = self.playbacks.setdefault(told["id"], new)
        if event["type"] == "PlaybackFinished":
            playback.state = told["state"]
        else:
            playback.files.append(told["media_uri"].removeprefix("sound:"))
        self._changed.set()

    def files(self, channel: str) -> list[str]:
        """The files that began on a channel, in order, named as Asterisk names them (no extension)."""
        return [
            file for playback in self.playbacks.values() if playback.channel == channel for file in playback.files
        ]

    async def idle(self, channel: str, timeout_s: float = 10.0) -> None:
        """Wait until nothing plays on a channel."""
        async with asyncio.timeout(timeout_s):
            while any(p.state == "playing" for p in self.playbacks.values() if p.channel == channel):
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def witness(pbx: PbxUnderTest) -> AsyncIterator[Witness]:
    """A witness of everything Asterisk plays from now on."""
    seen = Witness()
    async with every_channel("127.0.0.1", pbx.ports.ari, "witness", pbx.secrets) as socket:
        task = asyncio.create_task(_listen(socket, seen), name="witness")
        try:
            yield seen
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _listen(socket: aiohttp.ClientWebSocketResponse, seen: Witness) -> None:
    async for message in socket:
        seen.take(json.loads(message.data))


def clip_texts(pbx: PbxUnderTest, files: list[str]) -> list[str]:
    """What the files say, by the manifest of the rendered prompts; pauses are left out."""
    manifest = json.loads((pbx.paths.sounds / "manifest.json").read_text(encoding="utf-8"))
    texts = {Path(entry["file"]).with_suffix(""): entry["text"] for entry in manifest["clips"]}
    folder = PurePosixPath(pbx.paths.inside(pbx.paths.sounds))
    told = (texts.get(Path(PurePosixPath(file).relative_to(folder))) for file in files)
    return [text for text in told if text is not None]
