"""A room: this machine as it stands, with a real systemd as its first process, of which nothing stays.

    with room(folder, say, {}) as there:
        there.run("systemctl", "start", "pbx-bridge")

The room's files are the machine's, under a layer that takes what is written (overlayfs); processes, mounts and
control groups are its own, the network is the machine's. Needs root; blocking.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bench.figure import CannotMeasure
from bench.needed import require, require_root
from bench.system import Say

_NEEDED = ("/lib/systemd/systemd", "unshare", "nsenter", "systemctl", "journalctl", "dbus-daemon", "adduser", "git")
_PACKAGES = "util-linux systemd dbus adduser git"
_BOOT = Path(__file__).with_name("room.sh")
_APART = ("unshare", "--pid", "--fork", "--kill-child", "--mount", "--cgroup", "--uts", "--ipc")
_BOOT_S, _COMMAND_S = 60.0, 120.0
_POLL_S = 0.05
_WORDS = 600  # of what a program said last, when it failed
_INTO = ("nsenter", "--pid", "--mount", "--cgroup", "--uts", "--ipc", "--root", "--wd")


@dataclass(slots=True, kw_only=True)
class Room:
    """One that stands. `pid`: its first process, as the machine sees it."""

    pid: int

    def run(self, *words: str | Path, limit_s: float = _COMMAND_S, user: str = "") -> str:
        """What a command in the room prints. Raises CannotMeasure when it fails."""
        told = self._asked(words, limit_s, user)
        if told.returncode:
            said = (told.stdout + told.stderr).strip()[-_WORDS:]
            raise CannotMeasure(f"{' '.join(map(str, words[:6]))} ended with {told.returncode}: {said}")
        return told.stdout

    def asked(self, *words: str | Path) -> tuple[int, str]:
        """The exit status of a command in the room, and all it says."""
        told = self._asked(words, _COMMAND_S, "")
        return told.returncode, told.stdout + told.stderr

    def _asked(self, words: Sequence[str | Path], limit_s: float, user: str) -> subprocess.CompletedProcess[str]:
        as_user = ("runuser", "-u", user, "--") if user else ()
        command = [*_INTO, "--target", str(self.pid), "--", *as_user, *map(str, words)]
        try:
            return subprocess.run(  # noqa: S603 - fixed programs, no shell
                command,
                env=_environment(),
                capture_output=True,
                text=True,
                errors="replace",
                stdin=subprocess.DEVNULL,
                timeout=limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise CannotMeasure(f"{' '.join(map(str, words[:6]))} was not done after {limit_s:g} s") from None

    def place(self, path: str) -> Path:
        """Where the machine finds a file of the room."""
        return Path(f"/proc/{self.pid}/root") / PurePosixPath(path).relative_to("/")

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", unit, "--property", name, "--value").strip()

    def journal(self, unit: str, lines: int = 30) -> str:
        """What a unit said last."""
        return self.run("journalctl", "--no-pager", "--output=cat", "--unit", unit, "--lines", str(lines))


@contextmanager
def room(folder: Path, say: Say, shared: Mapping[Path, str]) -> Iterator[Room]:
    """A room that stands; all of it is gone afterwards, `folder` too. Raises CannotMeasure where none can be had.

    `shared`: folders of the machine that change meanwhile, and where the room has them.
    """
    require_root("make a room with a systemd of its own")
    require(_NEEDED, _PACKAGES)
    _removed(folder)  # of a run that was killed
    folder.mkdir(parents=True)
    say("starting a systemd of its own")
    pairs = [word for source, place in shared.items() for word in (str(source), place)]
    with (folder / "boot.out").open("wb") as out:
        door = subprocess.Popen(  # noqa: S603
            [*_APART, "sh", str(_BOOT), str(folder), *pairs],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        yield _stands(door, folder)
    finally:
        door.kill()  # and with it all that is in there
        door.wait()
        _removed(folder)


def _stands(door: subprocess.Popen[bytes], folder: Path) -> Room:
    """The room, once its systemd has started everything."""
    until = time.monotonic() + _BOOT_S
    while time.monotonic() < until and door.poll() is None:
        if pid := _first_process(door.pid):
            found = Room(pid=pid)
            status, _ = found.asked("systemctl", "is-active", "--quiet", "room.target")
            if status == 0:
                return found
        time.sleep(_POLL_S)
    told = (folder / "boot.out").read_text(errors="replace").strip()
    raise CannotMeasure(f"no systemd could be started here: {told[-_WORDS:] or 'it said nothing'}")


def _first_process(door: int) -> int | None:
    """The child of `unshare`, once it has become systemd."""
    children = Path(f"/proc/{door}/task/{door}/children").read_text(encoding="ascii").split()
    for child in children:
        with suppress(OSError):
            if Path(f"/proc/{child}/comm").read_text(encoding="ascii").strip() == "systemd":
                return int(child)
    return None


def _removed(folder: Path) -> None:
    # The kernel makes `work` anew for itself, and lets nobody in.
    for path in (folder / "work").glob("*"):
        path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _environment() -> dict[str, str]:
    ours = ("PBX_BRIDGE_", "VIRTUAL_ENV", "PYTHON", "XDG_", "NOTIFY_", "LISTEN_", "JOURNAL_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
