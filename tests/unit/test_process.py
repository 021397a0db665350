"""The daemon as a process: one for each HOME, and first in line for the CPU where it may be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pbx_bridge.errors import BridgeError
from pbx_bridge.process import only_one, pid_file

_COME_FIRST = """
import os, sys, threading
from pbx_bridge.process import come_first
if len(sys.argv) > 1:
    os.setuid(int(sys.argv[1]))
come_first()
seen = []
thread = threading.Thread(target=lambda: seen.append(os.getpriority(os.PRIO_PROCESS, 0)))
thread.start(); thread.join()
print(os.getpriority(os.PRIO_PROCESS, 0), *seen)
"""


def priorities(*args: str) -> str:
    told = subprocess.run([sys.executable, "-c", _COME_FIRST, *args], capture_output=True, text=True, check=True)
    return told.stdout.strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may")
def test_the_loop_and_what_it_starts_come_first() -> None:
    assert priorities() == "-10 -10"


def test_whoever_may_not_goes_on_as_before() -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert priorities(*(["65534"] if os.geteuid() == 0 else [])) == f"{own} {own}"


def test_a_second_daemon_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    lock = tmp_path / "run" / "daemon.lock"
    with only_one(lock), pytest.raises(BridgeError, match=f"another daemon runs in {tmp_path}"), only_one(lock):
        pass
    with only_one(lock):
        pass


def test_the_pid_file_goes_with_the_process(tmp_path: Path) -> None:
    path = tmp_path / "daemon.pid"
    with pid_file(path):
        assert path.read_text(encoding="utf-8") == f"{os.getpid()}\n"
    assert not path.exists()
