"""Rotation: spool files that are read and committed are set aside when they are big or old, and dropped in the end.

    cel.csv ─► cel.csv.20261122T031500Z ─► gone after so many days

Setting aside is a rename: the reader follows a file by its content, and Asterisk opens cel.csv for each row, so the
next row makes a new one. queue_log it keeps open, and goes on writing into the renamed file, until AMI's LoggerRotate
makes it open a new one. Only files set aside here are ever dropped, only if they were read to their end and have not
been written to for those days. Blocking work runs in a thread.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from pbx_bridge.calls.source import Cursor
from pbx_bridge.errors import BridgeError
from pbx_bridge.spool.generation import Generation, generation_of

log = structlog.get_logger()

_LOOK_S = 60.0
_DAY_S = 86400.0
_STAMP = "%Y%m%dT%H%M%SZ"
_STAMPED = re.compile(r"\.\d{8}T\d{6}Z")
_NEARLY = 64 * 1024  # of a busy file, these last bytes may be on their way to the store


class Cursors(Protocol):
    """What rotation needs of the journal."""

    async def cursors(self, node: str) -> list[Cursor]:
        """How far each file was read and committed. Raises StoreError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When a file is set aside, and when it is dropped.

    Attributes:
        rotate_bytes: when it is as big as that; 0: never.
        rotate_s: or when its first record is as old as that, in seconds.
        keep_days: dropped so many days after it was last written to; 0: never.
    """

    rotate_bytes: int = 64 * 1024 * 1024
    rotate_s: float = _DAY_S
    keep_days: int = 30


class Rotator:
    """Rotates the spools of one node.

    Args:
        files: the live file of each source.
        reopen: makes Asterisk open its queue_log anew; raises BridgeError when that is not to be had now.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        *,
        node: str,
        files: Mapping[str, Path],
        journal: Cursors,
        rules: Rules,
        reopen: Callable[[], Awaitable[object]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._node, self._files, self._journal, self.rules = node, files, journal, rules
        self._reopen, self._clock = reopen, clock

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            try:
                await self.turn()
            except (BridgeError, OSError) as error:  # tried again: nothing of it is urgent
                log.warning("spool_not_rotated", reason=str(error))
            await asyncio.sleep(_LOOK_S)

    async def turn(self) -> None:
        """One look at all files. Raises BridgeError, OSError."""
        read = _offsets(await self._journal.cursors(self._node))
        for source, path in self._files.items():
            if source == "queue" and await asyncio.to_thread(self._is_held, path):
                await self._reopen()
            if await asyncio.to_thread(self._rotate, source, path, read) and source == "queue":
                await self._reopen()
            await asyncio.to_thread(self._drop, source, path, read)

    def _rotate(self, source: str, path: Path, read: Mapping[str, int]) -> bool:
        """Set the live file aside if it is time; True when it was."""
        live, rules = generation_of(path, source), self.rules
        if live is None or not rules.rotate_bytes:
            return False
        if live.size < rules.rotate_bytes and live.begun > self._clock() - rules.rotate_s:
            return False
        if _read_up_to(live, read) < live.size - _NEARLY:
            return False
        aside = path.with_name(path.name + time.strftime(f".{_STAMP}", time.gmtime(self._clock())))
        if aside.exists():
            return False
        os.rename(path, aside)
        log.info("spool_rotated", file=aside.name, bytes=live.size)
        return True

    def _is_held(self, path: Path) -> bool:
        """It was set aside, and no new one is there: Asterisk may not have been told."""
        return not path.exists() and any(True for _ in _set_aside(path))

    def _drop(self, source: str, path: Path, read: Mapping[str, int]) -> None:
        if not self.rules.keep_days or generation_of(path, source) is None:
            return  # the last file that was written to is never dropped
        for aside in list(_set_aside(path)):
            if self._clock() - aside.stat().st_mtime < self.rules.keep_days * _DAY_S:
                continue
            told = generation_of(aside, source)
            if told is not None and _read_up_to(told, read) >= told.size:
                aside.unlink()
                log.info("spool_dropped", file=aside.name, bytes=told.size)


def _set_aside(path: Path) -> Iterator[Path]:
    for name in sorted(os.listdir(path.parent)):
        if name.startswith(path.name) and _STAMPED.fullmatch(name, len(path.name)):
            yield path.parent / name


def _offsets(cursors: Sequence[Cursor]) -> Mapping[str, int]:
    return {cursor.file: cursor.offset for cursor in cursors}


def _read_up_to(generation: Generation, read: Mapping[str, int]) -> int:
    """Bytes read and committed of what stands there now; of one that was cut and begun anew, see tail.py."""
    offset, number = read.get(generation.identity, 0), 2
    while (follower := f"{generation.identity}-{number}") in read:
        offset, number = read[follower], number + 1
    return offset
