"""What this machine tells: Asterisk's files, folders and process, sockets that listen, disks. Blocking."""

from __future__ import annotations

import concurrent.futures
import ipaddress
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pbx_bridge.doctor.conf import Conf, parse
from pbx_bridge.doctor.finding import Unseen
from pbx_bridge.doctor.gathered import Disk, FileFacts, KeyFacts, Process, Socket
from pbx_bridge.doctor.place import Place
from pbx_bridge.errors import PbxError, PromptError
from pbx_bridge.ivr.sounds.voice import read_manifest
from pbx_bridge.spool.seal import SoundLocked

_FILES = (
    "asterisk.conf",
    "manager.conf",
    "ari.conf",
    "http.conf",
    "cel.conf",
    "cel_custom.conf",
    "cdr.conf",
    "logger.conf",
    "pjsip.conf",
    "extensions.conf",
    "musiconhold.conf",
    "queues.conf",
    "voicemail.conf",
)
_LISTENS = "0A"
_RIGHTS = (("r", os.R_OK), ("w", os.W_OK), ("x", os.X_OK))
_NAME_LIMIT_S = 5.0
_ANNOUNCED = tuple(f"fixed/{language}/{key}" for language in ("fa", "en") for key in ("to_person", "nobody"))


def read_etc(place: Place) -> tuple[Mapping[str, Conf | Unseen], Mapping[str, int]]:
    """The configuration files by name, and their rights."""
    files: dict[str, Conf | Unseen] = {}
    modes: dict[str, int] = {}
    for name in _FILES:
        path = place.etc / name
        try:
            files[name] = parse(path.read_text(encoding="utf-8", errors="replace"), lambda p: _included(place, p))
            modes[name] = path.stat().st_mode
        except OSError as error:  # also of a file that it includes: half a configuration would be a guess
            files[name] = Unseen(f"{error.filename or path} cannot be read: {error.strerror}")
    return files, modes


def _included(place: Place, pattern: str) -> list[str]:
    path = place.host(pattern) if pattern.startswith("/") else place.etc / pattern
    found = sorted(path.parent.glob(path.name)) if path.parent.is_dir() else []
    return [one.read_text(encoding="utf-8", errors="replace") for one in found if one.is_file()]


def read_sockets(place: Place) -> tuple[Socket, ...] | Unseen:
    """Every TCP socket of this machine that listens."""
    if not place.local:
        return Unseen("the PBX is on another machine")
    found = []
    for table in ("tcp", "tcp6"):
        try:
            lines = Path("/proc/net", table).read_text(encoding="ascii").splitlines()[1:]
        except OSError as error:
            return Unseen(f"/proc/net cannot be read: {error.strerror}")
        found += [where for line in lines if (where := _socket(line.split()))]
    return tuple(found)


def _socket(fields: list[str]) -> Socket | None:
    if fields[3] != _LISTENS:
        return None
    address, _, port = fields[1].partition(":")
    raw = bytes.fromhex(address)
    words = b"".join(raw[i : i + 4][::-1] for i in range(0, len(raw), 4))
    return Socket(address=str(ipaddress.ip_address(words)), port=int(port, 16))


def read_process(place: Place, run: Path | None) -> Process | Unseen:
    """Asterisk's process, by the file it keeps its id in."""
    if not place.local:
        return Unseen("the PBX is on another machine")
    if run is None:
        return Unseen("asterisk.conf was not read, which says where Asterisk's id is kept")
    try:
        pid = int((run / "asterisk.pid").read_text(encoding="ascii"))
        status = _status_of(pid)
        limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
    except (OSError, ValueError):
        return Unseen(f"no process is named by {run / 'asterisk.pid'}")
    gids = {int(word) for key in ("Gid", "Groups") for word in status.get(key, "").split()}
    return Process(uid=int(status["Uid"].split()[1]), gids=frozenset(gids), open_files=_open_files(limits))


def _status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return {name: told.strip() for name, _, told in (line.partition(":") for line in lines)}


def _open_files(limits: str) -> int:
    words = next(line for line in limits.splitlines() if line.startswith("Max open files")).split()
    return int(words[3]) if words[3].isdecimal() else 1 << 30


def file_facts(path: Path) -> FileFacts:
    """A file or folder; one behind a shut folder counts as not there."""
    try:
        status = path.stat()
    except OSError:
        return FileFacts(path=path, exists=False)
    ours = "".join(letter for letter, right in _RIGHTS if os.access(path, right))
    changed = datetime.fromtimestamp(status.st_mtime, UTC)
    return FileFacts(
        path=path, exists=True, uid=status.st_uid, gid=status.st_gid, mode=status.st_mode, changed=changed, ours=ours
    )


