"""A daemon that took over from another: no child of ours, and yet to be watched, told and ended as one.

took = await upgraded(system)
assert took.alone_s < 0.5
"""

from __future__ import annotations

import asyncio
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from harness.system import SystemUnderTest

PROGRAM = (sys.executable, "-P", "-m", "pbx_bridge.cli")
_SAID = re.compile(r"process (\d+) serves now; for ([0-9.]+) s nobody")


class TakenOver:
    """What the harness needs of a Popen."""

    def __init__(self, pid: int) -> None:
        self.pid, self._fd = pid, os.pidfd_open(pid)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """0 once it has ended, however it did."""
        if self.returncode is None and select.select([self._fd], [], [], 0)[0]:
            self.returncode = 0
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait for its end."""
        if self.returncode is None and not select.select([self._fd], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("daemon", timeout)
        self.returncode = 0
        return 0

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it is there."""
        if self.poll() is None:
            signal.pidfd_send_signal(self._fd, number)

    def kill(self) -> None:
        """kill -9."""
        self.send_signal(signal.SIGKILL)


@contextmanager
def ending_whoever_serves(system: SystemUnderTest) -> Iterator[None]:
    """Nobody is left over, whatever a test came to; the harness ends those it knows."""
    try:
        yield
    finally:
        with suppress(OSError):
            TakenOver(pid_of(system)).kill()


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """An upgrade that was done: the new process, and for how long nobody looked after callers, seconds."""

    pid: int
    alone_s: float
    said: str


async def ask_for_it(system: SystemUnderTest, program: Sequence[str] = PROGRAM) -> tuple[int, str]:
    """`pbx-bridge upgrade`: its exit status, and what it says."""
    process = await asyncio.create_subprocess_exec(
        *program, "upgrade", env=system.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def upgraded(system: SystemUnderTest, program: Sequence[str] = PROGRAM) -> Took:
    """Hand over; from then on the harness speaks to the new daemon. The old one has ended well."""
    status, said = await ask_for_it(system, program)
    assert status == 0, said + system.log()[-3000:]
    found = _SAID.search(said)
    assert found is not None, said
    before, system.daemon = system.daemon, cast("subprocess.Popen[bytes]", TakenOver(int(found[1])))
    assert before is not None
    assert await asyncio.to_thread(before.wait, 10) == 0, system.log()[-3000:]
    assert (system.home / "run" / "daemon.pid").read_text() == f"{found[1]}\n"
    return Took(pid=int(found[1]), alone_s=float(found[2]), said=said)


def pid_of(system: SystemUnderTest) -> int:
    """The daemon's, as its file tells."""
    return int(Path(system.home / "run" / "daemon.pid").read_text())
