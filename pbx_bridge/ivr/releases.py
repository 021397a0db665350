"""Flows taken into use on a running system: each release kept by its content, and a history of what was used when.

    HOME/flows/history.jsonl            one line for each time a release was taken into use; the last one counts
    HOME/flows/releases/<version>/      flow.yaml and what it needs: prompts/fa.yaml, holiday files, sub-flows

A release never changes once it is there: its name is the first 12 hex digits of the SHA-256 of what it holds. So a
caller who began with one can go on with it after the next was taken into use, and after a restart of the daemon.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec

from pbx_bridge.errors import FlowError

FLOW = "flow.yaml"
PROMPTS = "prompts"

_LARGEST = 4_000_000  # bytes of one file; a flow of a thousand nodes has a tenth of that
_VERSION_DIGITS = 12


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """A release was taken into use.

    Attributes:
        at: when, aware UTC. by: the operating system's user who did it. note: why, in their words.
        what: `begin` is what ran before anything was deployed.
        line: the numbers for which it was, by their name in the settings; empty: all that have no line of their own.
    """

    at: datetime
    version: str
    flow: str
    what: Literal["begin", "deploy", "rollback"]
    by: str = ""
    note: str = ""
    line: str = ""


class InUse(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon answered to a deployment; `error` is empty when it took it."""

    version: str
    error: str = ""
    line: str = ""


class Releases:
    """The releases of one HOME. Raises FlowError naming the file for whatever cannot be read or written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def stamp(self) -> tuple[int, int]:
        """Changes whenever something is taken into use; cheap enough to look at twice a second."""
        try:
            told = self._history.stat()
        except OSError:
            return 0, 0
        return told.st_mtime_ns, told.st_size

    def folder_of(self, version: str) -> Path:
        """Where a release stands, or would."""
        return self._folder / "releases" / version

    def has(self, version: str) -> bool:
        """Whether a release is here."""
        return bool(version) and PurePosixPath(version).name == version and (self.folder_of(version) / FLOW).is_file()

    def history(self) -> list[Deployment]:
        """What was taken into use, oldest first. A line that was cut off by a crash does not count."""
        try:
            lines = self._history.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise FlowError(error.strerror or str(error), path=self._history) from error
        return [self._deployment(number, line) for number, line in enumerate(lines[:-1], start=1) if line]

    def current(self, line: str = "") -> Deployment | None:
        """What is to be in use on a line; None while nothing was deployed for it."""
        return next((told for told in reversed(self.history()) if told.line == line), None)

    def keep(self, files: Mapping[str, bytes]) -> str:
        """Keep a release, or find that it is kept already; its version.

        Args:
            files: content by name inside the release; `flow.yaml` among them.
        """
        version = version_of(files)
        place = self.folder_of(version)
        if self.has(version):
            return version
        with self._writing(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(dir=place.parent, prefix=".draft-"))
            try:
                for name, content in files.items():
                    _write(draft / name, content)
                draft.chmod(0o755)
                draft.rename(place)
            except OSError:
                if not self.has(version):  # else another has just kept the same
                    raise
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        return version

    def take_into_use(self, deployment: Deployment) -> None:
        """Write it down: the daemon looks at the history, takes it for new calls, and answers anew."""
        line = msgspec.json.encode(deployment) + b"\n"
        with self._writing(self._history):
            self._history.parent.mkdir(parents=True, exist_ok=True)
            self._in_use(deployment.line).unlink(missing_ok=True)
            with self._history.open("ab+") as file:
                _end_torn_line(self._history)
                file.write(line)
                file.flush()
                os.fsync(file.fileno())

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One deployment at a time. Raises FlowError while another goes on."""
        path = self._folder / "lock"
        with self._writing(path):
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = path.open("w")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FlowError("another deployment is going on: try again when it is over", path=path) from None
            yield

    # --- the daemon's answer ---

    def answer(self, told: InUse) -> None:
        """The daemon says what it uses now."""
        with self._writing(self._in_use(told.line)):
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._in_use(told.line)
            draft = path.with_suffix(".new")
            draft.write_bytes(msgspec.json.encode(told))
            draft.replace(path)

    def answered(self, line: str = "") -> InUse | None:
        """What the daemon last said of a line; None when it never did."""
        try:
            return msgspec.json.decode(self._in_use(line).read_bytes(), type=InUse)
        except (OSError, ValueError, RecursionError):
            return None

    def _deployment(self, number: int, line: bytes) -> Deployment:
        try:
            return msgspec.json.decode(line, type=Deployment)
        except (ValueError, RecursionError) as error:
            raise FlowError(f"no deployment stands here: {error}", path=self._history, line=number) from None

    def _in_use(self, line: str) -> Path:
        return self._folder / (f"in-use-{line}.json" if line else "in-use.json")

    @property
    def _history(self) -> Path:
        return self._folder / "history.jsonl"

    @contextmanager
    def _writing(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FlowError(f"cannot be written: {error.strerror}", path=path) from error


def version_of(files: Mapping[str, bytes]) -> str:
    """The name of a release that holds these files."""
    told = hashlib.sha256()
    for name, content in sorted(files.items()):
        told.update(f"{name}\n{len(content)}\n".encode())
        told.update(content)
    return told.hexdigest()[:_VERSION_DIGITS]


def gather(flow: Path, prompts: Path, beside: Mapping[str, Path]) -> dict[str, bytes]:
    """The files of a release.

    Args:
        flow: the flow's file. prompts: the folder of own texts; it need not exist.
        beside: files that the flow names, by the name it uses.

    Raises FlowError naming the file that cannot be read, is too large, or lies outside the flow's folder.
    """
    files = {FLOW: _read(flow)}
    for path in sorted(prompts.glob("*.yaml")):
        files[f"{PROMPTS}/{path.name}"] = _read(path)
    for name, path in beside.items():
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or str(place) in files:
            raise FlowError(f"{name!r} must lie beside the flow, under a name of its own", path=flow)
        files[str(place)] = _read(path)
    return files


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FlowError(error.strerror or str(error), path=path) from error
    if len(content) > _LARGEST:
        raise FlowError(f"{len(content):,} bytes are too much: at most {_LARGEST:,}", path=path)
    return content


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _end_torn_line(path: Path) -> None:
    """A crash in the middle of a line leaves it without an end: nothing may be written onto it."""
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        os.truncate(path, content.rfind(b"\n") + 1)
