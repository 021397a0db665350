"""One instance on disk: its folders, its configuration, its hold music. Laying it again changes nothing else."""

from __future__ import annotations

import os
from pathlib import Path

from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.music import place_music
from pbx_bridge.pbx.paths import PbxPaths
from pbx_bridge.pbx.plan import PbxPlan
from pbx_bridge.pbx.program import Asterisk
from pbx_bridge.pbx.render import render


def lay_instance(asterisk: Asterisk, plan: PbxPlan) -> None:
    """Make the folders and write the configuration of an instance. Raises PbxError."""
    owner = asterisk.owner()
    try:
        _make_folders(plan.paths, owner)
        for name, text in render(plan).items():
            write_conf(plan.paths.etc / name, text, owner)
        place_music(plan.paths.moh)
    except OSError as error:
        raise PbxError(f"cannot lay the Asterisk instance: {error.strerror}: {error.filename}") from error
    if asterisk.root is None and owner is not None:
        _check_reachable(plan.paths.base, owner[0])


def _make_folders(paths: PbxPaths, owner: tuple[int, int] | None) -> None:
    paths.base.mkdir(parents=True, exist_ok=True)
    for folder in paths.folders:
        folder.mkdir(parents=True, exist_ok=True)
    paths.monitor.chmod(0o700)  # voices of callers
    if owner is None:
        return
    theirs = (paths.lib, paths.spool, paths.log, paths.run)
    for top in theirs:
        for folder in (top, *(path for path in top.rglob("*") if path.is_dir())):
            os.chown(folder, *owner)


def write_conf(path: Path, text: str, owner: tuple[int, int] | None) -> None:
    """Replace a file at once; 0640 and owned by root:asterisk, because some of them hold secrets."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    if owner is not None:
        os.chown(draft, -1, owner[1])
    draft.chmod(0o640)
    draft.replace(path)


def _check_reachable(base: Path, uid: int) -> None:
    for folder in base.resolve().parents:
        status = folder.stat()
        if not status.st_mode & 0o001 and status.st_uid != uid:
            raise PbxError(
                f"Asterisk's user cannot reach {base}: {folder} is closed to others; move it by PBX_BRIDGE_HOME"
            )
