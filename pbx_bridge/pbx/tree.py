"""The Asterisk of a Debian release in a folder of its own, by debootstrap; the host keeps its packages as they are.

The tree is made beside its place and moved there when it is whole, so a folder that exists is a finished one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.mirror import archives, debian_mirror, machine_sources, os_release
from pbx_bridge.pbx.proxy import apt_options, apt_proxy

Tell = Callable[[str], None]

_SPEECH = {"espeak-ng": "espeak-ng", "sox": "sox"}  # program -> package, wanted in the tree if the host has none
_MARKER = ".made-by-pbx-bridge"
_SBIN = "/usr/sbin:/usr/bin:/sbin:/bin"
_NO_SUITE = "Release"  # what debootstrap speaks of where a mirror has not got the suite


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A Debian release that has an Asterisk.

    Attributes:
        asterisk: the branches it may be of, the oldest and the newest.
        packages: what makes it whole.
        speech: it also carries the speech programs that the host lacks.
    """

    name: str
    asterisk: tuple[int, int]
    packages: tuple[str, ...] = ("asterisk", "asterisk-core-sounds-en-wav")
    speech: bool = False


SID = Suite(name="sid", asterisk=(20, 99), speech=True)
# What Issabel 4 runs; Debian 12 has no Asterisk at all.
BULLSEYE = Suite(name="bullseye", asterisk=(16, 16), packages=(*SID.packages, "asterisk-voicemail"))
SUITES = {suite.name: suite for suite in (SID, BULLSEYE)}


def suite_named(name: str) -> Suite:
    """The suite of that name. Raises PbxError."""
    if name not in SUITES:
        raise PbxError(f"no Asterisk of a Debian release {name!r} is known: {', '.join(SUITES)}")
    return SUITES[name]


def root_of(root: Path, suite: Suite) -> Path:
    """Where the tree of a suite stands: beside that of the private Asterisk, which is unstable's."""
    return root if suite == SID else root.with_name(f"{root.name}-{suite.name}")


def make_tree(root: Path, tell: Tell, etc: Path = Path("/etc"), suite: Suite = SID) -> None:
    """Make the tree at `root`. Needs root and the network; takes about a minute. Raises PbxError.

    `etc` is where the machine says what it is and which mirror it uses.
    """
    mirror = _mirror_or_refuse(etc)
    if root.exists() and any(root.iterdir()):
        raise PbxError(f"{root} exists but has no Asterisk that runs: remove it, or name another folder in pbx.root")
    draft = root.with_name(f"{root.name}.unfinished")
    _ensure_debootstrap(tell)
    _debootstrap(draft, tell, suite, mirror)
    shutil.rmtree(draft / "var/cache/apt/archives", ignore_errors=True)
    if root.exists():
        root.rmdir()
    draft.rename(root)


def _debootstrap(draft: Path, tell: Tell, suite: Suite, mirror: str) -> None:
    """Fill a draft from the mirror or, of a suite it has not got any more, from the archive beside it."""
    include = ",".join((*suite.packages, *(missing_speech() if suite.speech else ())))
    tell(f"debootstrap: {suite.name} with {include.replace(',', ', ')}")
    command = ["debootstrap", "--variant=minbase", f"--include={include}", suite.name, str(draft)]
    refusal: PbxError | None = None
    for place in archives(mirror):
        _start_draft(draft, tell)
        try:
            _run([*command, place], tell, "debootstrap")
        except PbxError as error:
            if _NO_SUITE not in str(error):
                raise
            refusal = refusal or error
        else:
            return
    if refusal is not None:
        raise refusal


