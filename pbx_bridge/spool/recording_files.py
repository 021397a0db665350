"""The files of recordings: from the folder Asterisk writes to into a dated tree of ours. Blocking.

A file is copied beside its place, checked to the disk and renamed; the source goes only when the store knows the
copy. So it may be done again after a death between any two steps, and the two folders may lie on different disks.
Names come from Asterisk: only those that FILE_NAME allows are touched, and no link is followed.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pbx_bridge.store.recordings import FILE_NAME, Recording

HEAD = 44  # RIFF, fmt and data headers as Asterisk's format_wav writes them
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundFile:
    """A copied file: microseconds of sound, size in bytes, SHA-256 in hexadecimal."""

    length_us: int
    size: int
    sha256: str


class NotOurs(OSError):
    """What stands there is no plain file of the folder."""


class RecordingFiles:
    """The two folders.

    Args:
        spool: where the dialplan's MixMonitor writes.
        kept: the root of the dated tree; made when it is needed, for its owner only.
    """

    def __init__(self, spool: Path, kept: Path) -> None:
        self._spool, self._kept = spool, kept

    def source(self, file: str) -> Path:
        """Where Asterisk writes a recording. Raises NotOurs for a name that is no plain file name."""
        if not FILE_NAME.fullmatch(file):
            raise NotOurs(f"{file!r} is no recording's name")
        return self._spool / file

    def kept(self, path: str) -> Path:
        """Where a kept file is. Raises NotOurs for a path that leads out of the tree."""
        parts = PurePosixPath(path).parts
        if not parts or parts[0] == "/" or ".." in parts:
            raise NotOurs(f"{path!r} is no place in the tree of recordings")
        return self._kept.joinpath(*parts)

    def has(self, recording: Recording) -> bool:
        """True while the kept file is there and has its size."""
        with suppress(OSError):
            return bool(recording.path) and self.kept(recording.path).stat().st_size == recording.size
        return False

    def age_s(self, file: str, now_s: float) -> float | None:
        """Seconds since a source was last written, by the wall clock; None if there is no such file.

        Raises OSError where not even the folder can be seen: then nothing is known of the file.
        """
        try:
            return abs(now_s - self.source(file).lstat().st_mtime)
        except FileNotFoundError:
            if not self._spool.is_dir():
                raise
            return None

    def size(self, file: str) -> int:
        """A source's size in bytes. Raises OSError."""
        return self.source(file).lstat().st_size

    def copy(self, file: str, path: str) -> SoundFile:
        """Copy a source to its place in the tree, whole or not at all; again and again with the same result.

        A header that was never finished, because Asterisk was killed, is put right. Raises OSError.
        """
        target = self.kept(path)
        self._make_folder(target.parent)
        draft = target.with_name(f".{target.name}.part")
        with os.fdopen(open_source(self.source(file)), "rb") as source:
            size = os.fstat(source.fileno()).st_size
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
            with os.fdopen(os.open(draft, flags, 0o600), "wb") as out:
                digest = hashlib.sha256()
                head = finished(source.read(HEAD), size)
                for chunk in (head, *iter(lambda: source.read(_CHUNK), b"")):
                    digest.update(chunk)
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
                copied = out.tell()
        draft.replace(target)
        _sync_folder(target.parent)
        return SoundFile(length_us=length_us(head, copied), size=copied, sha256=digest.hexdigest())

    def measure(self, path: str) -> SoundFile:
        """A kept file as it is now. Raises OSError."""
        with os.fdopen(open_source(self.kept(path)), "rb") as file:
            head = file.read(HEAD)
            digest = hashlib.sha256(head)
            for chunk in iter(lambda: file.read(_CHUNK), b""):
                digest.update(chunk)
            return SoundFile(length_us=length_us(head, file.tell()), size=file.tell(), sha256=digest.hexdigest())

    def drop_source(self, file: str) -> None:
        """Remove a source, if it is there. Raises OSError."""
        self.source(file).unlink(missing_ok=True)

    def drop_kept(self, path: str) -> None:
        """Remove a kept file, if it is there, and the folders of its date that became empty. Raises OSError."""
        place = self.kept(path)
        place.unlink(missing_ok=True)
        with suppress(OSError):  # not empty
            for folder in list(place.parents)[:3]:
                if folder != self._kept:
                    folder.rmdir()

    def sources(self) -> list[str]:
        """The names of every recording in Asterisk's folder. Raises OSError, but not when it is not there."""
        with suppress(FileNotFoundError):
            return sorted(name for name in os.listdir(self._spool) if FILE_NAME.fullmatch(name))
        return []

    def kept_paths(self) -> Iterator[str]:
        """Every file in the tree, by its path below the root."""
        for folder, _, names in os.walk(self._kept):
            for name in sorted(names):
                yield str((Path(folder) / name).relative_to(self._kept))

    def _make_folder(self, folder: Path) -> None:
        # Voices of customers: readable by the owner only. mkdir's mode does not reach the parents it makes.
        self._kept.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)


def is_silent(size: int) -> bool:
    """A file of that size has a header at most: nobody was bridged to be recorded."""
    return size <= HEAD


def finished(head: bytes, size: int) -> bytes:
    """The header with the sizes of a file of that many bytes; any other header as it is."""
    if not _is_wav(head):
        return head
    return head[:4] + struct.pack("<I", size - 8) + head[8:40] + struct.pack("<I", size - HEAD)


def length_us(head: bytes, size: int) -> int:
    """Microseconds of sound in a file of that many bytes; 0 if it is no WAV as Asterisk writes it."""
    rate = int.from_bytes(head[28:32], "little") if _is_wav(head) else 0
    return (size - HEAD) * 1_000_000 // rate if rate else 0


def _is_wav(head: bytes) -> bool:
    return len(head) == HEAD and head[:4] == b"RIFF" and head[8:16] == b"WAVEfmt " and head[36:40] == b"data"


def open_source(path: Path) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotOurs(f"{path.name} is no plain file")
    return descriptor


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
