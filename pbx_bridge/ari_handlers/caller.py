"""One caller in our hands: takes what happens to the channel, asks the engine, does what it says.

Everything about one call goes through its mailbox, in order. What the caller hears is saying.py's business, the
dead-man timer dead_man.py's.

Most requests are told, not awaited (requests.py): what Asterisk refuses comes back through the mailbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

import msgspec
import structlog

from pbx_bridge.ari_handlers.alarm import Alarm
from pbx_bridge.ari_handlers.dead_man import ALIVE_SECONDS, DeadMan
from pbx_bridge.ari_handlers.mailbox import Mailbox
from pbx_bridge.ari_handlers.notes import Keep, Notes
from pbx_bridge.ari_handlers.repertoire import Repertoire
from pbx_bridge.ari_handlers.requests import Ari
from pbx_bridge.ari_handlers.saying import OUT_OF_REACH, ChunkEnded, Mouth, Refused
from pbx_bridge.ari_handlers.speech import Chunk
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.errors import AriConflict, AriGone, AriUnavailable, AsteriskError
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
    Part,
    Phase,
    Place,
    Play,
    Resumed,
    Run,
    StartTimer,
    StopPlaying,
    TimeUp,
    WriteStep,
)
from pbx_bridge.values.number_rules import PLAIN, NumberRules

log = structlog.get_logger()

_MAILBOX = 256


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
    numbers: NumberRules = PLAIN


def context_of(place: Place) -> str:
    """The dialplan's context for a caller who is given to it (asterisk-conf/extensions.conf)."""
    return f"pbxb-{place}"


class Caller:
    """The actor of one call. `run_until_over()` is its task; everything else only posts to it."""

    def __init__(self, run: Run, means: Means, *, answered: bool, alive_for: float = ALIVE_SECONDS) -> None:
        self.run, self._means = run, means
        self._met = means.flows.of(run.version, run.called)  # to the end, whatever is deployed meanwhile
        self._answered = answered
        self._mailbox: Mailbox[Item] = Mailbox(_MAILBOX)
        self._dead_man = DeadMan(
            means.ari,
            run.channel,
            alive_for=alive_for,
            playback=run.playback,
            failed=self._failed,
            waiting=lambda: self._notes.save(self.run),
        )
        self._mouth = Mouth(means.ari, run.channel, self._met.speaker, self._dead_man, self)
        self._timer, self._timer_number = Alarm(self._time_is_up), 0
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
        return self._mouth.silent and not self._adrift and self._dead_man.is_due

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
        self._dead_man.forget()
        try:
            await self._mouth.hush(self.run.playback)
            await self._dead_man.renew()
        except OUT_OF_REACH as error:
            await self._cut_off(error)
        else:
            await self._happen(Resumed())

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
        except OUT_OF_REACH as error:
            await self._cut_off(error)
        finally:
            self._notes.save(self.run)

    async def _do(self, effect: Effect) -> None:
        match effect:
            case Play():
                await self._mouth.say(effect)
            case StopPlaying():
                await self._mouth.stop()
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
        """One of `OUT_OF_REACH`: ARI is away for a while, or the channel is not ours any more."""
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
        if isinstance(refused.error, OUT_OF_REACH):
            await self._cut_off(refused.error)
        else:
            self._mouth.refused(refused)

    def _failed(self, error: AsteriskError) -> None:
        self.post(Refused(error))

    def _who_left(self) -> str:
        # Past the dead-man timer it was the dialplan that took the caller away from a daemon that did not stir.
        return "lost" if self._dead_man.left < 0.5 else "caller"

    # --- prompts, and the dead-man timer in silence ---

    async def _chunk_ended(self, ended: ChunkEnded) -> None:
        over = None
        try:
            over = await self._mouth.ended(ended)
        except OUT_OF_REACH as error:
            await self._cut_off(error)
        finally:
            self._notes.save(self.run)
        if over is not None:
            await self._happen(over)

    def begins(self, play: Play, chunk: Chunk) -> None:
        """See saying.Owner."""
        self._meter()
        self._said(play, chunk)

    def _meter(self) -> None:
        if self._key_at is not None:
            self._means.key_to_play.observe(max(0.0, (self._means.clock() - self._key_at).total_seconds()))
            self._key_at = None

    async def _renew(self) -> None:
        """Keep the timer running while the caller hears nothing."""
        try:
            await self._dead_man.renew()
        except (AriGone, AriConflict) as error:
            await self._lost_channel(error)
        except AriUnavailable:
            pass  # tried again at the next tick; the dialplan takes over if this lasts

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
                await self._dead_man.set(f"PBXB_{name.upper()}", value)
            await self._dead_man.set("CHANNEL(language)", given.language)
        finally:
            await self._means.ari.continue_at(self.run.channel, context_of(given.what), given.to)

    def _let_go(self) -> None:
        self._timer.close()
        self._mouth.close()
        if self._lookup is not None:
            self._lookup.cancel()

    # --- the record ---

    def _said(self, play: Play, chunk: Chunk) -> None:
        if not chunk.begins:
            return
        steps: list[WriteStep] = []
        for part, text in zip(chunk.begins, chunk.texts, strict=True):
            data = _said_data(play, part, text)
            steps.append(WriteStep(self.run.steps + len(steps), StepKind.SAID, self.run.at, data))
        self.run = msgspec.structs.replace(self.run, steps=self.run.steps + len(steps))
        self._notes.add(steps)


def _said_data(play: Play, part: Part, text: str) -> dict[str, Any]:
    told = {"prompt": part.prompt, "language": part.language, "playback": play.playback, "listens": play.listens}
    return told | ({"recording": part.recording} if part.recording else {"text": text})
