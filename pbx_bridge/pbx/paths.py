"""Where one Asterisk instance keeps its files, as the host sees them and as Asterisk sees them.

A private Asterisk runs in a Debian tree of its own (`chroot`), so the same folder has two names. Several instances
live side by side in one tree, each in `TREE/srv/pbxb/<id>`; `HOME/asterisk` is a link to ours, so everything else
finds the spool and the sounds without knowing about trees.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_INSTANCES = PurePosixPath("srv/pbxb")


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxPaths:
    """The folders of one instance.

    Attributes:
        base: the instance's folder, as the host sees it.
        root: the tree Asterisk runs in; None when it runs on the host itself.
    """

    base: Path
    root: Path | None = None

    def inside(self, path: Path) -> PurePosixPath:
        """The name Asterisk has for a file of the host. Raises ValueError for a file outside its tree."""
        return PurePosixPath("/") / path.relative_to(self.root) if self.root else PurePosixPath(path)

    def host(self, path: PurePosixPath | str) -> Path:
        """The name the host has for a file that Asterisk names."""
        return self.root / PurePosixPath(path).relative_to("/") if self.root else Path(path)

    @property
    def etc(self) -> Path:
        """Configuration."""
        return self.base / "etc"

    @property
    def conf(self) -> Path:
        """The file given to `asterisk -C`."""
        return self.etc / "asterisk.conf"

    @property
    def lib(self) -> Path:
        """Asterisk's own database (registrations survive a restart)."""
        return self.base / "lib"

    @property
    def spool(self) -> Path:
        """Asterisk's spool; recordings in `recording`."""
        return self.base / "spool"

    @property
    def recording(self) -> Path:
        """Recordings that ARI makes; Debian's package lacks the folder, and then ARI answers 500."""
        return self.spool / "recording"

    @property
    def monitor(self) -> Path:
        """Recordings of talks, as the dialplan makes them; the daemon takes them away."""
        return self.spool / "monitor"

    @property
    def log(self) -> Path:
        """Logs, queue_log and the CEL spool."""
        return self.base / "log"

    @property
    def messages(self) -> Path:
        """Asterisk's notices, warnings and errors."""
        return self.log / "messages.log"

    @property
    def cel(self) -> Path:
        """The CEL spool: the record's source."""
        return self.log / "cel-custom" / "cel.csv"

    @property
    def queue_log(self) -> Path:
        """app_queue's log."""
        return self.log / "queue_log"

    @property
    def run(self) -> Path:
        """Asterisk's control socket."""
        return self.base / "run"

    @property
    def sounds(self) -> Path:
        """Rendered prompts; fixed announcements in `fixed/<language>`."""
        return self.base / "sounds"

    @property
    def moh(self) -> Path:
        """What a waiting caller hears."""
        return self.base / "moh"

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder Asterisk needs before it starts; it makes none of them itself."""
        log, spool = self.log, self.spool
        return (
            self.etc,
            *(self.lib / name for name in ("cache", "keys")),
            *(spool / name for name in ("recording", "monitor", "voicemail", "tmp")),
            *(log / name for name in ("cel-custom", "cdr-custom")),
            self.run,
            self.sounds / "fixed" / "fa",
            self.sounds / "fixed" / "en",
            self.moh,
        )


def instance_id(home: Path) -> str:
    """A short name for the instance of one HOME, so that two checkouts never share one."""
    return hashlib.sha256(os.fsencode(home.absolute())).hexdigest()[:12]


def instance_paths(home: Path, root: Path | None) -> PbxPaths:
    """The paths of HOME's instance, in `root` or, without a tree, in HOME itself.

    An existing link `HOME/asterisk` wins: a project folder that was moved keeps its records.
    """
    link = home / "asterisk"
    if root is None:
        return PbxPaths(base=link)
    instances = root / _INSTANCES
    if link.is_symlink() and link.resolve().parent == instances.resolve():
        return PbxPaths(base=instances / link.resolve().name, root=root)
    return PbxPaths(base=instances / instance_id(home), root=root)


def find_paths(home: Path, root: Path) -> PbxPaths:
    """The paths of the instance that was set up in HOME: by its link when it runs in the tree, else HOME's own."""
    return instance_paths(home, root if (home / "asterisk").is_symlink() else None)


def link_home(home: Path, paths: PbxPaths) -> None:
    """Point HOME/asterisk at the instance; relative where it can be, so that a moved folder still finds it."""
    link = home / "asterisk"
    if link == paths.base:
        if link.is_symlink():  # from a time when it ran in a tree
            link.unlink()
        return
    inside = paths.base.is_relative_to(home)
    target = paths.base.relative_to(home) if inside else paths.base
    if link.is_symlink():
        if Path(os.readlink(link)) == target:
            return
        link.unlink()
    link.symlink_to(target)
