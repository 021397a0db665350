"""Generations of one spool: the live file and those it was rotated into, each known by its content.

Identity: a hash of the file's first line. Asterisk only appends, so it never changes once it is there; it is the
same after a rename, in a copy (copytruncate, a moved folder, a restored backup) and on a file system that numbers its
inodes anew, and it is another one as soon as a file is truncated or made again, even with the same inode. CEL's first
line holds a channel's id and a time in microseconds, so two files of one node cannot share it. queue_log's has whole
seconds: two generations begun with the same event in the same second would be taken for one.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

log = structlog.get_logger()

_LONGEST_FIRST_LINE = 64 * 1024  # a longer one is known by its beginning
_EPOCH = re.compile(rb"\d{9,12}(?:\.\d{1,6})?")  # the first time in a line, of either source
_PACKED = (".gz", ".xz", ".bz2", ".zst")


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One file of a spool.

    Attributes:
        identity: as in RawFact.file.
        begun: the first record's time in epoch seconds: generations are read in its order.
        size: bytes when it was looked at.
    """

    path: Path
    identity: str
    begun: float
    size: int


def open_file(path: Path) -> int:
    """A descriptor for reading; raises OSError, also for what is no plain file.

    It is looked at before it is opened: opening a pipe or a device does something to whoever is at its other end.
    """
    look_at(path)
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)


def look_at(path: Path) -> os.stat_result:
    """The file's status. Raises OSError, also for what is no plain file."""
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no plain file", str(path))
    return status


def first_line(descriptor: int) -> bytes | None:
    """The line a file is known by, with the empty ones before it; None while it has none yet."""
    head = os.pread(descriptor, _LONGEST_FIRST_LINE, 0)
    end = head.find(b"\n", len(head) - len(head.lstrip(b"\n")))
    if end < 0:
        return head if len(head) == _LONGEST_FIRST_LINE else None
    return head[:end]


def identity_of(source: str, line: bytes) -> str:
    """The identity of the file that begins with `line`."""
    return f"{source}:{hashlib.blake2b(line, digest_size=8).hexdigest()}"


def generation_of(path: Path, source: str) -> Generation | None:
    """What stands at `path` now; None if nothing is there, or no first line yet. Raises OSError but for that."""
    try:
        descriptor = open_file(path)
    except FileNotFoundError:
        return None
    try:
        line = first_line(descriptor)
        if line is None:
            return None
        told = _EPOCH.search(line)
        status = os.fstat(descriptor)
        begun = float(told.group()) if told else status.st_mtime
        return Generation(path=path, identity=identity_of(source, line), begun=begun, size=status.st_size)
    finally:
        os.close(descriptor)


def generations(live: Path, source: str) -> list[Generation]:
    """Every generation in the live file's folder, oldest first, each identity once. Raises OSError."""
    found: dict[str, Generation] = {}
    for path in _candidates(live):
        generation = generation_of(path, source) if path == live else _aside(path, source)
        if generation is None:
            continue
        known = found.get(generation.identity)
        # A copy is the same generation: the live file stands for it, else the longest.
        if path == live or known is None or (known.path != live and generation.size > known.size):
            found[generation.identity] = generation
    return sorted(found.values(), key=lambda g: (g.begun, g.identity))


def _aside(path: Path, source: str) -> Generation | None:
    # What stands beside the live file must not stop the reading of it.
    try:
        return generation_of(path, source)
    except OSError as error:
        log.warning("spool_file_unreadable", file=path.name, reason=error.strerror)
        return None


def _candidates(live: Path) -> Iterator[Path]:
    try:
        names = sorted(os.listdir(live.parent))
    except FileNotFoundError:
        return
    for name in names:
        rest = name.removeprefix(live.name)
        if rest != name and (not rest or rest[0] in ".-_") and not name.endswith(_PACKED):
            yield live.parent / name
