"""The silences of callers, as Asterisk itself tells them to a second application that only listens.

A silence begins when a caller is answered, when a prompt has ended, or with a key; it ends when the next prompt
begins. Who measures with it has callers key before a question's prompt has ended, so that no silence is their own,
and hang up in a prompt: what is silent then counts too.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import aiohttp
import msgspec

from bench.figure import CannotMeasure
from bench.listening import every_channel
from bench.system import Pbx

_APP = "bench_listens"
_READY_S = 10.0


class _Channel(msgspec.Struct):
    id: str
    state: str = ""


class _Playback(msgspec.Struct):
    id: str
    target_uri: str


class Event(msgspec.Struct):
    """Of an ARI event what matters here."""

    type: str
    timestamp: datetime | None = None
    channel: _Channel | None = None
    playback: _Playback | None = None


class DeadAir:
    """The silences of every channel, in seconds; `most` is how many callers there were at once."""

    def __init__(self) -> None:
        self.silences_s: list[float] = []
        self.most = 0
        self._since: dict[str, float | None] = {}  # None: a prompt is being played
        self._begun: set[str] = set()

    def take(self, event: Event) -> None:
        """One event; they come in the order of their times."""
        if event.timestamp is None:
            return
        at = event.timestamp.timestamp()
        match event:
            case Event(type="ChannelStateChange", channel=_Channel(id=name, state="Up")):
                self._since[name] = at
                self.most = max(self.most, len(self._since))
            case Event(type="ChannelDtmfReceived", channel=_Channel(id=name)) if name in self._since:
                self._since[name] = at
            case Event(type="PlaybackStarted", playback=_Playback(id=name)) if name not in self._begun:
                self._begun.add(name)
                self._end(_target(event.playback), at)
            case Event(type="PlaybackFinished", playback=_Playback(target_uri=target)):
                name = target.removeprefix("channel:")
                if name in self._since:
                    self._since[name] = at
            case Event(type="ChannelDestroyed", channel=_Channel(id=name)):
                self._end(name, at)
                self._since.pop(name, None)
            case _:
                pass

    def quantile_s(self, share: float) -> float:
        """So many of the silences are as long or shorter. Raises CannotMeasure where there were none."""
        if not self.silences_s:
            raise CannotMeasure("Asterisk told of no prompt")
        return sorted(self.silences_s)[max(0, math.ceil(len(self.silences_s) * share) - 1)]

    def _end(self, channel: str, at: float) -> None:
        begun = self._since.get(channel)
        if begun is not None:
            self.silences_s.append(at - begun)
            self._since[channel] = None


def _target(playback: _Playback | None) -> str:
    return playback.target_uri.removeprefix("channel:") if playback is not None else ""


@asynccontextmanager
async def listening(pbx: Pbx) -> AsyncIterator[DeadAir]:
    """Listens from here to the end of the context. Raises CannotMeasure if Asterisk does not let us, or stops."""
    heard = DeadAir()
    try:
        async with (
            asyncio.timeout(_READY_S) as patience,
            every_channel("127.0.0.1", pbx.ports.ari, _APP, pbx.secrets) as socket,
        ):
            patience.reschedule(None)
            task = asyncio.create_task(_take_all(socket, heard), name="bench-dead-air")
            try:
                yield heard
                if task.done():
                    raise CannotMeasure("Asterisk stopped telling what it plays")
            finally:
                task.cancel()
                await asyncio.wait({task})
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise CannotMeasure(f"Asterisk does not tell what it plays: {error}") from error


async def _take_all(socket: aiohttp.ClientWebSocketResponse, heard: DeadAir) -> None:
    decode = msgspec.json.Decoder(Event).decode
    async for message in socket:
        heard.take(decode(message.data))