@contextmanager
def alone_at(root: Path, tell: Tell) -> Iterator[None]:
    """One at a time makes the tree at `root`: whoever comes second waits for the first. Raises PbxError."""
    path = root.with_name(f"{root.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("w")
    except OSError as error:
        raise PbxError(f"cannot write {path}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell(f"another program is making {root}: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def settle_tree(root: Path) -> None:
    """Give the tree names without a name server, every start anew: the host's name may have changed.

    Asterisk resolves its own host's name for every RTP session, and stands still while it does. The resolver of its
    SIP stack is pointed at this machine, so that the one socket it opens can never speak to another.
    """
    name = socket.gethostname()
    _write(root / "etc/hosts", f"127.0.0.1 localhost\n127.0.0.1 {name}\n::1 localhost\n")
    _write(root / "etc/resolv.conf", "nameserver 127.0.0.1\n")
    switch = root / "etc/nsswitch.conf"
    try:
        lines = switch.read_text(encoding="utf-8").splitlines() if switch.exists() else []
    except OSError as error:
        raise PbxError(f"cannot read {switch}: {error.strerror}") from error
    kept = [line for line in lines if not line.startswith("hosts:")]
    _write(switch, "\n".join([*kept, "hosts: files"]) + "\n")


def missing_speech() -> tuple[str, ...]:
    """The packages of the speech programs this host has not got: the tree carries them then."""
    return tuple(package for program, package in _SPEECH.items() if shutil.which(program) is None)


def add_speech(root: Path, tell: Tell) -> None:
    """Install the speech programs that neither the host nor an older tree has. Raises PbxError."""
    wanted = [
        package
        for program, package in _SPEECH.items()
        if shutil.which(program) is None and not (root / "usr/bin" / program).exists()
    ]
    if not wanted:
        return
    tell(f"installing {', '.join(wanted)} in the tree")
    shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
    inside = ["chroot", str(root), "env", "DEBIAN_FRONTEND=noninteractive"]
    apt = [*inside, "apt-get", *apt_options()]
    _run([*apt, "-q", "update"], tell, "apt-get update")
    _run([*apt, "-qy", "--no-install-recommends", "install", *wanted], tell, "apt-get install")
    settle_tree(root)


def _mirror_or_refuse(etc: Path) -> str:
    told = os_release(etc / "os-release")
    if told.get("ID") != "debian" and "debian" not in told.get("ID_LIKE", "").split():
        raise PbxError(
            "no Asterisk 20 or later on the PATH, and this is no Debian machine: install one and start again"
        )
    if os.geteuid() != 0:
        raise PbxError("no Asterisk 20 or later on the PATH; as root, Debian's own can be installed into a folder")
    mirror = debian_mirror(machine_sources(etc / "apt"), told.get("VERSION_CODENAME", "stable"))
    if mirror is None:
        raise PbxError("no mirror of Debian's main archive in this machine's apt sources (/etc/apt)")
    return mirror


def _start_draft(draft: Path, tell: Tell) -> None:
    try:
        if draft.exists():
            if not (draft / _MARKER).exists():
                raise PbxError(f"{draft} is in the way and not ours: remove it")
            tell("an unfinished tree is there: starting over")
            _unmount_under(draft, tell)
            shutil.rmtree(draft)
        draft.mkdir(parents=True)
        (draft / _MARKER).touch()
    except OSError as error:
        raise PbxError(f"cannot make {draft}: {error.strerror}") from error


def _unmount_under(folder: Path, tell: Tell) -> None:
    """A debootstrap that was killed leaves /proc mounted in its tree: nothing may be removed through it."""
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    points = [line.split()[1].encode().decode("unicode_escape") for line in mounts]
    for point in sorted((p for p in points if Path(p).is_relative_to(folder)), reverse=True):
        _run(["umount", point], tell, f"umount {point}")


def _ensure_debootstrap(tell: Tell) -> None:
    if shutil.which("debootstrap", path=f"{os.environ.get('PATH', '')}:{_SBIN}"):
        return
    tell("installing debootstrap")
    _run(["apt-get", "-q", "update"], tell, "apt-get update")
    _run(["apt-get", "-qy", "--no-install-recommends", "install", "debootstrap"], tell, "apt-get install debootstrap")


def _run(command: Sequence[str], tell: Tell, what: str) -> None:
    """Run a program, telling its output line by line. Raises PbxError with its last lines when it fails."""
    environment = {**os.environ, **apt_proxy(), "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    environment["PATH"] = f"{environment.get('PATH', '')}:{_SBIN}"
    last: list[str] = []
    try:
        child = subprocess.Popen(  # noqa: S603 - fixed programs, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
        )
    except OSError as error:
        raise PbxError(f"cannot run {command[0]}: {error.strerror}") from error
    with child:
        try:
            for line in child.stdout or ():
                tell(line.rstrip())
                last = [*last[-2:], line.strip()]
        except BaseException:
            child.terminate()
            raise
    if child.returncode != 0:
        raise PbxError(f"{what} failed ({child.returncode}): {' / '.join(last)}")


def _write(path: Path, text: str) -> None:
    try:
        if path.is_symlink() or not path.exists() or path.read_text(encoding="utf-8") != text:
            path.unlink(missing_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PbxError(f"cannot write {path}: {error.strerror}") from error
