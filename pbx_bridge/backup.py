"""One folder that holds all a system is: made while it runs, checked whole before any of it is put back.

    backup    store (one moment) ─► secrets, settings, flows, words, on request voices ─► manifest ─► its name
    restore   every file is as the manifest has it ─► the store can be read ─► what is there goes aside ─► put back

The folder gets its name last: one that is there is whole. Made for `pbx-bridge backup` and `restore`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

import msgspec

from pbx_bridge.errors import BridgeError, InputError
from pbx_bridge.process import only_one
from pbx_bridge.store import snapshot
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.migrate import shipped
from pbx_bridge.store.open import open_store

FILES = ("pbx_bridge.toml",)
FOLDERS = ("secrets", "flows", "prompts", "recordings")
MANIFEST = "manifest.json"
_LOCKS = ("run.lock", "daemon.lock")
_FORMAT = 1
_CHUNK = 1 << 20

Progress = Callable[[int, int], None]
"""(bytes done, bytes in all)"""


class Listed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of a backup."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a backup holds. `store`: the file of the store, whose tables are of version `schema`."""

    format: int
    made_at: datetime
    pbx_bridge: str
    store: str
    schema: int
    files: dict[str, Listed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """What is saved and put back.

    Attributes:
        path: HOME.
        store: the store, in HOME or elsewhere.
        sounds: the folders of voices by their name in a backup.
        version: of pbx_bridge.
    """

    path: Path
    store: StorePlace
    sounds: Mapping[str, Path]
    version: str

    @property
    def parts(self) -> Mapping[str, Path]:
        """Everything but the store, by its name in a backup."""
        return {name: self.path / name for name in (*FILES, *FOLDERS)} | dict(self.sounds)


def back_up(home: Home, into: Path, now: datetime, progress: Progress, *, sounds: bool) -> Path:
    """Make a backup in a new folder of `into`, and return it. Raises BridgeError; then nothing is left of it."""
    if not snapshot.is_there(home.store):
        raise InputError(f"{home.store}: there is no store yet; PBX_BRIDGE_HOME says where it is looked for")
    folder = into / f"pbx-bridge-{now:%Y%m%d-%H%M%S}"
    partial = folder.with_name(f"{folder.name}.partial")
    try:
        into.mkdir(parents=True, exist_ok=True)
        partial.mkdir(mode=0o700)
        schema = snapshot.take(home.store, partial / snapshot.file_name(home.store), progress)
        for name, path in home.parts.items():
            if sounds or name not in home.sounds:
                _copy(path, partial / name)
        files = {name: _listed(partial / name) for name in _names(partial)}
        manifest = Manifest(
            format=_FORMAT,
            made_at=now,
            pbx_bridge=home.version,
            store=snapshot.file_name(home.store),
            schema=schema,
            files=files,
        )
        (partial / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        _make_durable(partial)
        partial.rename(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise BridgeError(f"no backup was made: {error}") from error
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return folder


def restore(
    home: Home, folder: Path, now: datetime, progress: Progress, *, replace: bool
) -> tuple[Manifest, Sequence[str]]:
    """Put a backup back; the manifest, and where what was there before is now: a folder, a schema of the server.

    Raises BridgeError: it is no whole backup, something is there and `replace` is not said, or a daemon runs. What
    was there is untouched then, unless the disk fails while things are moved: the error tells where they are.
    """
    manifest = check(home, folder, progress)
    aside = home.path / f"before-restore-{now:%Y%m%d-%H%M%S}"
    with _stopped(home):
        there = [name for name in _roots(manifest) if os.path.lexists(home.parts[name])]
        if not replace and (there or snapshot.is_there(home.store)):
            raise InputError(f"{home.path} holds a system already: --replace puts it into {aside.name}")
        try:
            schema = _put_back(home, folder, manifest, there, aside, now)
        except OSError as error:
            raise BridgeError(f"{error}: not everything was put back; what was there before is in {aside}") from error
    return manifest, [*([str(aside)] if aside.exists() else []), *([f"schema {schema}"] if schema else [])]


def _put_back(home: Home, folder: Path, manifest: Manifest, there: Sequence[str], aside: Path, now: datetime) -> str:
    copy, schema = folder / manifest.store, ""
    if isinstance(home.store, Path):
        _move_aside(home, there, aside)
        snapshot.put_back(home.store, copy)
    else:  # all or nothing: when it fails, the files stand where they stood
        schema = snapshot.put_back_on_server(home.store, copy, now)
        _move_aside(home, there, aside)
    for name in _roots(manifest):
        _copy(folder / name, home.parts[name])
    return schema


@contextmanager
def _stopped(home: Home) -> Iterator[None]:
    """Nothing runs in HOME, and nothing starts. Raises BridgeError."""
    with ExitStack() as held:
        for lock in _LOCKS:
            held.enter_context(only_one(home.path / "run" / lock))
        yield


async def upgrade(home: Home, into: Path, now: datetime, progress: Progress) -> str:
    """Bring the store's tables to this version, if they are not, after a backup; what was done, in words.

    Raises BridgeError: nothing was changed then.
    """
    with _stopped(home):
        before = snapshot.version(home.store)
        if before == (known := shipped()[-1].version):
            return f"{home.store} has version {known} already: nothing to do"
        snapshot.refuse_newer(home.store, before)
        made = back_up(home, into, now, progress, sounds=False)
        async with open_store(home.store, folding=False):
            pass
    return f"{home.store} was brought from version {before} to {known}; what it was before is in {made}"


def check(home: Home, folder: Path, progress: Progress) -> Manifest:
    """Read every file of a backup. Raises InputError naming what is wrong."""
    manifest = _read(folder)
    if manifest.store != snapshot.file_name(home.store):
        raise InputError(f"{folder} is of another engine than the settings name: {manifest.store}")
    snapshot.refuse_newer(folder, manifest.schema)
    known, done, size = {manifest.store, *home.parts}, 0, sum(listed.bytes for listed in manifest.files.values())
    for name, listed in manifest.files.items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or path.parts[0] not in known:
            raise InputError(f"{folder / MANIFEST}: {name!r} does not belong into a backup")
        try:
            found = _listed(folder / name)
        except OSError as error:
            raise InputError(f"{folder}: {error}") from error
        if found != listed:
            raise InputError(f"{folder / name} is not what was saved: it was changed or is damaged")
        progress(done := done + listed.bytes, size)
    if manifest.store not in manifest.files:
        raise InputError(f"{folder / MANIFEST} names no store")
    snapshot.check(home.store, folder / manifest.store)
    return manifest


def _read(folder: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except OSError as error:
        raise InputError(f"{folder} is no backup: {error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{folder / MANIFEST}: {error}") from error
    if manifest.format != _FORMAT:
        raise InputError(f"{folder} has format {manifest.format}, this pbx_bridge knows {_FORMAT}")
    return manifest


def _roots(manifest: Manifest) -> list[str]:
    """What is put back beside the store."""
    return sorted({PurePosixPath(name).parts[0] for name in manifest.files} - {manifest.store})


def _move_aside(home: Home, there: Sequence[str], aside: Path) -> None:
    store = home.store
    moved = {name: home.parts[name] for name in there}
    if isinstance(store, Path):
        files = [store.with_name(f"{store.name}{end}") for end in ("", "-wal", "-shm")]
        moved |= {path.name: path for path in files if path.exists()}
    if moved:
        aside.mkdir(mode=0o700)
    for name, path in moved.items():
        shutil.move(path, aside / name)


def _copy(source: Path, target: Path) -> None:
    """A file or a folder, with modes and times; nothing where there is nothing."""
    if source.is_dir():
        shutil.copytree(source, target, symlinks=False, ignore_dangling_symlinks=True)
    elif source.exists():
        shutil.copy2(source, target)


def _names(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix()


def _listed(path: Path) -> Listed:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return Listed(bytes=size, sha256=digest.hexdigest())


def _make_durable(folder: Path) -> None:
    """On disk before it has its name."""
    for path in (*folder.rglob("*"), folder):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
