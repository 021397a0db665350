"""What a caller hears, at the phone: when sound arrives, and how long none does.

ear = Ear.at(caller.call)
began = await ear.sound(since)
assert ear.longest_silence(since, began) < 3
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from itertools import pairwise

from pbx_bridge.pbx.phone import PhoneCall
from pbx_bridge.pbx.phone.g711 import alaw_to_linear, ulaw_to_linear
from pbx_bridge.pbx.phone.rtp import Heard, Packet
from pbx_bridge.pbx.phone.sdp import PCMA, PCMU

PAUSE_S = 0.8  # no pause within a prompt is as long
_LOUD = 200  # of 32,768: speech, tones and music are far above, what nobody hears is far below
_POLL_S = 0.03


def _quiet(linear: Callable[[bytes], bytes]) -> bytes:
    """The codes that nobody hears."""
    levels = memoryview(linear(bytes(range(256)))).cast("h")
    return bytes(code for code, level in enumerate(levels) if abs(level) < _LOUD)


_QUIET = {PCMA: _quiet(alaw_to_linear), PCMU: _quiet(ulaw_to_linear)}


class Ear(Heard):
    """Notes the moments, of the monotonic clock, in which something audible arrives."""

    def __init__(self) -> None:
        super().__init__()
        self.sounds: list[float] = []

    @classmethod
    def at(cls, call: PhoneCall) -> Ear:
        """Listens to that call from now on."""
        ear = cls()
        call._stream.heard = ear
        return ear

    def take(self, packet: Packet, events: int) -> None:
        """See Heard."""
        super().take(packet, events)
        quiet = _QUIET.get(packet.payload_type)
        if quiet is not None and packet.payload.translate(None, quiet):
            self.sounds.append(time.monotonic())

    def longest_silence(self, since: float, until: float) -> float:
        """Seconds of the longest stretch without sound."""
        return _longest([since, *(at for at in self.sounds if since < at < until), until])

    async def sound(self, since: float, timeout_s: float = 20.0) -> float:
        """The first sound after that moment."""
        async with asyncio.timeout(timeout_s):
            while not self.sounds or self.sounds[-1] <= since:  # noqa: ASYNC110 - sound tells nobody
                await asyncio.sleep(_POLL_S)
        return next(at for at in self.sounds if at > since)

    async def quiet(self, timeout_s: float = 20.0) -> None:
        """What is said is over."""
        async with asyncio.timeout(timeout_s):
            while not self.sounds or time.monotonic() - self.sounds[-1] < PAUSE_S:  # noqa: ASYNC110
                await asyncio.sleep(_POLL_S)


class Voice:
    """Notes the moments in which a phone of ours speaks: a process that stands still says nothing to be heard."""

    def __init__(self) -> None:
        self.moments: list[float] = []

    @classmethod
    def at(cls, call: PhoneCall) -> Voice:
        """Watches what that call sends from now on."""
        voice, stream = cls(), call._stream
        send = stream._send_next

        def noted() -> None:
            voice.moments.append(time.monotonic())
            send()

        stream._send_next = noted  # type: ignore[method-assign]
        return voice

    def longest_pause(self, since: float, until: float) -> float:
        """Seconds of the longest stretch in which nothing was said."""
        return _longest([since, *(at for at in self.moments if since < at < until), until])


def _longest(moments: Sequence[float]) -> float:
    return max(after - before for before, after in pairwise(moments))
