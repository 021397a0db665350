"""What `pbx-bridge encryption` does to sounds that are kept, beside a daemon that may run. Blocking."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from pbx_bridge.errors import InputError
from pbx_bridge.process import only_one
from pbx_bridge.spool.recording_files import RecordingFiles
from pbx_bridge.spool.seal import ENDING, SoundDamaged, SoundLocked, key_of
from pbx_bridge.spool.sound_keys import KeyFile, SoundKeys
from pbx_bridge.store.recordings import FILE_NAME

Show = Callable[[str], None]
Progress = Callable[[int, int, str], None]

_MOST_SHOWN = 20  # faults
_PIECE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptionPlace:
    """The keys, the trees of kept recordings and messages, and the lock of who writes them anew."""

    keys: SoundKeys
    trees: Sequence[RecordingFiles]
    lock: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A kept sound: its path in its tree, and the id of its key; empty: it is plain. `why`: it cannot be read."""

    files: RecordingFiles
    path: str
    place: Path
    key_id: str = ""
    why: str = ""


def show_status(place: EncryptionPlace, show: Show, looked: Progress) -> int:
    """Show whether new sounds are sealed, the keys, and how many sounds lie under each; how many do not open.

    Of each sealed sound its beginning and end are opened. Raises InputError.
    """
    kept = list(_kept(place, looked))
    under, faults = Counter(one.key_id for one in kept if not one.why), [one for one in kept if one.why]
    files = _key_files(place)
    show(f"new sounds are {'encrypted' if place.keys.seals else 'not encrypted'} (encryption.sounds)")
    show(f"keys: {place.keys.folder}{'' if files else ': none'}")
    for one in reversed(files):
        show(f"  {one.number}-{one.id}  {under.pop(one.id, 0):>8} sounds{'  newest' if one is files[-1] else ''}")
    show(f"not encrypted: {under.pop('', 0)} sounds")
    _show_faults(faults, show, "cannot be opened")
    return len(faults)


def make_key(place: EncryptionPlace, show: Show) -> None:
    """Make a key, by which new sounds are sealed from now on. Raises InputError."""
    try:
        made = place.keys.make()
    except OSError as error:
        raise InputError(str(error)) from error
    show(f"made {made.path}: new sounds are encrypted by it, once encryption.sounds is set")
    show("keep a copy of it elsewhere: without it none of them can be opened again")


def encrypt(place: EncryptionPlace, show: Show, progress: Progress, *, rekey: bool) -> int:
    """Seal every plain sound, with `rekey` also what older keys seal; how many could not be. Raises BridgeError."""
    try:
        newest = place.keys.newest().id
    except SoundLocked as error:
        raise InputError(str(error)) from error

    def wanted(one: _Kept) -> bool:
        return one.key_id != newest if rekey else not one.key_id

    return _write_anew(place, show, progress, wanted, sealed=True)


def decrypt(place: EncryptionPlace, show: Show, progress: Progress) -> int:
    """Have every sealed sound plain again; how many could not be. Raises BridgeError."""
    return _write_anew(place, show, progress, lambda one: bool(one.key_id), sealed=False)


def open_one(keys: SoundKeys, file: Path, to: Path | None, out: BinaryIO) -> None:
    """Write one sound plain, wherever its file is, to a file for its owner only, or to `out`. Raises InputError."""
    files = RecordingFiles(file.parent, file.parent, keys)
    try:
        with files.open(file.name.removesuffix(ENDING)) as opened, _written(to, out) as plain:
            shutil.copyfileobj(opened, plain, _PIECE)
            plain.flush()
    except OSError as error:
        raise InputError(error.strerror or str(error), path=error.filename or file) from error


@contextmanager
def _written(to: Path | None, out: BinaryIO) -> Iterator[BinaryIO]:
    if to is None:
        yield out
    else:
        with open(to, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            yield file


def _write_anew(
    place: EncryptionPlace, show: Show, progress: Progress, wanted: Callable[[_Kept], bool], *, sealed: bool
) -> int:
    done = went = 0
    with _alone(place):
        found = list(_kept(place))
        faults = [one for one in found if one.why]
        todo = [one for one in found if not one.why and wanted(one)]
        for number, one in enumerate(todo, 1):
            try:
                changed = _changed(one, sealed=sealed)
            except (SoundLocked, SoundDamaged) as error:
                faults.append(replace(one, why=str(error)))
            except KeyboardInterrupt:
                show(f"interrupted after {done} sounds; what was done stands: run it again for the rest")
                raise
            else:
                done, went = done + changed, went + (not changed)
            progress(number, len(todo), "")
    show(f"{done} sounds {'encrypted' if sealed else 'decrypted'}{f', {went} went meanwhile' if went else ''}")
    _show_faults(faults, show, "left as it is")
    return len(faults)


def _changed(one: _Kept, *, sealed: bool) -> bool:
    """Write one anew; False: it went meanwhile. Raises SoundLocked, SoundDamaged, InputError."""
    try:
        return one.files.write_anew(one.path, sealed=sealed)
    except FileNotFoundError:
        return False
    except (SoundLocked, SoundDamaged):
        raise
    except OSError as error:
        told = f"{error.strerror or error}: what was done stands, run it again for the rest"
        raise InputError(told, path=one.place) from error


def _kept(place: EncryptionPlace, looked: Progress | None = None) -> Iterator[_Kept]:
    """Every kept sound, in each of its forms; opened, too, where somebody wants to be told how far that has come."""
    paths = [(files, path) for files in place.trees for path in files.kept_paths()]
    sounds = [(files, path) for files, path in paths if FILE_NAME.fullmatch(Path(path).name)]
    for number, (files, path) in enumerate(sounds, 1):
        for there in files.forms(path):
            if there.name.endswith(ENDING):
                yield _sealed(files, path, there, prove=looked is not None)
            else:
                yield _Kept(files=files, path=path, place=there)
        if looked is not None:
            looked(number, len(sounds), "")


def _sealed(files: RecordingFiles, path: str, there: Path, *, prove: bool) -> _Kept:
    try:
        key_id = key_of(there)
    except OSError as error:
        return _Kept(files=files, path=path, place=there, why=str(error))
    why = files.why_locked(path) if prove else ""
    return _Kept(files=files, path=path, place=there, key_id=key_id, why=why)


def _key_files(place: EncryptionPlace) -> list[KeyFile]:
    try:
        return place.keys.files()
    except SoundLocked as error:
        raise InputError(str(error)) from error


def _show_faults(faults: Sequence[_Kept], show: Show, what: str) -> None:
    for one in faults[:_MOST_SHOWN]:
        show(f"{what}: {one.place}: {one.why}")
    if len(faults) > _MOST_SHOWN:
        show(f"and {len(faults) - _MOST_SHOWN} others")


@contextmanager
def _alone(place: EncryptionPlace) -> Iterator[None]:
    """One writes anew at a time; what a killed one left half written goes first. Raises BridgeError."""
    with only_one(place.lock, busy=f"{place.lock}: another `pbx-bridge encryption` is at work: wait for it"):
        for files in place.trees:
            files.sweep()
        yield
