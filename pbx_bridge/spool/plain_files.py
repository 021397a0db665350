"""Files that others put there, opened without being led astray or held up; names brought to the disk. Blocking."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO


class NotOurs(OSError):
    """What stands there is no plain file of the folder."""


def open_plain(path: Path) -> BinaryIO:
    """A plain file to be read: no link is followed, no pipe waited for. Raises OSError."""
    return open(path, "rb", opener=_plain)


def sync_folder(folder: Path) -> None:
    """Have a folder's names on disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _plain(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotOurs(f"{os.path.basename(path)} is no plain file")
    return descriptor
