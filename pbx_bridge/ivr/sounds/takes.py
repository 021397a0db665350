"""Recordings as a person hands them over: a folder or a zip of wav, mp3 and m4a files. Reads them and trusts nothing.

No name in it becomes a path of ours, links are not followed, and no file is read further than `decode.LARGEST`.
"""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.sounds.decode import FORMS, LARGEST

_MOST = 5000  # files
_DEEPEST = 4  # folders
_TOGETHER = 4 * 1024**3  # bytes of all files of a zip, unpacked
_CONTENTS = 4 * 1024**2  # bytes of a zip's table of contents
_END = b"PK\x05\x06"
_PASSED_OVER = {".csv", ".html", ".txt", ".pdf", ".ini", ".db"}  # the script itself, and what desktops leave behind


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A file that was handed over.

    Attributes:
        shown: its name inside the folder or the zip, fit to be printed.
        name: its last part, without the ending.
        folder: the name of the folder it stands in; empty at the top.
        read: gives its content. Raises ValueError saying why it cannot be had.
    """

    shown: str
    name: str
    folder: str
    read: Callable[[], bytes]


def find_takes(source: Path) -> Iterator[Take]:
    """The files of a folder or a zip, in the order of their names, bad ones included: those cannot be read.

    Raises PromptError if it is neither, or holds more than could be meant.
    """
    if source.is_dir():
        yield from _sorted(source, _of_folder(source))
    elif zipfile.is_zipfile(source):
        yield from _of_zip(source)
    else:
        raise PromptError("is neither a folder nor a zip", path=printable(str(source)))


def printable(name: str) -> str:
    """A name without signs that a terminal would obey."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in name)


def _sorted(source: Path, takes: Iterator[Take]) -> list[Take]:
    found: list[Take] = []
    for take in takes:
        found.append(take)
        if len(found) > _MOST:
            raise PromptError(f"holds more than {_MOST} files", path=printable(str(source)))
    return sorted(found, key=lambda take: take.shown)


def _of_folder(source: Path) -> Iterator[Take]:
    for place, folders, names in os.walk(source):
        inside = Path(place).relative_to(source)
        if len(inside.parts) >= _DEEPEST:
            folders.clear()
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in (*names, *(folder for folder in folders if Path(place, folder).is_symlink())):
            if _is_meant(name):
                yield _take(PurePosixPath(inside, name), _reader(Path(place, name)))


def _of_zip(source: Path) -> Iterator[Take]:
    try:
        _check_contents(source)
        with zipfile.ZipFile(source) as packed:
            infos = [info for info in packed.infolist() if not info.is_dir() and _is_meant(info.filename)]
            if sum(info.file_size for info in infos) > _TOGETHER:
                raise PromptError(f"would be more than {_TOGETHER >> 30} GiB unpacked", path=printable(str(source)))
            yield from _sorted(
                source, (_take(PurePosixPath(info.filename), _unpacker(packed, info)) for info in infos)
            )
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise PromptError(f"cannot be read: {printable(str(error))}", path=printable(str(source))) from None


def _check_contents(source: Path) -> None:
    """A table of contents of a million names would be read whole before the first could be looked at."""
    with source.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 66_000))
        tail = file.read()
    at = tail.rfind(_END)
    if int.from_bytes(tail[at + 12 : at + 16], "little") > _CONTENTS:
        raise ValueError(f"it lists more than {_MOST} files")


def _is_meant(name: str) -> bool:
    """Whether somebody could have meant it to be a recording: not the script, nor what macOS adds."""
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") and part != ".." for part in path.parts) or "__MACOSX" in path.parts
    return not hidden and path.suffix.casefold() not in _PASSED_OVER


def _take(path: PurePosixPath, read: Callable[[], bytes]) -> Take:
    if path.is_absolute() or ".." in path.parts:
        read = _refuse("has a name that leads outside")
    elif path.suffix.casefold().removeprefix(".") not in FORMS:
        read = _refuse("is no wav, mp3 or m4a file")
    return Take(
        shown=printable(str(path)),
        name=path.stem,
        folder=path.parent.name,
        read=read,
    )


def _refuse(reason: str) -> Callable[[], bytes]:
    def read() -> bytes:
        raise ValueError(reason)

    return read


def _reader(path: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            link = path.is_symlink()
            raise ValueError("is a link" if link else f"cannot be read: {error.strerror}") from None
        with open(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise ValueError("is no file")
            return _bounded(file.read(LARGEST + 1))

    return read


def _unpacker(packed: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
            raise ValueError("is a link" if stat.S_ISLNK(mode) else "is no file")
        if info.flag_bits & 1:
            raise ValueError("is locked with a password")
        if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise ValueError("is packed in a form that zip programs seldom use")
        if info.file_size > LARGEST:
            _bounded(b"", info.file_size)
        try:
            with packed.open(info) as file:
                return _bounded(file.read(LARGEST + 1))
        except Exception as error:  # zlib, lzma and bz2 raise errors of their own, and zipfile its own again
            raise ValueError(f"cannot be unpacked: {printable(str(error))}") from None

    return read


def _bounded(content: bytes, size: int = 0) -> bytes:
    if max(len(content), size) > LARGEST:
        raise ValueError(f"is larger than {LARGEST >> 20} MiB")
    return content
