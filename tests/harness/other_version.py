"""Another version of pbx_bridge in a folder of its own, with a Python of its own: ours, and one migration more."""

from __future__ import annotations

import shutil
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pbx_bridge
from pbx_bridge.store.migrate import shipped


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherVersion:
    """`program`: what becomes its commands. `migration`: the file that we have not."""

    program: tuple[str, ...]
    migration: Path


def other_version(folder: Path, statements: str) -> OtherVersion:
    """Lay it there."""
    venv.create(folder, symlinks=True)
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    shutil.copytree(Path(pbx_bridge.__file__).parent, packages / "pbx_bridge")
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n")  # what it needs besides
    migration = packages / "pbx_bridge" / "store" / "migrations" / f"{shipped()[-1].version + 1:04}_later.sql"
    migration.write_text(statements)
    return OtherVersion(program=(str(folder / "bin" / "python"), "-P", "-m", "pbx_bridge.cli"), migration=migration)
