"""Keep programs running: start each in order, start again what dies, stop all in reverse. Knows no Asterisk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.child import Child, ChildSpec, start

# Seconds before the nth start in a row of lives too short to count.
_DELAYS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
_KILLED_S = 1.0  # at most, when a signal ended it: whoever sent it, callers wait; the promise is 2 s
_SHORT_LIFE_S = 10.0
_POLL_S = 0.05
_FROZEN_AFTER = 3  # signs of life missed in a row

Say = Callable[[str], None]
Ready = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A program to keep running.

    Attributes:
        ready: tells when it serves; `ready_s` is how long it may take to.
        alive: tells that it stirs, asked every `alive_s` seconds; a program that does not is killed and started
            again, as its sockets would keep callers waiting for it. None: not asked.
    """

    spec: ChildSpec
    ready: Ready
    ready_s: float = 30.0
    alive: Ready | None = None
    alive_s: float = 5.0


def delay(short_lives: int, *, killed: bool = False) -> float:
    """Seconds to wait before starting again, after so many short lives in a row.

    A program that ends by itself again and again waits longer than one that was killed.
    """
    wait = _DELAYS[min(short_lives, len(_DELAYS) - 1)]
    return min(wait, _KILLED_S) if killed else wait


class Keeper:
    """Keeps programs running until told to stop. One per run; not for use by two tasks at once."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._children: dict[str, Child] = {}
        self._stopping = False

    async def start(self, kept: Kept) -> None:
        """Start a program for the first time and wait until it serves. Raises PbxError with its own last words."""
        child = await self._launch(kept)
        await _await_ready(child, kept)

    async def watch(self, programs: Sequence[Kept]) -> None:
        """Start again whatever dies. Ends only by being cancelled."""
        async with asyncio.TaskGroup() as group:
            for kept in programs:
                group.create_task(self._watch(kept), name=f"keep {kept.spec.name}")

    async def stop(self) -> None:
        """Stop everything, the last started first, each within its bound."""
        self._stopping = True
        for child in reversed(self._children.values()):
            if child.running:
                self._say(f"stopping {child.spec.name}")
            await child.stop()
            if (successor := child.successor()) is not None:
                await successor.stop()
            child.spec.pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """Kill everything at once: the operator is in a hurry."""
        for child in self._children.values():
            child.kill()

    async def _watch(self, kept: Kept) -> None:
        short_lives = 0
        while True:
            child = self._children[kept.spec.name]
            await self._until_ended(child, kept)
            if (successor := child.successor()) is not None:
                self._say(f"{kept.spec.name} handed over to process {successor.process.pid}")
                self._children[kept.spec.name] = successor
                continue
            short = time.monotonic() - child.started < _SHORT_LIFE_S
            short_lives = short_lives + 1 if short else 0
            wait = delay(short_lives, killed=child.killed)
            self._say(f"{kept.spec.name} ended ({child.ending()}); starting it again in {wait:g} s")
            await asyncio.sleep(wait)
            try:
                await _await_ready(await self._launch(kept), kept)
                self._say(f"{kept.spec.name} is back")
            except PbxError as error:
                self._say(str(error))

    async def _until_ended(self, child: Child, kept: Kept) -> None:
        ended = asyncio.ensure_future(child.wait())
        missed = 0
        try:
            while kept.alive is not None and not ended.done() and missed < _FROZEN_AFTER:
                await asyncio.wait({ended}, timeout=kept.alive_s)
                missed = 0 if ended.done() or await kept.alive() else missed + 1
            if not ended.done() and missed:
                self._say(f"{kept.spec.name} runs but does not stir: killing it")
                child.kill()
            await ended
        finally:
            ended.cancel()

    async def _launch(self, kept: Kept) -> Child:
        # Shielded: a child that exists but is not in the table would never be stopped.
        task = asyncio.ensure_future(start(kept.spec))
        try:
            child = await asyncio.shield(task)
        except asyncio.CancelledError:
            child = await task
            self._children[kept.spec.name] = child
            raise
        self._children[kept.spec.name] = child
        return child


async def _await_ready(child: Child, kept: Kept) -> None:
    try:
        async with asyncio.timeout(kept.ready_s):
            while not await kept.ready():
                if not child.running:
                    raise PbxError(f"{kept.spec.name} did not start ({child.ending()})")
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        words = child.last_words()
        hint = f": {words}" if words else ""
        raise PbxError(
            f"{kept.spec.name} does not serve after {kept.ready_s:g} s{hint}; see {kept.spec.log}"
        ) from None
    if not child.running:
        raise PbxError(f"{kept.spec.name} did not start ({child.ending()})")
