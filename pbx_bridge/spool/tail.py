"""The reader of one spool, across rotation, truncation and re-creation. Blocking: call it in a thread.

It follows one generation at a time. When that is read to its end and a newer one has records, it is finished:
Asterisk writes to one file at a time, and goes on in the new one only after its last word in the old.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pbx_bridge.calls.source import Cursor
from pbx_bridge.spool.batch import Loss, SpoolBatch
from pbx_bridge.spool.decoding import Decoding, whole
from pbx_bridge.spool.generation import (
    Generation,
    first_line,
    generation_of,
    generations,
    identity_of,
    look_at,
    open_file,
)
from pbx_bridge.spool.record import Found

MOST_RECORDS = 1000  # one batch is one transaction; memory stays constant however far behind we are
MOST_BYTES = 1024 * 1024
_TICK_NS = 100_000_000
_FRESH_S = 2.0  # a file that was read so short a time ago, to its end, is taken for read when it is cut


@dataclass(slots=True)
class _Open:
    """The generation being read. Kept open, so that it can be read to its end though its name is gone."""

    descriptor: int
    identity: str
    first: bytes
    seen: tuple[int, int] = (-1, -1)  # its time of change and size when it was last found to be the same file
    looked_at: float = 0.0  # monotonic seconds

    def close(self) -> None:
        os.close(self.descriptor)

    @property
    def stirred(self) -> bool:
        """It was written to since it was last seen; of two writes in one tick of the clock the size tells."""
        return _change(os.fstat(self.descriptor)) != self.seen

    @property
    def has_a_name(self) -> bool:
        return os.fstat(self.descriptor).st_nlink > 0

    def is_at(self, place: os.stat_result | None) -> bool:
        """True when that is this very file."""
        ours = os.fstat(self.descriptor)
        return place is not None and (place.st_dev, place.st_ino) == (ours.st_dev, ours.st_ino)


class Tail:
    """One spool: the file at `path`, and what it was rotated into.

    Args:
        path: where Asterisk writes.
        cursors: how far each generation was read before; those of other nodes and sources are passed over.

    `awaited` is what is known to be there and not read, by identity, with the bytes it held (None: unknown). When it
    can no longer be found, it is a loss. Whoever makes a Tail adds what an earlier process was reading.
    `most_records` is how many a batch holds at most.
    """

    def __init__(self, path: Path, decoding: Decoding, cursors: Iterable[Cursor] = ()) -> None:
        self.path, self.node, self.source = path, decoding.node, decoding.source
        self._decoding = decoding
        self._open: _Open | None = None
        self._folder = 0  # its time of change when it was last looked through
        self.most_records = MOST_RECORDS
        self.resume(cursors)
        self._losses: list[Loss] = []
        self.awaited: dict[str, int | None] = {}
        self.caught_up = False  # the last reading came to the end of all there was
        self._bytes = (b"", 0)  # of the last batch, and how many of them are in it

    def resume(self, cursors: Iterable[Cursor]) -> None:
        """Go on from there, wherever that is: what was read since may not be kept."""
        self._read = {c.file: c.offset for c in cursors if (c.node, c.source) == (self.node, self.source)}
        self._looked = False

    def read(self) -> SpoolBatch:
        """The next batch, falsy if there is nothing new. The same again until `advance`. Raises OSError."""
        self.caught_up = False
        batch = self._next()
        self.caught_up = not batch or self._ends_with(batch)
        return batch

    def _ends_with(self, batch: SpoolBatch) -> bool:
        """There is nothing behind this batch."""
        with suppress(OSError):  # whatever stands at the file's place: what was read is not thrown away for it
            return not batch.behind and self._open is not None and self._open.is_at(_status(self.path))
        return False

    def _next(self) -> SpoolBatch:
        while True:
            if self._open is None and not self._choose():
                return _NOTHING
            batch = self._read_open()
            if batch or not self._moved_on():
                return batch
            if leftover := self._leftover():
                return leftover
            if not self._choose():
                return _NOTHING

    def losses(self) -> tuple[Loss, ...]:
        """What was found lost since this was last asked."""
        found, self._losses = tuple(self._losses), []
        return found

    @property
    def following(self) -> str:
        """The identity of the file being read; empty if there is none, or it has no name any more."""
        return self._open.identity if self._open is not None and self._open.has_a_name else ""

    def advance(self, cursors: Iterable[Cursor]) -> None:
        """The batch with these cursors is kept: go on behind it."""
        for cursor in cursors:
            if cursor.source == self.source:
                self._read[cursor.file] = cursor.offset

    @property
    def raw(self) -> bytes:
        """The bytes of the batch that was read last: those very ones, whatever became of the file since."""
        data, taken = self._bytes
        return data[:taken]

    @property
    def stirred(self) -> bool:
        """The file being read was written to. Never blocks; a file that newly appeared is for `read` to find."""
        return self._open is not None and self._open.stirred

    @property
    def has_no_folder(self) -> bool:
        """Asterisk has nowhere to write: it drops what it would."""
        return not self.path.parent.is_dir()

    @property
    def missing(self) -> str:
        """Why there is nothing to read from; empty if there is."""
        if self.has_no_folder:
            return f"the folder of {self.path.name} is missing, Asterisk cannot write there: every row is lost"
        if self._open is not None or self.path.exists():
            return ""
        return f"{self.path.name} is not there yet"

    def close(self) -> None:
        """Close the file being read."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _choose(self) -> bool:
        """Turn to the oldest other generation with something unread, else to the live one. False if to neither."""
        live = _status(self.path)
        folder = _settled(self.path.parent)
        if self._looked and folder == self._folder and (live is None or not live.st_size):
            return False  # the next generation has not begun; to look through the folder again would tell nothing
        self._folder = folder
        known = generations(self.path, self.source)
        self._miss(known)
        now = self._open.identity if self._open is not None else ""
        unread = [g for g in known if self._is_unread(g) and self._identity(g) != now]
        self._looked = len(unread) < 2
        chosen = next(iter(unread), None) or next((g for g in known if g.path == self.path), None)
        if chosen is None or self._identity(chosen) == now:
            return False
        self.close()
        self._open = self._opened(chosen)
        return self._open is not None

    def _is_unread(self, generation: Generation) -> bool:
        return generation.size > self._read.get(self._identity(generation), 0)

    def _identity(self, generation: Generation) -> str:
        """The identity under which it is read: its own, or numbered if it began again with the same first line.

        A live file that is shorter than what was read of it has been cut; what is written there from now on would
        take the offsets, and so the identity, of facts that are kept already.
        """
        identity = generation.identity
        number = 2
        while (follower := f"{generation.identity}-{number}") in self._read:
            identity, number = follower, number + 1
        cut = generation.path == self.path and generation.size < self._read.get(identity, 0)
        return follower if cut else identity

    def _opened(self, generation: Generation) -> _Open | None:
        try:
            descriptor = open_file(generation.path)
        except FileNotFoundError:  # renamed meanwhile: the next look finds it
            self._looked = False
            return None
        try:
            first = first_line(descriptor)
        except OSError:
            os.close(descriptor)
            raise
        if first is None or identity_of(self.source, first) != generation.identity:
            os.close(descriptor)
            self._looked = False
            return None
        return _Open(descriptor=descriptor, identity=self._identity(generation), first=first)

    def _read_open(self) -> SpoolBatch:
        current = self._open
        if current is None:
            return _NOTHING
        offset = self._read.get(current.identity, 0)
        status = os.fstat(current.descriptor)
        size = status.st_size
        if _change(status) != current.seen:
            if size < offset or os.pread(current.descriptor, len(current.first), 0) != current.first:
                self._cut_off(current, offset)  # truncated, or written anew in place: another generation
                return _NOTHING
            current.seen = _change(status)
        current.looked_at = time.monotonic()
        if size == offset:
            return _NOTHING
        data = os.pread(current.descriptor, MOST_BYTES, offset)
        found = self._decoding.split(data, self.most_records)
        if not found.taken and len(data) == MOST_BYTES:
            found = whole(data)  # no record is so long: kept aside, and on to what follows
        return self._batch(current.identity, offset, found, data, size)

    def _cut_off(self, current: _Open, offset: int) -> None:
        """The file being read is another one now; whether anything was lost, a copy of it decides."""
        unread = current.seen[1] > offset
        if unread or time.monotonic() - current.looked_at > _FRESH_S:
            self.awaited[current.identity] = current.seen[1] if unread else None
        self.close()
        self._looked = False

    def _miss(self, known: Iterable[Generation]) -> None:
        """Compare what was there to be read with what is there now."""
        present = {self._identity(g): g.size for g in known}
        if self._open is not None:
            present.setdefault(self._open.identity, 0)
        for identity, size in self.awaited.items():
            offset = self._read.get(identity, 0)
            if identity not in present and (size is None or size > offset):
                self._losses.append(Loss(source=self.source, file=identity, offset=offset, size=size))
        self.awaited = {name: size for name, size in present.items() if size > self._read.get(name, 0)}

    def _moved_on(self) -> bool:
        """True when there may be another generation to read."""
        if self._open is None or not self._looked or _settled(self.path.parent) != self._folder:
            return True
        live = _status(self.path)
        return live is not None and live.st_size > 0 and not self._open.is_at(live)

    def _leftover(self) -> SpoolBatch:
        """What a finished generation still holds: rows written since the last look, or an end without a line end."""
        current = self._open
        if current is None or current.is_at(_status(self.path)) or not self._has_begun():
            return _NOTHING
        offset = self._read.get(current.identity, 0)
        data = os.pread(current.descriptor, MOST_BYTES, offset)
        found = self._decoding.split(data, self.most_records)
        found = found if found.taken else whole(data)
        return self._batch(current.identity, offset, found, data, offset + len(data))

    def _has_begun(self) -> bool:
        """The live file has its first line, so that whatever else there is has been written to its end."""
        return generation_of(self.path, self.source) is not None

    def _batch(self, identity: str, offset: int, found: Found, data: bytes, size: int) -> SpoolBatch:
        if not found.taken:
            return _NOTHING
        self._bytes = (data, found.taken)
        facts, unreadable = self._decoding.read(identity, offset, found.records)
        end = offset + found.taken
        cursor = Cursor(node=self.node, source=self.source, file=identity, offset=end)
        return SpoolBatch(
            facts=tuple(facts), unreadable=tuple(unreadable), cursors=(cursor,), behind=max(0, size - end)
        )


_NOTHING = SpoolBatch(facts=(), unreadable=(), cursors=())


def _change(status: os.stat_result) -> tuple[int, int]:
    return status.st_mtime_ns, status.st_size


def _settled(folder: Path) -> int:
    """The folder's time of change; now, if it changed just now: within a tick of the clock it may change again."""
    try:
        changed = folder.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
    now = time.time_ns()
    return now if abs(now - changed) < _TICK_NS else changed


def _status(path: Path) -> os.stat_result | None:
    try:
        return look_at(path)
    except FileNotFoundError:
        return None
