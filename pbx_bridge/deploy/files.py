"""Files of somebody else's: read, and written whole or not at all, with the owner and mode they had."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec

from pbx_bridge.errors import PbxError
from pbx_bridge.spool.plain_files import sync_folder


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """Owner and mode of a file. -1: whoever we are."""

    uid: int = -1
    gid: int = -1
    mode: int = 0o640

    @classmethod
    def private(cls) -> Rights:
        """Ours alone."""
        return cls(mode=0o600)


def read(path: Path) -> bytes:
    """A file. Raises PbxError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise PbxError(f"cannot read {path}: {error.strerror}") from error


def rights_of(path: Path) -> Rights:
    """The rights a file has. Raises PbxError."""
    try:
        status = path.stat()
    except OSError as error:
        raise PbxError(f"cannot read {path}: {error.strerror}") from error
    return Rights(uid=status.st_uid, gid=status.st_gid, mode=status.st_mode & 0o7777)


def rights_beside(path: Path) -> Rights:
    """For a file that is new: the owner and group of its folder's asterisk.conf, and nothing for others."""
    beside = path.parent / "asterisk.conf"
    known = rights_of(beside if beside.exists() else path.parent)
    return Rights(uid=known.uid, gid=known.gid, mode=0o640)


def write_whole(path: Path, data: bytes, rights: Rights) -> None:
    """Replace a file at once, durably; a link stays a link, and what it leads to is replaced. Raises PbxError."""
    place = path.resolve()
    draft = place.with_name(f".{place.name}.{secrets.token_hex(4)}.pbx_bridge")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchown(file.fileno(), rights.uid, rights.gid)
            os.fchmod(file.fileno(), rights.mode)
            os.fsync(file.fileno())
        draft.replace(place)
        sync_folder(place.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise PbxError(f"cannot write {path}: {error.strerror}") from error
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def remove(path: Path) -> None:
    """Take a file away, durably. Raises PbxError."""
    try:
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise PbxError(f"cannot remove {path}: {error.strerror}") from error


def drop_drafts(folder: Path) -> None:
    """Remove what a write that was killed left behind."""
    for draft in folder.glob(".*.pbx_bridge"):
        draft.unlink(missing_ok=True)
