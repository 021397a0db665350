"""A child process: started with its pid file and its log, ended politely within a bound, and found again.

Every child gets SIGTERM from the kernel when its parent dies (`setpriv --pdeathsig`), so a supervisor that was
killed leaves nothing behind; `end_leftover` is for the case that it did all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pbx_bridge.errors import PbxError
from pbx_bridge.process import write_pid

_POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """How to start a child.

    Attributes:
        name: what people call it.
        command: its command line; the first process must become the program itself by exec.
        log: where its output is appended.
        pid_file: where its process id stands while it runs.
        stop_s: seconds it has to end after SIGTERM.
        mark: words its command line holds, by which a leftover is known.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    pid_file: Path
    stop_s: float = 10.0
    mark: tuple[str, ...] = ()


class Process(Protocol):
    """What is needed of a running program; asyncio's is one."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    async def wait(self) -> int:
        """Wait for its end; its exit status."""
        ...


class Followed:
    """A process that another has started: that it ends can be seen, how cannot. Raises OSError: there is none."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._fd = os.pidfd_open(pid)
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(self._fd, self._over)

    async def wait(self) -> int:
        """See Process."""
        return await asyncio.shield(self._ended)

    def _over(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)
        self.returncode = 0
        self._ended.set_result(0)


@dataclass(slots=True)
class Child:
    """A child that was started, or the process to which it has handed its work."""

    spec: ChildSpec
    process: Process
    started: float
    _log_start: int
    _ended: bool = field(default=False, init=False)

    @property
    def running(self) -> bool:
        """False once it has ended."""
        return self.process.returncode is None

    @property
    def killed(self) -> bool:
        """True when a signal ended it."""
        return (self.process.returncode or 0) < 0

    async def wait(self) -> int:
        """Wait for its end; its exit status, negative for a signal."""
        return await self.process.wait()

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL when it takes too long."""
        self._send(signal.SIGTERM)
        # A stopped (frozen) process hears nothing but this.
        self._send(signal.SIGCONT)
        try:
            async with asyncio.timeout(self.spec.stop_s):
                await self.process.wait()
        except TimeoutError:
            self.kill()
            await self.process.wait()

    def kill(self) -> None:
        """SIGKILL, without waiting."""
        self._send(signal.SIGKILL)

    def last_words(self) -> str:
        """The last line it wrote since it was started."""
        with contextlib.suppress(OSError), self.spec.log.open("rb") as log:
            log.seek(max(self._log_start, log.seek(0, os.SEEK_END) - 4096))
            lines = log.read().decode(errors="replace").split("\n")
            return next((line.strip() for line in reversed(lines) if line.strip()), "")
        return ""

    def ending(self) -> str:
        """How it ended, for people."""
        status = self.process.returncode
        if status is None:
            return "it is running"
        if status < 0:
            return f"killed by {signal.Signals(-status).name}"
        words = self.last_words()
        if isinstance(self.process, Followed):
            return words or "nobody knows how"
        return f"exit status {status}: {words}" if words else f"exit status {status}"

    def successor(self) -> Child | None:
        """Who goes on in its place: another process by then stands in the pid file. None: nobody."""
        pid = read_pid(self.spec.pid_file)
        if pid is None or pid == self.process.pid:
            return None
        try:
            return Child(self.spec, Followed(pid), time.monotonic(), self._log_start)
        except OSError:  # it has ended too
            return None

    def _send(self, number: signal.Signals) -> None:
        # Not by Popen: it looks first whether the process has ended, and so takes its exit status from asyncio.
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, number)


async def start(spec: ChildSpec) -> Child:
    """Start a child and write its pid file. Raises PbxError when the program cannot be run.

    It gets a session of its own: Ctrl-C in the terminal is for the supervisor, who stops its children in order.
    """
    try:
        spec.log.parent.mkdir(parents=True, exist_ok=True)
        with spec.log.open("ab") as log:
            begin = log.tell()
            process = await asyncio.create_subprocess_exec(
                *spec.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(spec.environment),
                start_new_session=True,
            )
        write_pid(spec.pid_file, process.pid)
    except OSError as error:
        raise PbxError(f"cannot start {spec.name}: {error.strerror}: {error.filename}") from error
    return Child(spec, process, time.monotonic(), begin)


def read_pid(path: Path) -> int | None:
    """The process id in a pid file; None without one."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def is_ours(pid: int, mark: Sequence[str]) -> bool:
    """True when a process lives under this id and its command line holds every word of the mark."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return False
    return bool(mark) and all(word in words for word in mark)


def end_leftover(spec: ChildSpec) -> bool:
    """End a process that an earlier run left behind; True when there was one. A reused process id is left alone."""
    pid = read_pid(spec.pid_file)
    if pid is None:
        return False
    found = is_ours(pid, spec.mark)
    for number in (signal.SIGTERM, signal.SIGCONT, signal.SIGKILL) if found else ():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if number is not signal.SIGTERM:
            _await_end(pid, spec)
    spec.pid_file.unlink(missing_ok=True)
    return found


def _await_end(pid: int, spec: ChildSpec) -> None:
    deadline = time.monotonic() + spec.stop_s
    while is_ours(pid, spec.mark) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
