"""What `pbx-bridge recordings` does, beside a daemon that may run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pbx_bridge.errors import InputError
from pbx_bridge.health import utc_now
from pbx_bridge.spool.recording_files import NO_KEYS, RecordingFiles
from pbx_bridge.spool.recordings import check_kept, expire
from pbx_bridge.spool.sound_keys import SoundKeys
from pbx_bridge.store.calls_text import moment_of
from pbx_bridge.store.commands import Place
from pbx_bridge.store.open import Store
from pbx_bridge.store.recordings import Recording, RecordingState

Show = Callable[[str], None]

_YOUNG_S = 300.0  # a source younger than this may belong to a call whose facts are still being read
_LINE = "{:<19}  {:<8}  {:>7}  {:>10}  {:<36}  {}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingPlace:
    """Where recordings are: the store, whose recordings, the two folders, how long they are kept, what opens them."""

    store: Place
    node: str
    spool: Path
    kept: Path
    keep_days: Mapping[str, int]
    keys: SoundKeys = NO_KEYS

    @property
    def files(self) -> RecordingFiles:
        """The two folders."""
        return RecordingFiles(self.spool, self.kept, self.keys)


async def show_recordings(place: RecordingPlace, show: Show, *, since: str | None) -> None:
    """Show every recording, oldest first. Raises InputError, StoreError."""
    start = moment_of(since, place.store.zone)
    async with place.store.open_existing() as store:
        show(_LINE.format("started", "state", "length", "bytes", "call id", "file"))
        async for listed in store.recordings.since(start):
            show(_line(place, listed.recording))


async def check_recordings(place: RecordingPlace, show: Show, *, since: str | None) -> int:
    """Show what is missing and what belongs to nobody; how many there are. Raises InputError, StoreError."""
    start, found = moment_of(since, place.store.zone), 0
    async with place.store.open_existing() as store:
        async for line in _faults(place, store, start):
            show(line)
            found += 1
    show(f"{found} found")
    return found


async def expire_recordings(place: RecordingPlace, show: Show, *, dry_run: bool) -> None:
    """Remove the recordings whose time is up, or only show them. Raises StoreError, InputError."""
    count = size = 0
    async with place.store.open_existing() as store:
        going = expire(store.recordings, place.files, place.keep_days, utc_now(), dry_run=dry_run)
        try:
            async for recording in going:
                show(_line(place, recording))
                count, size = count + 1, size + recording.size
        except OSError as error:
            raise InputError(str(error.strerror or error), path=error.filename) from error
    show(f"{count} recordings, {size} bytes {'would be removed' if dry_run else 'removed'}")


async def _faults(place: RecordingPlace, store: Store, start: datetime | None) -> AsyncIterator[str]:
    async for listed in store.recordings.since(start):
        recording = await check_kept(store.recordings, place.files, listed.recording)
        if recording.state in (RecordingState.GONE, RecordingState.MISSING):
            where = place.files.kept(recording.path) if recording.path else place.spool / recording.file
            yield f"{recording.state}: {where} (call {recording.call_id})"
        elif why := await asyncio.to_thread(place.files.why_locked, recording.path) if recording.path else "":
            yield f"locked: {place.files.found(recording.path)} (call {recording.call_id}): {why}"
    for path in await asyncio.to_thread(lambda: list(place.files.kept_paths())):
        known = await store.recordings.get(place.node, Path(path).name)
        if known is None or known.path != path or known.state is not RecordingState.PRESENT:
            yield f"orphaned: {place.files.found(path)}"
    for file in await asyncio.to_thread(place.files.sources):
        age_s = await asyncio.to_thread(place.files.age_s, file, time.time())
        if age_s is not None and age_s > _YOUNG_S and await store.recordings.get(place.node, file) is None:
            yield f"orphaned: {place.spool / file}"


def _line(place: RecordingPlace, recording: Recording) -> str:
    minutes, seconds = divmod(recording.length_us // 1_000_000, 60)
    return _LINE.format(
        f"{recording.started_at.astimezone(place.store.zone):%Y-%m-%d %H:%M:%S}",
        recording.state,
        f"{minutes}:{seconds:02}",
        recording.size,
        recording.call_id,
        recording.path or recording.file,
    )
