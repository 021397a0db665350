"""An Asterisk that can be run: on the host or in a Debian tree; as which user; by which command lines."""

from __future__ import annotations

import os
import platform
import pwd
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.version import OLDEST as OLDEST_SERVED
from pbx_bridge.pbx.version import Version, parse_version

OLDEST = Version(20, 0)  # of what happens to be on the machine; a tree was made on purpose
_USER = "asterisk"
_PRCTL = {"x86_64": 157, "aarch64": 167}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asterisk:
    """A program and how to run it.

    Attributes:
        version: what `asterisk -V` said.
        root: the tree it runs in; None on the host.
        user: the user it runs as; None when we may not change users.
        program: its name or path.
        has_setpriv: one that works. An old tree's wants a /proc, which no tree has; perl is in every Debian.
    """

    version: Version
    root: Path | None = None
    user: str | None = _USER
    program: str = "asterisk"
    has_setpriv: bool = True

    def daemon_command(self, conf: Path | str) -> list[str]:
        """The command line of a foreground Asterisk; `conf` is asterisk.conf by the name Asterisk has for it.

        Every step is an exec, so the child's process id is Asterisk's own. The death signal comes last because
        a change of user clears it: an Asterisk whose supervisor was killed ends too, and frees its ports.
        """
        start = [self.program, "-f", "-C", str(conf)]
        if not self.has_setpriv:
            change = [f"--userspec={self.user}:{self.user}"] if self.user else []
            return ["chroot", *change, str(self.root), *_tied_by_perl(), *start]
        change = ["--reuid", self.user, "--regid", self.user, "--init-groups"] if self.user else []
        return [*self._enter(), "setpriv", *change, "--pdeathsig", "TERM", *start]

    def console_command(self, conf: Path | str, command: str) -> list[str]:
        """The command line that has a running instance do one console command."""
        return [*self._enter(), self.program, "-C", str(conf), "-rx", command]

    def owner(self) -> tuple[int, int] | None:
        """The user and group that must own the instance's folders; None: whoever we are."""
        return user_ids(self.user, self.root) if self.user else None

    def environment(self) -> dict[str, str]:
        """What Asterisk sees of our environment: nothing of ours, and no locale it has not got."""
        return {"PATH": _PATH, "LANG": "C.UTF-8", "HOME": "/nonexistent"}

    def _enter(self) -> list[str]:
        return ["chroot", str(self.root)] if self.root else []


def user_ids(name: str, root: Path | None) -> tuple[int, int]:
    """User and group id of a user of the tree (or of the host). Raises PbxError."""
    if root is None:
        try:
            entry = pwd.getpwnam(name)
        except KeyError as error:
            raise PbxError(f"this machine has an Asterisk but no user called {name}") from error
        return entry.pw_uid, entry.pw_gid
    for line in _read_lines(root / "etc/passwd"):
        fields = line.split(":")
        if fields[0] == name:
            return int(fields[2]), int(fields[3])
    raise PbxError(f"{root} has no user called {name}")


def on_path() -> Asterisk | None:
    """The host's own Asterisk when it is recent enough."""
    found = any_asterisk(None)
    return found if found is not None and found.version >= OLDEST else None


def in_tree(root: Path) -> Asterisk | None:
    """The Asterisk of a Debian tree when it runs and is of a branch that we serve."""
    found = any_asterisk(root)
    return found if found is not None and found.version >= OLDEST_SERVED else None


def any_asterisk(root: Path | None) -> Asterisk | None:
    """The Asterisk of a tree, or the host's own, however old; None where none tells its version."""
    if root is not None:
        there = (root / "usr/sbin/asterisk").exists()
        version = _ask_version(["chroot", str(root), "asterisk", "-V"]) if there else None
        return None if version is None else Asterisk(version=version, root=root, has_setpriv=_has_setpriv(root))
    program = shutil.which("asterisk", path=f"{os.environ.get('PATH', '')}:{_PATH}")
    version = _ask_version([program, "-V"]) if program else None
    if program is None or version is None:
        return None
    return Asterisk(version=version, user=_USER if os.geteuid() == 0 else None, program=program)


def _tied_by_perl() -> list[str]:
    """What asks for the death signal by the system call itself; nothing where we do not know its number."""
    number = _PRCTL.get(platform.machine())
    return ["perl", "-e", f"syscall({number}, 1, {signal.SIGTERM.value}); exec @ARGV"] if number else []


def _has_setpriv(root: Path) -> bool:
    return _told(["chroot", str(root), "setpriv", "--pdeathsig", "TERM", "true"]) is not None


def _ask_version(command: list[str]) -> Version | None:
    told = _told(command)
    return parse_version(told) if told is not None else None


def _told(command: list[str]) -> str | None:
    """What a program prints; None when it fails."""
    try:
        told = subprocess.run(  # noqa: S603 - a fixed program, no shell
            command, capture_output=True, text=True, timeout=20, check=False, env={"PATH": _PATH}
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout if told.returncode == 0 else None


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise PbxError(f"cannot read {path}: {error.strerror}") from error
