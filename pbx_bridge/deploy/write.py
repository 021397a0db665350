"""Changes written, and taken back: each file at once, and nothing that another changed meanwhile is lost."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pbx_bridge.deploy.backup import Backup, Entry, Manifest, State, digest, digest_of
from pbx_bridge.deploy.changes import Change
from pbx_bridge.deploy.files import drop_drafts, remove, rights_beside, rights_of, write_whole
from pbx_bridge.errors import PbxError


def write_changes(etc: Path, changes: Sequence[Change], begun: list[str] | None = None) -> None:
    """Write them all. Raises PbxError: then some may be written, whose names stand in `begun`, for `take_back`."""
    for change in changes:
        path = etc / change.name
        if digest_of(path) != (None if change.before is None else digest(change.before)):
            raise PbxError(f"{path} was changed by somebody else just now: run it again")
        if begun is not None:
            begun.append(change.name)
        if change.after is None:
            remove(path)
        else:
            write_whole(path, change.after, rights_of(path) if path.exists() else rights_beside(path))


def take_back(backup: Backup, *, force: bool = False, only: Sequence[str] | None = None) -> tuple[str, ...]:
    """Put every file (or only those) back as it was before that deployment; the names of those that had changed.

    Raises PbxError, having touched nothing, when a file is neither as it was before nor as the deployment left it;
    with `force` that change is overwritten.
    """
    manifest = backup.manifest()
    etc = Path(manifest.etc)
    entries = [entry for entry in manifest.entries if only is None or entry.name in only]
    if not force:
        _refuse_changed(etc, entries)
    originals = [(entry, backup.original(entry)) for entry in entries]  # all of them, before any is written
    drop_drafts(etc)
    changed = [entry.name for entry, data in originals if _put_back(etc, entry, data)]
    _drop_folders(manifest)
    backup.note(msgspec.structs.replace(manifest, state=State.ROLLED_BACK))
    return tuple(changed)


def _refuse_changed(etc: Path, entries: Sequence[Entry]) -> None:
    changed = [str(etc / e.name) for e in entries if digest_of(etc / e.name) not in (e.before, e.after)]
    if changed:
        raise PbxError(
            f"changed since it was deployed: {', '.join(changed)}; look at it, and say --force to have it overwritten"
        )


def _put_back(etc: Path, entry: Entry, data: bytes | None) -> bool:
    path = etc / entry.name
    if data is None or entry.rights is None:
        there = os.path.lexists(path)
        remove(path)
        return there
    if digest_of(path) == entry.before and rights_of(path) == entry.rights:
        return False
    write_whole(path, data, entry.rights)
    return True


def _drop_folders(manifest: Manifest) -> None:
    """Those we made, if nothing was written into them: rows of calls stay."""
    for folder in reversed(manifest.folders):
        try:
            Path(folder).rmdir()
        except OSError:
            continue
