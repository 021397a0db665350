"""What one caller is being told: a prompt, chunk by chunk, each within the dead-man timer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import structlog

from pbx_bridge.ari_handlers.alarm import Alarm
from pbx_bridge.ari_handlers.dead_man import DeadMan
from pbx_bridge.ari_handlers.requests import Ari
from pbx_bridge.ari_handlers.speech import Chunk, Speaker, chunks, playback_id
from pbx_bridge.errors import AriConflict, AriGone, AriUnavailable, AsteriskError, PromptError
from pbx_bridge.ivr.run import Play, PromptEnded

log = structlog.get_logger()

OUT_OF_REACH = (AriGone, AriConflict, AriUnavailable)
_OVERDUE = 3.0  # seconds after a chunk's length when its end counts as never told
_CHUNKS_TO_HUSH = 4  # after a crash only the prompt is known, not how far into it we were


@dataclass(frozen=True, slots=True)
class ChunkEnded:
    """One of our playbacks ended: `told` by ARI, or given up by us."""

    playback: int
    chunk: int
    failed: bool = False
    told: bool = True


@dataclass(frozen=True, slots=True)
class Refused:
    """Asterisk refused what was told it; `playback` is that of a prompt."""

    error: AsteriskError
    playback: int = 0


class Owner(Protocol):
    """Whose prompts they are."""

    def post(self, item: PromptEnded | ChunkEnded | Refused) -> None:
        """Put it into the mailbox."""

    def begins(self, play: Play, chunk: Chunk) -> None:
        """Asterisk was told to play this."""


@dataclass(slots=True)
class _Saying:
    """The prompt being played, as its chunks."""

    play: Play
    chunks: tuple[Chunk, ...]
    at: int = 0


class Mouth:
    """Says one prompt at a time to a channel. What raises, raises one of OUT_OF_REACH."""

    def __init__(self, ari: Ari, channel: str, speaker: Speaker, dead_man: DeadMan, owner: Owner) -> None:
        self._ari, self._channel, self._speaker = ari, channel, speaker
        self._dead_man, self._owner = dead_man, owner
        self._saying: _Saying | None = None
        self._overdue = Alarm(self._is_overdue)

    @property
    def silent(self) -> bool:
        """Nothing is being said."""
        return self._saying is None

    async def say(self, play: Play) -> None:
        """Begin to say this."""
        try:
            parts = chunks(play, self._speaker)
        except PromptError as error:
            log.error("prompt_missing", reason=str(error))
            parts = ()
        if not parts:
            self._owner.post(PromptEnded(play.playback, heard=False))
            return
        self._saying = _Saying(play, parts)
        await self._play(self._saying)

    async def ended(self, ended: ChunkEnded) -> PromptEnded | None:
        """A chunk is over: go on with the next one, or tell the end of the whole."""
        saying = self._saying
        if ended.told:
            self._dead_man.ended(ended.playback, ended.chunk)
        if saying is None or (ended.playback, ended.chunk) != (saying.play.playback, saying.at):
            return None
        self._overdue.clear()
        saying.at += 1
        if ended.failed or saying.at == len(saying.chunks):
            self._saying = None
            return PromptEnded(ended.playback, heard=not ended.failed)
        await self._play(saying)
        return None

    def refused(self, refused: Refused) -> None:
        """Asterisk does not play what was told it."""
        if self._saying is not None and self._saying.play.playback == refused.playback:
            self._refused(self._saying, refused.error)

    async def stop(self) -> None:
        """Cut it short."""
        saying = self._saying
        if saying is not None:
            self._silenced()
            await self._stop_chunk(saying.play.playback, saying.at)

    async def hush(self, playback: int) -> None:
        """Cut short what is said, or what an earlier life of ours may still be saying as this playback."""
        if self._saying is not None:
            await self.stop()
        elif playback:
            for chunk in range(_CHUNKS_TO_HUSH):
                await self._stop_chunk(playback, chunk)

    def close(self) -> None:
        """Say no more."""
        self._overdue.close()

    async def _play(self, saying: _Saying) -> None:
        chunk, playback = saying.chunks[saying.at], saying.play.playback
        await self._dead_man.outlast(chunk.seconds)
        self._dead_man.sounds(playback, saying.at)
        name = playback_id(self._channel, playback, saying.at)
        try:
            await self._ari.play(
                self._channel, name, chunk.uris, lambda error: self._owner.post(Refused(error, playback))
            )
        except OUT_OF_REACH:
            raise
        except AsteriskError as error:
            self._refused(saying, error)
            return
        self._owner.begins(saying.play, chunk)
        self._overdue.set(chunk.seconds + _OVERDUE)

    def _refused(self, saying: _Saying, error: AsteriskError) -> None:
        log.error("prompt_refused", channel=self._channel, reason=str(error))
        self._silenced()
        self._owner.post(PromptEnded(saying.play.playback, heard=False))

    def _is_overdue(self) -> None:
        if self._saying is not None:
            self._owner.post(ChunkEnded(self._saying.play.playback, self._saying.at, failed=True, told=False))

    def _silenced(self) -> None:
        self._saying = None
        self._overdue.clear()

    async def _stop_chunk(self, playback: int, chunk: int) -> None:
        try:
            await self._ari.stop_playback(playback_id(self._channel, playback, chunk), self._not_stopped)
        except (AriGone, AriConflict) as error:
            self._not_stopped(error)

    def _not_stopped(self, error: AsteriskError) -> None:
        if not isinstance(error, AriGone | AriConflict):  # it ended in the same moment
            self._owner.post(Refused(error))
