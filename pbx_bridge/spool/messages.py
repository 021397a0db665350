"""Puts the messages that callers recorded into our tree, and lets go of those whose time is up.

    recorded by the dialplan ─► copied ─► in the store ─► call over ─► on the call's record ─► source removed

The flow asks for the first two when the caller is done with a message; whatever a call left behind that is over (its
caller hung up, we were killed, the store was away) goes the whole way then. Each step may be the last before a death:
the next turn finds what was done and goes on. A take in which nothing was said goes with its source.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from pbx_bridge.calls.fact_text import step_fact
from pbx_bridge.calls.facts import Step, StepKind
from pbx_bridge.health import Clock, Health, LinkState, utc_now
from pbx_bridge.spool.message_sound import Sound, listen
from pbx_bridge.spool.recording_files import RecordingFiles
from pbx_bridge.spool.rounds import rounds
from pbx_bridge.store.messages import Message, Messages, Origin, origin_of
from pbx_bridge.store.open import Store

log = structlog.get_logger()

KEEP_DAYS = 365
SHORTEST_S = 1.0  # of a message whose flow node is gone
_ENDING = ".wav"
_SETTLED_S = 3.0  # without a write for so long, of a call that is over
_LATE = 1_000_000  # number of the first step that is not the run's own


class NotAMessage(OSError):
    """A name that no recording of this PBX's callers has."""


class MessageKeeper:
    """One node's messages. Run `run()` as a task; it ends only when cancelled.

    Args:
        node: the PBX's systemname.
        files: where Asterisk records, and our tree.
        keep_days: days a message is kept; 0: for ever.
        shortest_s: by flow node, how short a message is none.
    """

    def __init__(
        self,
        *,
        node: str,
        files: RecordingFiles,
        store: Store,
        health: Health,
        keep_days: int = KEEP_DAYS,
        shortest_s: Callable[[str], float] = lambda _: SHORTEST_S,
        clock: Clock = utc_now,
    ) -> None:
        self._node, self._files, self._store, self._health = node, files, store, health
        self.keep_days, self._shortest_s, self._clock = keep_days, shortest_s, clock

    # --- what flows ask for ---

    async def listen(self, name: str) -> Sound | None:
        """What is in a recording; None if there is none. Raises OSError, StoreError."""
        self._origin(name)
        kept = await self._store.messages.get(name)
        if kept is not None:
            return Sound(seconds=kept.seconds, audible=True)
        try:
            return await asyncio.to_thread(listen, self._files.source(name + _ENDING))
        except FileNotFoundError:
            return None

    async def keep(self, name: str) -> Message:
        """Put a message away; asked again, it is the same. Raises OSError, StoreError."""
        origin, kept = self._origin(name), await self._store.messages.get(name)
        if kept is not None:
            return kept
        made_at = await asyncio.to_thread(self._made_at, name)
        path = f"{made_at:%Y/%m/%d}/{name}{_ENDING}"
        copied = await asyncio.to_thread(self._files.copy, name + _ENDING, path)
        message = Message(
            name=name,
            origin=origin,
            caller=_caller(await self._steps(origin)),
            made_at=made_at,
            length_us=copied.length_us,
            size=copied.size,
            sha256=copied.sha256,
            path=path,
        )
        await self._store.messages.put(message)
        return message

    # --- what calls leave behind ---

    async def run(self) -> None:
        """Put away what calls left behind, for ever; once a day let go of what is old."""
        await rounds(self.turn, self.tidy, self._report)

    async def turn(self) -> None:
        """Put away what calls that are over left behind. Raises StoreError, OSError."""
        names = [file.removesuffix(_ENDING) for file in await asyncio.to_thread(self._files.sources)]
        ours = [name for name in names if origin_of(name, self._node) is not None]
        # A run is on disk before its recording begins: what is here and has none belongs to a call that is over.
        callers = {run.channel for run in await self._store.runs.all(self._node)} if ours else set()
        trouble = ""
        for name in ours:
            try:
                if self._origin(name).channel not in callers and await self._is_settled(name):
                    await self._finish(name)
            except OSError as error:
                trouble = f"{name}: {error.strerror or error}"
        self._report(trouble)

    async def tidy(self) -> None:
        """Let go of what was kept for as long as the settings say. Raises StoreError, OSError."""
        async for message in expire(self._store.messages, self._files, self.keep_days, self._clock()):
            log.info("message_expired", channel=message.origin.channel, message=message.name)

    async def _is_settled(self, name: str) -> bool:
        age_s = await asyncio.to_thread(self._files.age_s, name + _ENDING, self._clock().timestamp())
        return age_s is not None and age_s >= _SETTLED_S

    async def _finish(self, name: str) -> None:
        sound = await self.listen(name)
        if sound is not None and sound.audible and sound.seconds >= self._shortest_s(self._origin(name).flow_node):
            await self._tell(await self.keep(name))
        await asyncio.to_thread(self._files.drop_source, name + _ENDING)

    async def _tell(self, message: Message) -> None:
        """Have it on the call's record, if the run did not live to say so."""
        told = [step for step in await self._steps(message.origin) if step.kind is StepKind.RECORDED]
        if any(step.data.get("name") == message.name for step in told):
            return
        step = step_fact(
            node=self._node,
            channel=message.origin.channel,
            sequence=_LATE + len(told),
            at=message.made_at + timedelta(microseconds=message.length_us),
            kind=StepKind.RECORDED,
            flow_node=message.origin.flow_node,
            data={"name": message.name, "seconds": round(message.seconds, 1), "result": "kept"},
        )
        await self._store.journal.add([step])

    def _made_at(self, name: str) -> datetime:
        source = self._files.source(name + _ENDING)
        ended = datetime.fromtimestamp(source.lstat().st_mtime, UTC)
        return ended - timedelta(seconds=listen(source).seconds)

    def _origin(self, name: str) -> Origin:
        origin = origin_of(name, self._node)
        if origin is None:
            raise NotAMessage(f"{name!r} is no message of this PBX")
        return origin

    async def _steps(self, origin: Origin) -> list[Step]:
        return await self._store.steps.of(self._node, origin.channel)

    def _report(self, trouble: str) -> None:
        if trouble:
            self._health.report("messages", LinkState.DEGRADED, f"a message cannot be kept: {trouble}")
        else:
            self._health.report("messages", LinkState.UP)


def _caller(steps: list[Step]) -> str:
    started = next((step for step in steps if step.kind is StepKind.STARTED), None)
    return str(started.data.get("caller", "")) if started else ""


async def expire(
    messages: Messages, files: RecordingFiles, keep_days: int, now: datetime, *, dry_run: bool = False
) -> AsyncIterator[Message]:
    """Remove the files of messages whose time is up, oldest first, and tell each; with `dry_run` only tell.

    The file goes first: after a death between the two the next time finds it due again. Raises StoreError, OSError.
    """
    if not keep_days:
        return
    async for message in messages.since(end=now - timedelta(days=keep_days)):
        if not message.path:
            continue
        if not dry_run:
            await asyncio.to_thread(files.drop_kept, message.path)
            await messages.put(replace(message, path=""))
        yield message
