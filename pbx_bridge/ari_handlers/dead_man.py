"""The dead-man timer of one channel: the dialplan sends a caller to the queue when `TIMEOUT(absolute)` runs out.

It cannot be set while a playback runs (the request would wait for its end), so it is set before each chunk that would
outlast it and while silence is kept. After a long chunk it is set back: nobody waits long for a daemon that died.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pbx_bridge.ari_handlers.connection import Failed
from pbx_bridge.ari_handlers.requests import Ari

ALIVE_SECONDS = 10  # what the dialplan's dead-man timer is set to, here and in asterisk-conf/extensions.conf
RENEW_BELOW = 5.0  # seconds left when the timer is renewed in silence
_MARGIN = 1.5  # seconds a chunk must end before the timer
_TOO_LONG = 5.0  # seconds that may be left beyond what is needed: a long recording was cut short
_UNKNOWN = -1  # a chunk that no playback has


class DeadMan:
    """Keeps it set.

    Args:
        alive_for: seconds until it runs out as it is set now. playback: one that may be sounding, of a run that goes
            on; 0: there is none.
        failed: told of a refusal. waiting: called before a request that may wait for the end of what plays.
    """

    def __init__(
        self,
        ari: Ari,
        channel: str,
        *,
        alive_for: float,
        playback: int,
        failed: Failed,
        waiting: Callable[[], None],
    ) -> None:
        self._ari, self._channel, self._failed, self._waiting = ari, channel, failed, waiting
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + alive_for
        # Playbacks whose end was not told. Of a run that goes on, nobody knows: as if there were one.
        self._sounding: set[tuple[int, int]] = {(playback, _UNKNOWN)} if playback else set()

    @property
    def left(self) -> float:
        """Seconds until the dialplan takes the caller away."""
        return self._until - self._loop.time()

    @property
    def is_due(self) -> bool:
        """It must be set anew, if only silence is kept: it is about to run out, or would long after us."""
        return not RENEW_BELOW <= self.left <= ALIVE_SECONDS + _TOO_LONG

    def forget(self) -> None:
        """We were away: nothing is known of how it is set."""
        self._until = self._loop.time()

    def sounds(self, playback: int, chunk: int) -> None:
        """This is about to be played."""
        self._sounding.add((playback, chunk))

    def ended(self, playback: int, chunk: int) -> None:
        """The end of that was told."""
        self._sounding.discard((playback, chunk))

    async def renew(self) -> None:
        """Set it anew if that is due."""
        await self.outlast(0.0, floor=RENEW_BELOW)

    async def outlast(self, seconds: float, floor: float = 0.0) -> None:
        """Set the timer anew if it would run out within `seconds` and a margin (or within `floor` seconds).

        Also if it would run on for much longer than that.
        """
        limit = max(ALIVE_SECONDS, round(seconds + 2 * _MARGIN + 0.5))
        if max(seconds + _MARGIN, floor) <= self.left <= limit + _TOO_LONG:
            return
        now = self._loop.time()
        await self.set("TIMEOUT(absolute)", str(limit))
        self._until = now + limit

    async def set(self, name: str, value: str) -> None:
        """Set a channel variable or function, also while something sounds."""
        if not self._sounding:
            await self._ari.set_in_silence(self._channel, name, value, self._failed)
            return
        self._waiting()
        await self._ari.set_variable(self._channel, name, value)
        self._sounding.clear()  # it waited for the end of whatever played
