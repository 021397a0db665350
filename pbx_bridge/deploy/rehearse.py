"""Asterisk's own parser on what is to come: a throw-away instance on loopback reads a copy of the folder.

It has no channel drivers, so it cannot meet a phone, a trunk or another machine. What it complains of today is not
our matter: only what is new with the changes counts.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pbx_bridge.deploy.changes import Change
from pbx_bridge.deploy.folder import Folder
from pbx_bridge.deploy.place import Place
from pbx_bridge.doctor.conf import parse
from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.console import Console
from pbx_bridge.pbx.modules import modules_in
from pbx_bridge.pbx.program import Asterisk

_START_S, _STOP_S = 30.0, 10.0
_WITHOUT = re.compile(r"chan_pjsip|res_pj|res_rtp|bridge_native|cdr_")
_LINE = re.compile(r"\b(WARNING|ERROR)\[\d+\](?:\[C-\w+\])?:? (\S+?\.c)(?::\d+)?(.*)")
# Who reads configuration; others complain of what differs from start to start, such as a busy machine.
_READER = re.compile(r"(?:pbx|config|manager|http|cel|cdrel|loader|ari|res_ari|app_|func_)")
Doors = tuple[int, int]  # the ports of AMI and HTTP
_FOLDERS = ("lib/cache", "lib/keys", "spool/recording", "log/cel-custom", "log/cdr-custom", "run")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    complaints: Counter[str]
    dialplan: str


def complaints(place: Place, changes: Sequence[Change]) -> tuple[str, ...]:
    """What Asterisk says of the changed folder that it does not say of this one. Raises PbxError."""
    if place.asterisk is None:
        raise PbxError("this machine has no Asterisk that could read the changes beforehand")
    doors = _free_ports()
    with ThreadPoolExecutor(2) as pool:
        sides = [pool.submit(_boot, place, place.asterisk, what, doors[i]) for i, what in enumerate(((), changes))]
        before, after = (side.result() for side in sides)
    new = tuple((after.complaints - before.complaints).elements())
    lost = "" if not changes or "Stasis(" in after.dialplan else "its dialplan would have no step to Stasis()"
    return (*new, *((lost,) if lost else ()))


def _boot(place: Place, asterisk: Asterisk, changes: Sequence[Change], doors: Doors) -> _Told:
    with _copy(place, asterisk, changes, doors) as top:
        folder = Folder(top / "etc", place.root)
        conf = folder.inside(top / "etc" / "asterisk.conf")
        console = Console(asterisk=asterisk, conf=PurePosixPath(conf))
        process = _start(asterisk, conf, top)
        try:
            dialplan = _dialplan(console, process, top)
        finally:
            _stop(process)
        return _Told(complaints=_complaints(top), dialplan=dialplan)


@contextmanager
def _copy(place: Place, asterisk: Asterisk, changes: Sequence[Change], doors: Doors) -> Iterator[Path]:
    where = place.root / "tmp" if place.root else None
    top = Path(tempfile.mkdtemp(prefix="pbxb-", dir=where))
    try:
        shutil.copytree(place.etc, top / "etc", ignore_dangling_symlinks=True)
        for change in changes:
            path = top / "etc" / change.name
            path.unlink(missing_ok=True)
            if change.after is not None:
                path.write_bytes(change.after)
        _make_ours(place, top, doors)
        _give(top, asterisk)
        yield top
    except OSError as error:
        raise PbxError(f"cannot make a copy to try in {top}: {error.strerror}") from error
    finally:
        shutil.rmtree(top, ignore_errors=True)


def _make_ours(place: Place, top: Path, doors: Doors) -> None:
    """What of the copy must not be as it is: folders, doors, modules, logs."""
    for name in _FOLDERS:
        (top / name).mkdir(parents=True)
    etc, folder = top / "etc", Folder(top, place.root)
    own = {f"ast{name}dir": folder.inside(top / name) for name in ("etc", "spool", "run", "log")}
    own |= dict.fromkeys(("astvarlibdir", "astdbdir", "astkeydir"), folder.inside(top / "lib"))
    told = parse(place.folder().text("asterisk.conf") or "").one("directories")
    own |= {name: value for name in ("astmoddir", "astdatadir") if (value := told.get(name))}
    _write(etc / "asterisk.conf", ["[directories]", *(f"{name} => {path}" for name, path in own.items())])
    modules = [name for name in modules_in(place.root or Path("/")) if not _WITHOUT.match(name)]
    _write(etc / "modules.conf", ["[modules]", "autoload = no", *(f"load = {name}.so" for name in modules)])
    _write(etc / "logger.conf", ["[logfiles]", "messages.log => warning,error"])
    _write(etc / "websocket_client.conf", [])
    _close(etc / "manager.conf", f"port = {doors[0]}", place.folder())
    _close(etc / "http.conf", f"bindport = {doors[1]}", place.folder())


def _close(path: Path, port: str, folder: Folder) -> None:
    """Only this machine can come in, at a port of its own: the last word of a file counts."""
    known = any(section.name == "general" for section in folder.conf(path.name).sections)
    before = path.read_text("utf-8", "surrogateescape") if path.exists() else ""
    head = "[general](+)" if known else "[general]"
    lines = ["", head, "bindaddr = 127.0.0.1", port, "tlsenable = no", ""]
    path.unlink(missing_ok=True)
    path.write_text(before + "\n".join(lines), "utf-8", "surrogateescape")


def _write(path: Path, lines: Sequence[str]) -> None:
    path.unlink(missing_ok=True)  # it may be a link to somebody's file
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _give(top: Path, asterisk: Asterisk) -> None:
    owner = asterisk.owner()
    if owner is not None:
        for path in (top, *top.rglob("*")):
            os.chown(path, *owner)


def _start(asterisk: Asterisk, conf: str, top: Path) -> subprocess.Popen[bytes]:
    try:
        with (top / "out").open("wb") as out:
            return subprocess.Popen(  # noqa: S603 - a fixed program, no shell
                asterisk.daemon_command(conf),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=asterisk.environment(),
                start_new_session=True,
            )
    except OSError as error:
        raise PbxError(f"cannot run {asterisk.program}: {error.strerror}") from error


def _dialplan(console: Console, process: subprocess.Popen[bytes], top: Path) -> str:
    """What it has, once it is up."""
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(PbxError):
            if console.booted():
                return console.ask("dialplan show")
        time.sleep(0.05)
    raise PbxError(f"Asterisk does not start with a copy of that folder: {_last_words(top)}")


def _last_words(top: Path) -> str:
    logs = (path for path in (top / "log" / "messages.log", top / "out") if path.exists())
    lines = (line for path in logs for line in path.read_text(errors="replace").strip().splitlines()[-1:])
    return next(lines, "it said nothing")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_S)
        return
    process.kill()
    process.wait()


def _complaints(top: Path) -> Counter[str]:
    """Its warnings and errors, without what differs from run to run."""
    log = top / "log" / "messages.log"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    found = (_LINE.search(line) for line in lines)
    told = (f"{m[1]} {m[2]}{m[3]}" for m in found if m is not None and _READER.match(m[2]))
    return Counter(text.replace(top.name, "COPY") for text in told)


def _free_ports() -> tuple[Doors, Doors]:
    """For both sides, and no two the same."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(4)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        ports = [int(probe.getsockname()[1]) for probe in probes]
    return (ports[0], ports[1]), (ports[2], ports[3])
