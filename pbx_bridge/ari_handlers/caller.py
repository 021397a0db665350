"""One caller in our hands: takes what happens to the channel, asks the engine, does what it says.

Everything about one call goes through its mailbox, in order. The dead-man timer: the dialplan sends a caller to the
queue when `TIMEOUT(absolute)` runs out, 10 s after we last set it. It cannot be set while a playback runs (the
request would wait for its end), so it is set before each chunk that would outlast it and while silence is kept.

Most requests are told, not awaited (requests.py): what Asterisk refuses comes back through the mailbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

import msgspec
import structlog

from pbx_bridge.ari_handlers.alarm import Alarm
from pbx_bridge.ari_handlers.mailbox import Mailbox
from pbx_bridge.ari_handlers.notes import Keep, Notes
from pbx_bridge.ari_handlers.repertoire import Repertoire
from pbx_bridge.ari_handlers.requests import Ari
from pbx_bridge.ari_handlers.speech import Chunk, chunks, playback_id
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.errors import AriConflict, AriGone, AriUnavailable, AsteriskError, PromptError
from pbx_bridge.health import Clock, Meter
from pbx_bridge.ivr import engine
from pbx_bridge.ivr.lookups import Lookups
from pbx_bridge.ivr.questions import Question
from pbx_bridge.ivr.run import (
    Effect,
    Found,
    Gone,
    HandOver,
    HangUp,
    Happening,
    KeyPressed,
    LookUp,
    LookupFailed,
    Phase,
    Place,
    Play,
    PromptEnded,
    Resumed,
    Run,
    StartTimer,
    StopPlaying,
    TimeUp,
    WriteStep,
)

log = structlog.get_logger()

ALIVE_SECONDS = 10  # what the dialplan's dead-man timer is set to, here and in asterisk-conf/extensions.conf
_ALIVE_MARGIN = 1.5  # seconds a chunk must end before the timer
_RENEW_BELOW = 5.0  # seconds left when the timer is renewed in silence
_OVERDUE = 3.0  # seconds after a chunk's length when its end counts as never told
_MAILBOX = 256
_UNKNOWN = -1  # a chunk that no playback has
_OUT_OF_REACH = (AriGone, AriConflict, AriUnavailable)
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


@dataclass(frozen=True, slots=True)
class StillThere:
    """The ticker: renew the dead-man timer if it runs low."""


@dataclass(frozen=True, slots=True)
class Left:
    """StasisEnd: the channel is no longer ours."""


Item = Happening | ChunkEnded | Refused | StillThere | Left


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a caller needs from the rest of the daemon."""

    ari: Ari
    flows: Repertoire
    lookups: Lookups
    keep: Keep
    clock: Clock
    key_to_play: Meter


@dataclass(slots=True)
class _Saying:
    """The prompt being played, as its chunks."""

    play: Play
    chunks: tuple[Chunk, ...]
    at: int = 0


def context_of(place: Place) -> str:
    """The dialplan's context for a caller who is given to it (asterisk-conf/extensions.conf)."""
    return f"pbxb-{place}"


