"""Takes the recordings of calls that are over into our tree, and lets go of those whose time is up.

    told of by a fact ─► call over, file settled ─► copied ─► in the store ─► source removed

Each step may be the last before a death: the next turn finds what was done and goes on. A recording of nobody is
removed; one without a file is marked as missing, and found again if it comes to light.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from pbx_bridge.health import Clock, Health, LinkState, utc_now
from pbx_bridge.spool.recording_files import RecordingFiles, is_silent
from pbx_bridge.spool.rounds import EVERY_S, rounds
from pbx_bridge.store.recordings import DueRecording, Recording, Recordings, RecordingState

log = structlog.get_logger()

KEEP_DAYS = 365  # of an outcome that the settings do not name
_SETTLED_S = 2.0  # Asterisk writes 2 s of sound at once, and the rest when the channel ends, which ends the call
_MISSING_S = 60.0  # so long after a call's end no file comes any more


def place_of(recording: Recording) -> str:
    """Where a recording is kept, below the tree's root: by its day in UTC."""
    return f"{recording.started_at:%Y/%m/%d}/{recording.file}"


class RecordingKeeper:
    """Follows one node's recordings. Run `run()` as a task; it ends only when cancelled.

    Args:
        node: the PBX's systemname.
        keep_days: days by outcome, `default` for the others; 0 keeps for ever.
        every_s: seconds between two looks at what is due.
    """

    def __init__(
        self,
        *,
        node: str,
        files: RecordingFiles,
        recordings: Recordings,
        health: Health,
        keep_days: Mapping[str, int] | None = None,
        clock: Clock = utc_now,
        every_s: float = EVERY_S,
    ) -> None:
        self._node, self._files, self._recordings, self._health = node, files, recordings, health
        self.keep_days, self._clock, self._every_s = keep_days or {}, clock, every_s

    async def run(self) -> None:
        """Take over what is due, for ever; once a day also tidy up."""
        await rounds(self.turn, self.tidy, self._report, self._every_s)

    async def turn(self) -> None:
        """Take over every recording that is due. Raises StoreError."""
        trouble = ""
        for due in await self._recordings.due(self._node):
            try:
                await self._take(due)
            except OSError as error:
                trouble = f"{due.recording.file}: {error.strerror or error}"
        self._report(trouble)

    async def tidy(self) -> None:
        """What needs no hurry: sources left behind, files that went, recordings whose time is up.

        Raises StoreError, OSError.
        """
        for file in await asyncio.to_thread(self._files.sources):
            recording = await self._recordings.get(self._node, file)
            if recording is not None:
                await self._clear(recording)
        async for recording in expire(self._recordings, self._files, self.keep_days, self._clock()):
            log.info("recording_expired", call=recording.call_id, file=recording.file)
        async for listed in self._recordings.since():
            await check_kept(self._recordings, self._files, listed.recording)

    async def _take(self, due: DueRecording) -> None:
        recording, now = due.recording, self._clock()
        age_s = await asyncio.to_thread(self._files.age_s, recording.file, now.timestamp())
        if age_s is None:
            await self._without_source(due, now)
        elif age_s >= _SETTLED_S:
            await self._take_settled(recording)

    async def _take_settled(self, recording: Recording) -> None:
        if is_silent(await asyncio.to_thread(self._files.size, recording.file)):
            await self._recordings.put(replace(recording, state=RecordingState.EMPTY))
        else:
            path = place_of(recording)
            sound = await asyncio.to_thread(self._files.copy, recording.file, path)
            await self._recordings.put(_kept(recording, path, sound.length_us, sound.size, sound.sha256))
        await asyncio.to_thread(self._files.drop_source, recording.file)

    async def _without_source(self, due: DueRecording, now: datetime) -> None:
        """No source: it was taken before the store forgot it (a backup was put back), or there never was one."""
        path = place_of(due.recording)
        try:
            sound = await asyncio.to_thread(self._files.measure, path)
        except FileNotFoundError:
            if now - due.ended_at >= timedelta(seconds=_MISSING_S):
                log.warning("recording_missing", call=due.recording.call_id, file=due.recording.file)
                await self._recordings.put(replace(due.recording, state=RecordingState.MISSING))
        else:
            await self._recordings.put(_kept(due.recording, path, sound.length_us, sound.size, sound.sha256))

    async def _clear(self, recording: Recording) -> None:
        """A source whose recording is settled: left by a death before its removal, or come to light late."""
        match recording.state:
            case RecordingState.AWAITED:
                return
            case RecordingState.PRESENT if await asyncio.to_thread(self._files.has, recording.path, recording.size):
                await asyncio.to_thread(self._files.drop_source, recording.file)
            case RecordingState.EXPIRED:
                await asyncio.to_thread(self._files.drop_source, recording.file)
            case _:
                await self._recordings.put(replace(recording, state=RecordingState.AWAITED))

    def _report(self, trouble: str) -> None:
        if trouble:
            self._health.report("recordings", LinkState.DEGRADED, f"a recording cannot be kept: {trouble}")
        else:
            self._health.report("recordings", LinkState.UP)


def _kept(recording: Recording, path: str, length_us: int, size: int, sha256: str) -> Recording:
    return replace(recording, state=RecordingState.PRESENT, path=path, length_us=length_us, size=size, sha256=sha256)


class Shelf:
    """The recordings of a call as they are at this moment, for whoever looks at the call."""

    def __init__(self, recordings: Recordings, files: RecordingFiles) -> None:
        self._recordings, self._files = recordings, files

    async def of_call(self, call_id: str) -> list[Recording]:
        """Every recording of a call, in order; one whose file went a moment ago is gone. Raises StoreError."""
        found = await self._recordings.of_call(call_id)
        return await asyncio.to_thread(lambda: [_as_it_is(one, self._files) for one in found]) if found else []


async def check_kept(recordings: Recordings, files: RecordingFiles, recording: Recording) -> Recording:
    """The recording as it is now: gone if its file went, kept if it came back. Raises StoreError."""
    now = await asyncio.to_thread(_as_it_is, recording, files)
    if now != recording:
        log.warning("recording_state_changed", call=now.call_id, file=recording.file, state=now.state)
        await recordings.put(now)
    return now


def _as_it_is(recording: Recording, files: RecordingFiles) -> Recording:
    if recording.state not in (RecordingState.PRESENT, RecordingState.GONE):
        return recording
    there = files.has(recording.path, recording.size)
    return replace(recording, state=RecordingState.PRESENT if there else RecordingState.GONE)


async def expire(
    recordings: Recordings,
    files: RecordingFiles,
    keep_days: Mapping[str, int],
    now: datetime,
    *,
    dry_run: bool = False,
) -> AsyncIterator[Recording]:
    """Remove the kept files whose time is up, oldest first, and tell each; with `dry_run` only tell.

    The file goes first: after a death between the two the next time finds it due again. Raises StoreError, OSError.
    """
    shortest = min((days for days in {"default": KEEP_DAYS, **keep_days}.values() if days), default=0)
    if not shortest:
        return
    async for listed in recordings.since(end=now - timedelta(days=shortest)):
        recording = listed.recording
        days = keep_days.get(listed.outcome, keep_days.get("default", KEEP_DAYS))
        up = days and now - recording.started_at >= timedelta(days=days)
        if recording.state is not RecordingState.PRESENT or not up:
            continue
        if not dry_run:
            await asyncio.to_thread(files.drop_kept, recording.path)
            await recordings.put(replace(recording, state=RecordingState.EXPIRED))
        yield recording
