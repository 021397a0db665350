"""The folder of keys that recordings and messages are sealed by. Blocking.

    2-9f86d081884c7d65.key      new sounds are sealed by the one with the greatest number
    1-60303ae22b998861.key      the others open what was sealed by them

A key is 32 random bytes as 64 hexadecimal digits, in a file that nobody but its owner may read. The second part of
its name is its id, which every sealed file names and which is made of the key: a key that was damaged is noticed.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from pbx_bridge.spool.plain_files import sync_folder
from pbx_bridge.spool.seal import SoundKey, SoundLocked

log = structlog.get_logger()

_NAME = re.compile(r"([0-9]{1,9})-([0-9a-f]{16})\.key")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MAKES = "`pbx-bridge encryption new-key` makes one"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """A key by its file: the greater the number, the newer it is."""

    number: int
    id: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundKeys:
    """The keys of one system.

    Attributes:
        folder: where they are; None: there are none, and nothing sealed can be opened.
        seals: new sounds are sealed.
        makes: the first key may be made when it is needed; else only by a command, for the folder may be one that is
            not mounted now.
    """

    folder: Path | None = None
    seals: bool = False
    makes: bool = False

    def files(self) -> list[KeyFile]:
        """Every key, the oldest first. Raises SoundLocked where the folder cannot be read; one not there has none."""
        try:
            names = os.listdir(self.folder) if self.folder is not None else []
        except FileNotFoundError:
            return []
        except OSError as error:
            raise SoundLocked(f"the keys of sounds cannot be read: {self.folder}: {error.strerror}") from error
        found = [_key_file(self._there, told) for name in names if (told := _NAME.fullmatch(name))]
        return sorted(found, key=lambda one: (one.number, one.id))

    def newest(self) -> SoundKey:
        """The key of new sounds, made if it is the first and may be. Raises SoundLocked."""
        files = self.files()
        if files:
            return _read(files[-1])
        if not self.makes:
            raise SoundLocked(f"{self.folder} holds no key, or is not mounted: {_MAKES}")
        made = self.make()
        log.warning("sound_key_made", path=str(made.path), reason="without it no sound opens: keep a copy elsewhere")
        return _read(made)

    def of(self, key_id: str) -> SoundKey:
        """The key of an id. Raises SoundLocked."""
        for one in reversed(self.files()):
            if one.id == key_id:
                return _read(one)
        raise SoundLocked(f"its key {key_id} is not in {self.folder}")

    def proved(self) -> list[KeyFile]:
        """Every key, each read. Raises SoundLocked: one is no good, or new sounds want the first and have none."""
        files = self.files()
        for one in files:
            _read(one)
        if self.seals and not files and not self.makes:
            self.newest()
        return files

    def make(self) -> KeyFile:
        """A new key, which is the newest from now on. On disk when this returns, whole or not at all.

        Raises SoundLocked.
        """
        key, files = SoundKey(secrets.token_bytes(32)), self.files()
        path = self._there / f"{files[-1].number + 1 if files else 1}-{key.id}.key"
        draft = path.with_name(f".{path.name}")
        try:
            self._there.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(key.secret.hex().encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            draft.rename(path)
            sync_folder(self._there)
        except OSError as error:
            raise SoundLocked(f"no key could be made: {path}: {error.strerror}") from error
        finally:
            with suppress(OSError):
                draft.unlink()
        return KeyFile(number=int(path.name.partition("-")[0]), id=key.id, path=path)

    @property
    def _there(self) -> Path:
        if self.folder is None:
            raise SoundLocked("no folder of keys is known")
        return self.folder


def _key_file(folder: Path, told: re.Match[str]) -> KeyFile:
    return KeyFile(number=int(told[1]), id=told[2], path=folder / told[0])


def _read(one: KeyFile) -> SoundKey:
    try:
        with one.path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & _OTHERS:
                raise SoundLocked(f"others than its owner may read {one.path}: chmod 600 it")
            key = SoundKey(bytes.fromhex(file.read(200).decode("ascii")))
    except SoundLocked:
        raise
    except OSError as error:
        raise SoundLocked(f"{one.path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SoundLocked(f"{one.path} is no key: put the one back that was saved") from error
    if len(key.secret) != 32 or key.id != one.id:
        raise SoundLocked(f"{one.path} is not the key its name tells: put the one back that was saved")
    return key
