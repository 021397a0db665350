"""What Asterisk played to whom and when, as it tells a second, listening application; and the silences between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import aiohttp

from bench.listening import every_channel
from bench.soak.files import Span, Told
from bench.system import Pbx

_AGAIN_S = 0.1
_FOREVER = float("inf")


class Hearing:
    """Playbacks by channel, and when we were not listening. Times are epoch seconds."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._played: dict[str, list[Span]] = {}
        self.deaf: list[Span] = []
        self._deaf_since: float | None = 0.0
        self.listening = asyncio.Event()

    def take(self, event: dict[str, Any]) -> None:
        """One ARI event. A playback's first file begins it; it finishes once."""
        if event["type"] not in ("PlaybackStarted", "PlaybackFinished"):
            return
        told = event["playback"]
        at = datetime.fromisoformat(event["timestamp"]).timestamp()
        channel = told["target_uri"].removeprefix("channel:")
        if event["type"] == "PlaybackStarted":
            self._began.setdefault(told["id"], at)
        else:
            self._played.setdefault(channel, []).append((self._began.pop(told["id"], at), at))

    def hears(self, at: float) -> None:
        """Listening since now."""
        if self._deaf_since is not None:
            self.deaf.append((self._deaf_since, at))
        self._deaf_since = None
        self.listening.set()

    def lost(self, at: float) -> None:
        """The connection was lost."""
        if self._deaf_since is None:
            self._deaf_since = at

    def longest_silence(self, call: Told, turns: Iterable[float] = ()) -> float | None:
        """The longest stretch in which the flow had the caller and nothing was played, seconds; None: not heard.

        Args:
            turns: moments, epoch seconds, at which the count begins again: a fault began (until then a menu may have
                waited for a key, which is the caller's own silence), or the daemon was there again (it took the
                caller up anew, and the dead-man timer with them).
        """
        deaf = [*self.deaf, *([(self._deaf_since, _FOREVER)] if self._deaf_since is not None else [])]
        if any(begun < call.last and call.begun < ended for begun, ended in deaf):
            return None
        played = sorted([*self._played.get(call.root, ()), *((turn, turn) for turn in turns)])
        return max((gap for stay in call.waiting for gap in _gaps(stay, played)), default=0.0)


def _gaps(stay: Span, played: Sequence[Span]) -> Iterable[float]:
    reached, end = stay
    for begun, ended in played:
        if ended > reached and begun < end:
            yield max(0.0, begun - reached)
            reached = max(reached, ended)
    yield max(0.0, end - reached)


@asynccontextmanager
async def listening(pbx: Pbx, clock: Callable[[], float]) -> AsyncIterator[Hearing]:
    """Listens from here on, also after Asterisk was restarted. `clock` tells epoch seconds."""
    heard = Hearing()
    task = asyncio.create_task(_listen(pbx, heard, clock), name="soak-hearing")
    try:
        async with asyncio.timeout(10):
            await heard.listening.wait()
        yield heard
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _listen(pbx: Pbx, heard: Hearing, clock: Callable[[], float]) -> None:
    while True:
        with suppress(aiohttp.ClientError, OSError):
            async with every_channel("127.0.0.1", pbx.ports.ari, "soak", pbx.secrets) as socket:
                heard.hears(clock())
                async for message in socket:
                    heard.take(json.loads(message.data))
        heard.lost(clock())
        await asyncio.sleep(_AGAIN_S)