class Caller:
    """The actor of one call. `run_until_over()` is its task; everything else only posts to it."""

    def __init__(self, run: Run, means: Means, *, answered: bool, alive_for: float = ALIVE_SECONDS) -> None:
        self.run, self._means = run, means
        self._met = means.flows.of(run.version)  # to the end, whatever is deployed meanwhile
        self._answered = answered
        self._mailbox: Mailbox[Item] = Mailbox(_MAILBOX)
        self._loop = asyncio.get_running_loop()
        self._alive_until = self._loop.time() + alive_for
        self._saying: _Saying | None = None
        self._overdue = Alarm(self._is_overdue)
        self._timer, self._timer_number = Alarm(self._time_is_up), 0
        # Playbacks whose end was not told. Of a run that goes on, nobody knows: as if there were one.
        self._sounding: set[tuple[int, int]] = {(run.playback, _UNKNOWN)} if run.playback else set()
        self._lookup: asyncio.Task[None] | None = None
        self._notes = Notes(means.keep, means.clock)
        self._key_at: datetime | None = None
        self._gone = False
        self._adrift = False  # ARI failed us in the middle of something: wait for Resumed, or for the dialplan

    # --- from outside ---

    def post(self, item: Item) -> None:
        """Tell the caller's actor. A flood of keys beyond the mailbox is dropped: no person keys 256 ahead."""
        if not self._mailbox.post(item):
            log.warning("caller_mailbox_full", channel=self.run.channel)

    def key(self, digit: str, at: datetime | None) -> None:
        """A key was pressed; `at` is Asterisk's time of it."""
        self._key_at = at
        self.post(KeyPressed(digit))

    @property
    def renewal_due(self) -> bool:
        """True when the dead-man timer runs low and no prompt is playing."""
        return self._saying is None and not self._adrift and self._alive_until - self._loop.time() < _RENEW_BELOW

    # --- the actor ---

    async def run_until_over(self, first: Sequence[Effect] | Happening) -> None:
        """Serve the caller to the end of the run, or until they are given to the dialplan.

        Args:
            first: the effects of a run just begun, or what happens first to one that goes on.
        """
        try:
            if isinstance(first, Sequence):
                await self._carry_out(first)
            else:
                await self._take(first)
            while self.run.phase not in (Phase.OVER, Phase.QUEUED):
                await self._take(await self._mailbox.next())
        finally:
            self._let_go()
            await self._notes.settle(self.run)

    async def _take(self, item: Item) -> None:
        match item:
            case ChunkEnded():
                await self._chunk_ended(item)
            case Refused():
                await self._refused(item)
            case StillThere():
                await self._renew()
            case Left():
                await self._happen(Gone(self._who_left()))
            case Resumed():
                await self._resume()
            case _:
                if not isinstance(item, KeyPressed | Found):
                    self._key_at = None
                await self._happen(item)

    async def _resume(self) -> None:
        """Go on after we, or the connection, were away: hush what still plays, renew the timer, say it again."""
        self._adrift = False
        self._alive_until = self._loop.time()
        try:
            await self._hush()
            await self._stay_alive(_RENEW_BELOW)
        except _OUT_OF_REACH as error:
            await self._cut_off(error)
        else:
            await self._happen(Resumed())

    async def _hush(self) -> None:
        if self._saying is not None:
            await self._stop()
        elif self.run.playback:
            for chunk in range(_CHUNKS_TO_HUSH):
                await self._stop_chunk(self.run.playback, chunk)

    def _drift(self, error: AriUnavailable) -> None:
        self._adrift = True
        log.warning("caller_waits_for_ari", channel=self.run.channel, reason=str(error))

    async def _happen(self, happening: Happening) -> None:
        run, effects = engine.advance(self._met.flow, self.run, happening, self._means.clock())
        self.run = run
        await self._carry_out(effects)

    async def _carry_out(self, effects: Sequence[Effect]) -> None:
        self._notes.add([e for e in effects if isinstance(e, WriteStep)])
        try:
            if not self._answered and not self._gone:
                self._notes.save(self.run)
                await self._means.ari.answer(self.run.channel)
                self._answered = True
            for effect in effects:
                await self._do(effect)
        except _OUT_OF_REACH as error:
            await self._cut_off(error)
        finally:
            self._notes.save(self.run)

    async def _do(self, effect: Effect) -> None:
        match effect:
            case Play():
                await self._play(effect)
            case StopPlaying():
                await self._stop()
            case StartTimer(timer, seconds):
                self._start_timer(timer, seconds)
            case LookUp(number, question):
                self._look_up(number, question)
            case HandOver():
                await self._hand_over(effect)
            case HangUp():
                await self._notes.settle(self.run)
                await self._means.ari.leave(self.run.channel)
            case WriteStep():
                pass  # kept already, with the checkpoint
            case _:
                assert_never(effect)

    async def _cut_off(self, error: AsteriskError) -> None:
        """One of `_OUT_OF_REACH`: ARI is away for a while, or the channel is not ours any more."""
        if isinstance(error, AriUnavailable):
            self._drift(error)
        else:
            await self._lost_channel(error)

    async def _lost_channel(self, error: AsteriskError) -> None:
        """Asterisk says the channel is not ours any more; StasisEnd may have told us already, or be on its way."""
        if self._gone:
            return
        self._gone = True
        log.info("caller_left", channel=self.run.channel, reason=str(error))
        await self._happen(Gone(self._who_left()))

    async def _refused(self, refused: Refused) -> None:
        error, saying = refused.error, self._saying
        if isinstance(error, _OUT_OF_REACH):
            await self._cut_off(error)
        elif saying is not None and saying.play.playback == refused.playback:
            await self._prompt_refused(saying, error)

    def _failed(self, error: AsteriskError) -> None:
        self.post(Refused(error))

    def _who_left(self) -> str:
        # Past the dead-man timer it was the dialplan that took the caller away from a daemon that did not stir.
        return "lost" if self._loop.time() > self._alive_until - 0.5 else "caller"

    # --- prompts ---

    async def _play(self, play: Play) -> None:
        try:
            parts = chunks(play, self._met.speaker)
        except PromptError as error:
            log.error("prompt_missing", reason=str(error))
            parts = ()
        if not parts:
            self.post(PromptEnded(play.playback, heard=False))
            return
        self._saying = _Saying(play, parts)
        await self._play_chunk(self._saying)

    async def _play_chunk(self, saying: _Saying) -> None:
        chunk, playback = saying.chunks[saying.at], saying.play.playback
        await self._stay_alive(chunk.seconds)
        self._meter()
        self._sounding.add((playback, saying.at))
        name = playback_id(self.run.channel, playback, saying.at)
        try:
            await self._means.ari.play(
                self.run.channel, name, chunk.uris, lambda error: self.post(Refused(error, playback))
            )
        except _OUT_OF_REACH:
            raise
        except AsteriskError as error:
            await self._prompt_refused(saying, error)
            return
        self._said(saying.play, chunk)
        self._overdue.set(chunk.seconds + _OVERDUE)

    async def _prompt_refused(self, saying: _Saying, error: AsteriskError) -> None:
        log.error("prompt_refused", channel=self.run.channel, reason=str(error))
        self._silenced()
        self.post(PromptEnded(saying.play.playback, heard=False))

    def _is_overdue(self) -> None:
        if self._saying is not None:
            self.post(ChunkEnded(self._saying.play.playback, self._saying.at, failed=True, told=False))

    def _silenced(self) -> None:
        self._saying = None
        self._overdue.clear()

    async def _chunk_ended(self, ended: ChunkEnded) -> None:
        saying = self._saying
        if ended.told:
            self._sounding.discard((ended.playback, ended.chunk))
        if saying is None or (ended.playback, ended.chunk) != (saying.play.playback, saying.at):
            return
        self._overdue.clear()
        saying.at += 1
        if ended.failed or saying.at == len(saying.chunks):
            self._saying = None
            await self._happen(PromptEnded(ended.playback, heard=not ended.failed))
            return
        await self._carry_on(saying)

    async def _carry_on(self, saying: _Saying) -> None:
        try:
            await self._play_chunk(saying)
        except _OUT_OF_REACH as error:
            await self._cut_off(error)
        finally:
            self._notes.save(self.run)

    async def _stop(self) -> None:
        saying = self._saying
        if saying is not None:
            self._silenced()
            await self._stop_chunk(saying.play.playback, saying.at)

    async def _stop_chunk(self, playback: int, chunk: int) -> None:
        try:
            await self._means.ari.stop_playback(playback_id(self.run.channel, playback, chunk), self._not_stopped)
        except (AriGone, AriConflict) as error:
            self._not_stopped(error)

    def _not_stopped(self, error: AsteriskError) -> None:
        if not isinstance(error, AriGone | AriConflict):  # it ended in the same moment
            self._failed(error)

    def _meter(self) -> None:
        if self._key_at is not None:
            self._means.key_to_play.observe(max(0.0, (self._means.clock() - self._key_at).total_seconds()))
            self._key_at = None

    # --- the dead-man timer ---

    async def _stay_alive(self, seconds: float, floor: float = 0.0) -> None:
        """Set the timer anew if it would run out within `seconds` and a margin (or within `floor` seconds)."""
        now = self._loop.time()
        if self._alive_until - now >= max(seconds + _ALIVE_MARGIN, floor):
            return
        limit = max(ALIVE_SECONDS, round(seconds + 2 * _ALIVE_MARGIN + 0.5))
        await self._set("TIMEOUT(absolute)", str(limit))
        self._alive_until = now + limit

    async def _renew(self) -> None:
        """Keep the timer running while the caller hears nothing."""
        try:
            await self._stay_alive(0.0, floor=_RENEW_BELOW)
        except (AriGone, AriConflict) as error:
            await self._lost_channel(error)
        except AriUnavailable:
            pass  # tried again at the next tick; the dialplan takes over if this lasts

    async def _set(self, name: str, value: str) -> None:
        if not self._sounding:
            await self._means.ari.set_in_silence(self.run.channel, name, value, self._failed)
            return
        self._notes.save(self.run)
        await self._means.ari.set_variable(self.run.channel, name, value)
        self._sounding.clear()  # it waited for the end of whatever played

    # --- timers and lookups ---

    def _start_timer(self, timer: int, seconds: float) -> None:
        self._timer_number = timer
        self._timer.set(seconds)

    def _time_is_up(self) -> None:
        self.post(TimeUp(self._timer_number))

    def _look_up(self, number: int, question: Question) -> None:
        if self._lookup is not None:
            self._lookup.cancel()
        self._lookup = asyncio.create_task(self._answer(number, question), name=f"lookup-{self.run.channel}")

    async def _answer(self, number: int, question: Question) -> None:
        try:
            async with asyncio.timeout(engine.GIVE_UP_AFTER + 1):
                answer = await self._means.lookups.answer(question)
        except Exception as error:  # whatever a CRM does, the caller is helped
            log.warning("lookup_failed", what=question.what, reason=f"{type(error).__name__}: {error}")
            self.post(LookupFailed(number, type(error).__name__))
        else:
            self.post(Found(number, answer))

    # --- leaving ---

    async def _hand_over(self, given: HandOver) -> None:
        await self._notes.settle(self.run)
        try:
            for name, value in given.settings.items():
                await self._set(f"PBXB_{name.upper()}", value)
            await self._set("CHANNEL(language)", given.language)
        finally:
            await self._means.ari.continue_at(self.run.channel, context_of(given.what), given.to)

    def _let_go(self) -> None:
        self._timer.close()
        self._overdue.close()
        if self._lookup is not None:
            self._lookup.cancel()

    # --- the record ---

    def _said(self, play: Play, chunk: Chunk) -> None:
        if not chunk.begins:
            return
        steps: list[WriteStep] = []
        for part in chunk.begins:
            data = {
                "prompt": part.prompt,
                "language": part.language,
                "text": self._met.speaker.text(part.prompt, part.language, play.values),
                "playback": play.playback,
                "listens": play.listens,
            }
            steps.append(WriteStep(self.run.steps + len(steps), StepKind.SAID, self.run.at, data))
        self.run = msgspec.structs.replace(self.run, steps=self.run.steps + len(steps))
        self._notes.add(steps)
