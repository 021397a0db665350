"""The backup of one deployment, which is its journal too: what was there, what was to come, how far it got.

It is whole on the disk before the first file is changed; so whatever ends a deployment in the middle, the next run
knows how to take it back.
"""

from __future__ import annotations

import enum
import hashlib
import os
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from pbx_bridge.deploy.changes import Change
from pbx_bridge.deploy.files import Rights, read, rights_of, write_whole
from pbx_bridge.errors import PbxError

_MANIFEST = "manifest.json"


class State(enum.StrEnum):
    """How far a deployment got."""

    BEGUN = "begun"  # perhaps some files are changed
    DONE = "done"
    ROLLED_BACK = "rolled_back"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A file: SHA-256 before and after (None: not there), owner and mode before."""

    name: str
    before: str | None
    after: str | None
    rights: Rights | None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment. `folders`: those it made. `loaded`: modules it had Asterisk load."""

    etc: str
    flavour: str
    made_at: datetime
    state: State
    entries: tuple[Entry, ...]
    folders: tuple[str, ...] = ()
    loaded: tuple[str, ...] = ()


class Backup:
    """One backup's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        """What `pbx rollback` calls it."""
        return self.folder.name

    def manifest(self) -> Manifest:
        """What it says. Raises PbxError."""
        path = self.folder / _MANIFEST
        try:
            return msgspec.json.decode(path.read_bytes(), type=Manifest)
        except OSError as error:
            raise PbxError(f"cannot read {path}: {error.strerror}") from error
        except msgspec.DecodeError as error:
            raise PbxError(f"{path} is no manifest of a backup: {error}") from error

    def note(self, manifest: Manifest) -> None:
        """Write it, whole or not at all."""
        write_whole(self.folder / _MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)), Rights.private())

    def original(self, entry: Entry) -> bytes | None:
        """The file as it was. Raises PbxError when the copy is not what was put there."""
        if entry.before is None:
            return None
        data = read(self.folder / "files" / entry.name)
        if digest(data) != entry.before:
            raise PbxError(f"{self.folder / 'files' / entry.name} is damaged: its checksum is not the manifest's")
        return data


class Backups:
    """All backups of one HOME, oldest first. Their folder is closed to others: the files hold secrets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> tuple[Backup, ...]:
        """Those with a manifest; without one nothing was changed yet."""
        found = sorted(self.folder.glob(f"*/{_MANIFEST}"))
        return tuple(Backup(path.parent) for path in found)

    def of(self, etc: Path, *states: State) -> tuple[Backup, ...]:
        """Those of that configuration folder in these states."""
        told = ((one, one.manifest()) for one in self.all())
        return tuple(one for one, manifest in told if manifest.etc == str(etc) and manifest.state in states)

    def last(self, etc: Path | None = None) -> Backup:
        """The last one that was not rolled back, of that folder or of any. Raises PbxError."""
        told = ((one, one.manifest()) for one in reversed(self.all()))
        for one, manifest in told:
            if manifest.state is not State.ROLLED_BACK and (etc is None or manifest.etc == str(etc)):
                return one
        raise PbxError(f"nothing is deployed{f' to {etc}' if etc else ''}: there is no backup to go back to")

    def named(self, name: str) -> Backup:
        """The one with that name. Raises PbxError."""
        found = next((one for one in self.all() if one.name == name), None)
        if found is None:
            known = ", ".join(one.name for one in self.all()) or "there is none"
            raise PbxError(f"no backup is called {name!r}: {known}")
        return found

    def make(self, etc: Path, flavour: str, changes: Sequence[Change], now: datetime) -> Backup:
        """Copy what will change, with its checksums, and note that it begins. Raises PbxError."""
        backup = Backup(self._fresh(now))
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            files = backup.folder / "files"
            files.mkdir(mode=0o700, parents=True)
            for change in changes:
                if change.before is not None:
                    write_whole(files / change.name, change.before, Rights.private())
            entries = tuple(_entry(etc, change) for change in changes)
            backup.note(Manifest(etc=str(etc), flavour=flavour, made_at=now, state=State.BEGUN, entries=entries))
        except OSError as error:
            shutil.rmtree(backup.folder, ignore_errors=True)
            raise PbxError(f"cannot keep a backup in {self.folder}: {error.strerror}") from error
        return backup

    def _fresh(self, now: datetime) -> Path:
        name = now.strftime("%Y-%m-%dT%H-%M-%SZ")
        number = 1
        while (path := self.folder / (name if number == 1 else f"{name}.{number}")).exists():
            number += 1
        return path


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def digest_of(path: Path) -> str | None:
    """The same of a file; None where there is none."""
    return digest(read(path)) if os.path.lexists(path) else None


def _entry(etc: Path, change: Change) -> Entry:
    before, after = (None if text is None else digest(text) for text in (change.before, change.after))
    rights = None if change.before is None else rights_of(etc / change.name)
    return Entry(name=change.name, before=before, after=after, rights=rights)
