"""The daemon's part in free text made ahead: sees what is lacking, has a process of its own make it, hands it out.

The store is looked at, not told of: whoever changes a note (an import, a flow, another daemon), it is seen within
`LOOK_S`. Voices run in a process of low priority, so that nothing here ever waits for one.
"""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from pbx_bridge.errors import PromptError, StoreError
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.ivr.ahead import Need, clips_of, needs_of, texts_of
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.phrase import Clip
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.sounds.ahead import GRACE_S, MadeAhead, sweep
from pbx_bridge.store.free_texts import FreeTexts

log = structlog.get_logger()

LOOK_S = 10.0  # between looks at the store: 15 ms of CPU each with 100,000 tickets, 5,000 of them with notes
_DONE = (0, 1)  # what it ends with: all is made; some is left
_NEWS_S = 1.0  # between looks at what the process has made so far
_AGAIN_S = (30.0, 3600.0)  # until what could not be done is tried again: at first, and at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the keeper works with.

    Attributes:
        met: each flow that new callers meet, and its texts.
        texts: the store's.
        command: makes what is lacking and drops the rest, as `pbx-bridge prompts ahead --now` does.
    """

    met: Callable[[], Iterable[tuple[Flow, PromptBook]]]
    texts: FreeTexts
    command: Sequence[str]


class AheadKeeper:
    """Keeps the clips of free text as the store and the flow in use want them.

    Args:
        sounds: the sounds folder. made: what voices have of it; this keeps it up to date.
    """

    def __init__(self, sounds: Path, made: MadeAhead, sources: Sources, clock: Clock = utc_now) -> None:
        self._sounds, self.made, self._sources, self._clock = sounds, made, sources, clock
        self._seen: object = None  # what `_wanted` was made of
        self._wanted: frozenset[Clip] = frozenset()
        self._tried: frozenset[Clip] = frozenset()  # in vain
        self._pause_s = _AGAIN_S[0]
        self._again_at = self._sweep_at = 0.0

    async def run(self) -> None:
        """Ends only when cancelled."""
        while True:
            try:
                await self.look()
            except (StoreError, PromptError, OSError) as error:
                log.warning("not_made_ahead", reason=str(error))
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Look once, and do what is to be done. Raises StoreError, PromptError, OSError."""
        await self._take_news()
        now = asyncio.get_running_loop().time()
        await self._look_for_wanted()
        if self._to_do() - (self._tried if now < self._again_at else frozenset()):
            await self._keep_up()
        elif self._sweep_at and now >= self._sweep_at:
            self._sweep_at = 0.0
            await asyncio.to_thread(sweep, self._sounds)

    def _to_do(self) -> frozenset[Clip]:
        """What is lacking, and what is to be dropped."""
        return self._wanted ^ self.made.clips.keys()

    async def _look_for_wanted(self) -> None:
        needed = needs_of(self._sources.met())
        seen = (needed, await texts_of(needed, self._sources.texts, self._clock()))
        if seen != self._seen:
            self._wanted = await asyncio.to_thread(_all_clips, *seen)
            self._seen = seen

    async def _keep_up(self) -> None:
        before = frozenset(self.made.clips)
        failed = await self._run()
        after = frozenset(self.made.clips)
        self._later(was_of_use=after != before)
        told = {"made": len(after - before), "dropped": len(before - after), "waiting": len(self._wanted - after)}
        if failed:
            log.warning("not_made_ahead", reason=failed, **told)
        else:
            log.info("made_ahead", **told)

    def _later(self, *, was_of_use: bool) -> None:
        now = asyncio.get_running_loop().time()
        self._sweep_at = now + GRACE_S + 1
        self._tried = frozenset() if was_of_use else self._to_do()
        self._again_at = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, _AGAIN_S[1]) if self._tried else _AGAIN_S[0]

    async def _run(self) -> str:
        """Have it made, taking up what is done as it comes; why it failed, else empty."""
        process = await asyncio.create_subprocess_exec(
            *self._sources.command, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
        )
        ending = asyncio.create_task(process.communicate())
        try:
            while not ending.done():
                await asyncio.wait({ending}, timeout=_NEWS_S)
                await self._take_news()
        finally:
            if process.returncode is None:
                process.terminate()
            await ending
        lines = ending.result()[1].decode(errors="replace").strip().splitlines()
        if process.returncode in _DONE and not lines:
            return ""
        return lines[-1] if lines else f"it ended with {process.returncode}"

    async def _take_news(self) -> None:
        self.made.take(await asyncio.to_thread(self.made.news))


def _all_clips(needed: tuple[Need, ...], texts: dict[str, list[str]]) -> frozenset[Clip]:
    return frozenset(clips_of(needed, texts))
