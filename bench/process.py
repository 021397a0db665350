"""What the kernel tells of a process: CPU time and resident memory, all its threads."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from bench.figure import CannotMeasure

_TICKS = os.sysconf("SC_CLK_TCK")
_UTIME = 11  # fields of /proc/PID/stat after the command's name, see proc(5)


def cpu_s(pid: int) -> float:
    """Seconds of CPU it used so far, user and system, ended threads included. Steps of 10 ms."""
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return (int(fields[_UTIME]) + int(fields[_UTIME + 1])) / _TICKS


def waited_s(pid: int) -> float:
    """Seconds that its threads were ready to run and had no CPU: what the machine did beside."""
    waited = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(CannotMeasure):  # one that ended meanwhile
            waited += int(_read(pid, f"task/{task.name}/schedstat").split()[1])
    return waited / 1e9


def rss_bytes(pid: int) -> int:
    """Bytes resident in memory."""
    for line in _read(pid, "status").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise CannotMeasure(f"process {pid} has ended")


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise CannotMeasure(f"process {pid} has ended") from error
