"""The reader of one spool, across rotation, truncation and re-creation. Blocking: call it in a thread.

It follows one generation at a time. When that is read to its end and a newer one has records, it is finished:
Asterisk writes to one file at a time, and goes on in the new one only after its last word in the old.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pbx_bridge.calls.facts import RawFact, Undecodable
from pbx_bridge.calls.source import Cursor, Unreadable
from pbx_bridge.spool.batch import SpoolBatch
from pbx_bridge.spool.generation import Generation, first_line, generation_of, generations, identity_of, open_file
from pbx_bridge.spool.record import Found, Record, Splitter

MOST_RECORDS = 1000  # one batch is one transaction; memory stays constant however far behind we are
MOST_BYTES = 1024 * 1024

Decoder = Callable[[str, int, str], RawFact]
"""(file, offset, text) → fact; raises Undecodable."""


@dataclass(slots=True)
class _Open:
    """The generation being read. Kept open, so that it can be read to its end though its name is gone."""

    descriptor: int
    identity: str
    first: bytes
    seen: tuple[int, int] = (-1, -1)  # its time of change and size when it was last found to be the same file

    def close(self) -> None:
        os.close(self.descriptor)

    @property
    def stirred(self) -> bool:
        """It was written to since it was last seen; of two writes in one tick of the clock the size tells."""
        return _change(os.fstat(self.descriptor)) != self.seen

    def is_at(self, place: os.stat_result | None) -> bool:
        """True when that is this very file."""
        ours = os.fstat(self.descriptor)
        return place is not None and (place.st_dev, place.st_ino) == (ours.st_dev, ours.st_ino)


class Tail:
    """One spool: the file at `path`, and what it was rotated into.

    Args:
        path: where Asterisk writes.
        node, source: as in Cursor.
        cursors: how far each generation was read before; those of other nodes and sources are passed over.
    """

    def __init__(
        self,
        path: Path,
        node: str,
        source: str,
        *,
        split: Splitter,
        decode: Decoder,
        cursors: Iterable[Cursor] = (),
    ) -> None:
        self.path, self.node, self.source = path, node, source
        self._split, self._decode = split, decode
        self._read = {c.file: c.offset for c in cursors if (c.node, c.source) == (node, source)}
        self._open: _Open | None = None
        self._looked = False

    def read(self) -> SpoolBatch:
        """The next batch, falsy if there is nothing new. The same again until `advance`. Raises OSError."""
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

    def advance(self, cursors: Iterable[Cursor]) -> None:
        """The batch with these cursors is kept: go on behind it."""
        for cursor in cursors:
            if cursor.source == self.source:
                self._read[cursor.file] = cursor.offset

    @property
    def stirred(self) -> bool:
        """The file being read was written to. Never blocks; a file that newly appeared is for `read` to find."""
        return self._open is not None and self._open.stirred

    @property
    def missing(self) -> str:
        """Why there is nothing to read from; empty if there is."""
        if self._open is not None or self.path.exists():
            return ""
        if not self.path.parent.is_dir():
            return f"the folder of {self.path.name} is missing, Asterisk cannot write there: every row is lost"
        return f"{self.path.name} is not there yet"

    def close(self) -> None:
        """Close the file being read."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _choose(self) -> bool:
        """Turn to the oldest other generation with something unread, else to the live one. False if to neither."""
        live = _status(self.path)
        if self._looked and (live is None or not live.st_size):
            return False  # the next generation has not begun; to look through the folder again would tell nothing
        known = generations(self.path, self.source)
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
        first = first_line(descriptor)
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
                self.close()  # truncated, or written anew in place: another generation
                return _NOTHING
            current.seen = _change(status)
        if size == offset:
            return _NOTHING
        data = os.pread(current.descriptor, MOST_BYTES, offset)
        found = self._split(data, MOST_RECORDS)
        if not found.taken and len(data) == MOST_BYTES:
            found = _whole(data)  # no record is so long: kept aside, and on to what follows
        return self._batch(current.identity, offset, found, size)

    def _moved_on(self) -> bool:
        """True when there may be another generation to read."""
        if self._open is None or not self._looked:
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
        found = self._split(data, MOST_RECORDS)
        return self._batch(current.identity, offset, found if found.taken else _whole(data), offset + len(data))

    def _has_begun(self) -> bool:
        """The live file has its first line, so that whatever else there is has been written to its end."""
        return generation_of(self.path, self.source) is not None

    def _batch(self, identity: str, offset: int, found: Found, size: int) -> SpoolBatch:
        if not found.taken:
            return _NOTHING
        facts: list[RawFact] = []
        unreadable: list[Unreadable] = []
        for record in found.records:
            told = self._told(identity, offset, record)
            facts.append(told) if isinstance(told, RawFact) else unreadable.append(told)
        end = offset + found.taken
        cursor = Cursor(node=self.node, source=self.source, file=identity, offset=end)
        return SpoolBatch(
            facts=tuple(facts), unreadable=tuple(unreadable), cursors=(cursor,), behind=max(0, size - end)
        )

    def _told(self, identity: str, base: int, record: Record) -> RawFact | Unreadable:
        offset, text = base + record.offset, record.text
        try:
            return self._decode(identity, offset, text)
        except Undecodable as error:
            return Unreadable(node=self.node, file=identity, offset=offset, body=text, reason=str(error))


_NOTHING = SpoolBatch(facts=(), unreadable=(), cursors=())


def _whole(data: bytes) -> Found:
    return Found(records=(Record(offset=0, data=data),), taken=len(data))


def _change(status: os.stat_result) -> tuple[int, int]:
    return status.st_mtime_ns, status.st_size


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None
