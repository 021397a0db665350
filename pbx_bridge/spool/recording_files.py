"""The files of recordings: from the folder Asterisk writes to into a dated tree of ours. Blocking.

A file is copied beside its place, checked to the disk and renamed; the source goes only when the store knows the
copy. So it may be done again after a death between any two steps, and the two folders may lie on different disks.
Names come from Asterisk: only those that FILE_NAME allows are touched, and no link is followed.

In the tree a sound lies plain under its path, or sealed (spool/seal.py) with `.enc` after it. The store does not know
which: its path, size and checksum are those of the sound.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from pbx_bridge.spool.plain_files import NotOurs, open_plain, sync_folder
from pbx_bridge.spool.seal import ENDING, Sealer, SoundDamaged, SoundLocked, open_sealed, sound_size
from pbx_bridge.spool.sound_keys import SoundKeys
from pbx_bridge.store.recordings import FILE_NAME

HEAD = 44  # RIFF, fmt and data headers as Asterisk's format_wav writes them
NO_KEYS = SoundKeys()
_CHUNK = 1024 * 1024
_DRAFT, _DRAFT_ANEW = ".part", ".anew"  # of who copies, of who writes anew what is kept: they may run side by side


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundFile:
    """A copied file: microseconds of sound, size in bytes, SHA-256 in hexadecimal."""

    length_us: int
    size: int
    sha256: str


class RecordingFiles:
    """The two folders.

    Args:
        spool: where the dialplan's MixMonitor writes.
        kept: the root of the dated tree; made when it is needed, for its owner only.
        keys: what opens sealed files, and whether new ones are sealed.
    """

    def __init__(self, spool: Path, kept: Path, keys: SoundKeys = NO_KEYS) -> None:
        self._spool, self._kept, self._keys = spool, kept, keys

    def source(self, file: str) -> Path:
        """Where Asterisk writes a recording. Raises NotOurs for a name that is no plain file name."""
        if not FILE_NAME.fullmatch(file):
            raise NotOurs(f"{file!r} is no recording's name")
        return self._spool / file

    def kept(self, path: str) -> Path:
        """Where a kept file is while it is plain. Raises NotOurs for a path that leads out of the tree."""
        parts = PurePosixPath(path).parts
        if not parts or parts[0] == "/" or ".." in parts:
            raise NotOurs(f"{path!r} is no place in the tree of recordings")
        return self._kept.joinpath(*parts)

    def forms(self, path: str) -> list[Path]:
        """Where a kept file is: plain or sealed, or both where writing it anew was cut off. Raises NotOurs."""
        plain = self.kept(path)
        return [place for place in (plain, _sealed(plain)) if place.is_file()]

    def found(self, path: str) -> Path:
        """Where a kept file is, plain or sealed; where it should be if it is not there. Raises NotOurs."""
        return next(iter(self.forms(path)), self.kept(path))

    def has(self, path: str, size: int | None = None) -> bool:
        """True while a kept file is there, and its sound has that many bytes."""
        with suppress(OSError):
            place = self.found(path)
            there = place.stat().st_size
            return size in (None, sound_size(there) if _is_sealed(place) else there)
        return False

    def open(self, path: str) -> BinaryIO:
        """A kept file as the sound it is, to be read and sought in.

        Raises OSError: SoundLocked where its key cannot be had, SoundDamaged where it is not as it was sealed.
        """
        plain = self.kept(path)
        for place in (plain, _sealed(plain), plain):  # it may be sealed or opened this moment
            with suppress(FileNotFoundError):
                return self._opened(place)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(plain))

    def why_locked(self, path: str) -> str:
        """Why a kept file that is there cannot be opened; empty if it can, or is not there."""
        try:
            if _is_sealed(self.found(path)):
                self.open(path).close()
        except (SoundLocked, SoundDamaged) as error:
            return str(error)
        except OSError:
            return ""
        return ""

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
        with open_plain(self.source(file)) as source:
            size = os.fstat(source.fileno()).st_size
            head = finished(source.read(HEAD), size)
            pieces, target = chain((head,), _pieces(source)), self._target(path, sealed=self._keys.seals)
            with self._draft(target, _DRAFT) as draft:
                sound = self._write(draft, target, pieces, size)
                with self._alone():
                    self._replace(draft, target)
        return sound

    def write_anew(self, path: str, *, sealed: bool) -> bool:
        """Seal a kept file by the newest key, or have it plain again; False: it went meanwhile. Raises OSError.

        What was there goes when the other is on the disk and has been read again.
        """
        source, target = self.found(path), self._target(path, sealed=sealed)
        before = source.lstat()
        with self._opened(source) as opened, self._draft(target, _DRAFT_ANEW) as draft:
            size = opened.seek(0, os.SEEK_END)
            opened.seek(0)
            self._write(draft, target, _pieces(opened), size)
            with self._alone():
                if not _is_still(source, before):  # its time was up, or its caller was erased
                    return False
                self._replace(draft, target)
        return True

    def measure(self, path: str) -> SoundFile:
        """A kept file as it is now. Raises OSError."""
        with self.open(path) as file:
            return _measured(_pieces(file))

    def drop_source(self, file: str) -> None:
        """Remove a source, if it is there. Raises OSError."""
        self.source(file).unlink(missing_ok=True)

    def drop_kept(self, path: str) -> None:
        """Remove a kept file, if it is there, and the folders of its date that became empty. Raises OSError."""
        place = self.kept(path)
        with self._alone():
            for one in (place, _sealed(place), _draft_of(place, _DRAFT)):
                one.unlink(missing_ok=True)
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
        """Every file in the tree, by its path below the root; a sealed one by that of its sound."""
        for folder, _, names in os.walk(self._kept):
            for name in sorted({name.removesuffix(ENDING) for name in names}):
                yield str((Path(folder) / name).relative_to(self._kept))

    def sweep(self) -> None:
        """Remove what a killed `write_anew` left half written; none may be at work. Raises OSError."""
        for folder, _, names in os.walk(self._kept):
            for name in names:
                if name.startswith(".") and name.endswith(_DRAFT_ANEW):
                    (Path(folder) / name).unlink(missing_ok=True)

    def _target(self, path: str, *, sealed: bool) -> Path:
        return _sealed(self.kept(path)) if sealed else self.kept(path)

    def _opened(self, place: Path) -> BinaryIO:
        return open_sealed(place, _plain(place).name, self._keys.of) if _is_sealed(place) else open_plain(place)

    @contextmanager
    def _draft(self, target: Path, ending: str) -> Iterator[Path]:
        """Where a file is written until it has its name; nothing is left there."""
        self._make_folder(target.parent)
        draft = _draft_of(target, ending)
        try:
            yield draft
        finally:
            draft.unlink(missing_ok=True)

    def _write(self, draft: Path, target: Path, pieces: Iterable[bytes], size: int) -> SoundFile:
        """Write what is to be at the target, and bring it to the disk."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        with os.fdopen(os.open(draft, flags, 0o600), "wb") as out:
            sound = self._seal(out, target, pieces, size) if _is_sealed(target) else _measured(pieces, out.write)
            out.flush()
            os.fsync(out.fileno())
        if _is_sealed(target):
            self._read_again(draft, target, sound)
        return sound

    def _seal(self, out: BinaryIO, target: Path, pieces: Iterable[bytes], size: int) -> SoundFile:
        sealer = Sealer(out, size, key=self._keys.newest(), name=_plain(target).name)
        sound = _measured(pieces, sealer.write)
        sealer.finish()
        return sound

    def _read_again(self, draft: Path, target: Path, sound: SoundFile) -> None:
        """With the key as it is kept: the plain sound goes next, and what does not open now never will."""
        with open_sealed(draft, _plain(target).name, self._keys.of) as again:
            if _measured(_pieces(again)) != sound:
                raise SoundDamaged(f"{draft}: what was sealed is not what was read")

    def _replace(self, draft: Path, target: Path) -> None:
        """The file has its name; the same sound in the other form goes."""
        draft.replace(target)
        sync_folder(target.parent)
        with suppress(FileNotFoundError):
            (_plain(target) if _is_sealed(target) else _sealed(target)).unlink()
            sync_folder(target.parent)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else gives files of this tree their names, or removes them: what was erased must not come back."""
        self._make_folder(self._kept)
        descriptor = os.open(self._kept, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with suppress(OSError):  # a share that knows no locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

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


def _measured(pieces: Iterable[bytes], write: Callable[[bytes], object] = len) -> SoundFile:
    """What a sound is, whose pieces are written on: all of its header is in the first."""
    digest, size, head = hashlib.sha256(), 0, b""
    for piece in pieces:
        head = head or piece[:HEAD]
        digest.update(piece)
        size += len(piece)
        write(piece)
    return SoundFile(length_us=length_us(head, size), size=size, sha256=digest.hexdigest())


def _sealed(plain: Path) -> Path:
    return plain.with_name(plain.name + ENDING)


def _plain(place: Path) -> Path:
    return place.with_name(place.name.removesuffix(ENDING))


def _is_sealed(place: Path) -> bool:
    return place.name.endswith(ENDING)


def _draft_of(target: Path, ending: str) -> Path:
    """Of both forms the same: a plain one that a killed process left is written over, whatever is set now."""
    return target.with_name(f".{_plain(target).name}{ending}")


def _is_still(place: Path, before: os.stat_result) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(place.lstat(), before)
    return False


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(_CHUNK), b"")