def read_files(place: Place, log: Path | None) -> Mapping[str, FileFacts | Unseen]:
    """The record's files."""
    found = {"cel": place.ours.cel, "queue_log": place.ours.queue_log}
    for name in ("cdr-custom/cdr.csv", "cdr-csv/Master.csv") if log else ():
        if log and (log / name).exists():
            found.setdefault("cdr", log / name)
    facts: dict[str, FileFacts | Unseen] = {}
    for name, path in found.items():
        here = place.local or path.parent.is_dir()
        facts[name] = file_facts(path) if here else Unseen(f"{path} is on another machine")
    return facts


def read_folders(place: Place, spool: Path | None) -> Mapping[str, FileFacts] | Unseen:
    """Where Asterisk writes: it makes none of them itself."""
    if not place.local:
        return Unseen("the PBX is on another machine")
    wanted = {"the record": place.ours.cel.parent, "recordings": place.recordings, "messages": place.messages}
    if spool is not None:
        wanted |= {"ARI recordings": spool / "recording", "voicemail": spool / "voicemail"}
    return {name: file_facts(path) for name, path in wanted.items()}


def read_disks(folders: Iterable[Path]) -> tuple[Disk, ...]:
    """The file systems under these folders, each once."""
    disks: dict[int, Disk] = {}
    for path in folders:
        if path.exists():
            told = os.statvfs(path)
            disk = Disk(path=path, free=told.f_bavail * told.f_frsize, total=told.f_blocks * told.f_frsize)
            disks.setdefault(path.stat().st_dev, disk)
    return tuple(disks.values())


def read_keys(place: Place) -> KeyFacts | None:
    """The keys of encrypted sounds; None: there are none, and none are needed."""
    try:
        files = place.keys.proved()
    except SoundLocked as error:
        return KeyFacts(wrong=str(error))
    if not files:
        return None
    disks = {path.stat().st_dev for path in place.kept if path.is_dir()}
    return KeyFacts(beside=files[-1].path.stat().st_dev in disks)


def name_seconds(place: Place) -> float | Unseen | None:
    """How long the machine's own name takes to resolve; None: it does not, or not within 5 s."""
    if not place.local:
        return Unseen("the PBX is on another machine")
    name = socket.gethostname()
    if name in _known_hosts(place.host("/etc/hosts")):
        return 0.0
    if place.root is not None:
        return None  # the tree has no other way to know it
    began = time.monotonic()
    pool = concurrent.futures.ThreadPoolExecutor(1)
    try:
        pool.submit(socket.getaddrinfo, name, None).result(_NAME_LIMIT_S)
    except (OSError, TimeoutError):
        return None
    finally:
        pool.shutdown(wait=False)
    return time.monotonic() - began


def _known_hosts(path: Path) -> Iterator[str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    return (name for line in lines for name in line.partition("#")[0].split()[1:])


def silent_prompts(sounds: Path) -> tuple[str, ...] | Unseen:
    """Prompts that have no file: of those that were rendered, and of those that the dialplan plays by itself."""
    try:
        manifest = read_manifest(sounds)
    except PromptError as error:
        return Unseen(str(error))
    names = [clip.file for clip in manifest.clips] + [whole.file for whole in manifest.wholes]
    rendered = (
        [name for name in names if not (sounds / name).exists()] if names else ["any prompt (none is rendered)"]
    )
    announced = [name for name in _ANNOUNCED if not list(sounds.glob(f"{name}.*"))]
    return (*announced, *rendered)


def read_music(place: Place, conf: Conf | Unseen | None) -> int | Unseen:
    """How many files the class `default` has."""
    if not isinstance(conf, Conf):
        return Unseen("musiconhold.conf was not read" if conf is None else conf.why)
    directory = conf.one("default").get("directory")
    if not directory.startswith("/"):
        directory = f"/var/lib/asterisk/{directory or 'moh'}"
    folder = place.host(directory)
    if not place.local:
        return Unseen("the PBX is on another machine")
    return sum(path.is_file() for path in folder.iterdir()) if folder.is_dir() else 0


def console_modules(place: Place) -> frozenset[str] | Unseen:
    """The modules that the console says are loaded."""
    if place.console is None:
        return Unseen("Asterisk's console cannot be asked from here")
    try:
        lines = place.console.ask("module show").splitlines()
    except PbxError as error:
        return Unseen(str(error))
    words = (line.split() for line in lines)
    return frozenset(w[0].removesuffix(".so") for w in words if w and w[0].endswith(".so") and "Not" not in w)
