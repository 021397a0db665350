"""The daemon as a process: one for each HOME, and first in line for the CPU where it may be."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pbx_bridge.errors import BridgeError
from pbx_bridge.process import only_one, own_name, pid_file, write_pid

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


_AT_A_TERMINAL = """
import asyncio
from pbx_bridge import logs
from pbx_bridge.process import hang_ups, until_stopped

async def main():
    logs.configure("error", "json")
    with hang_ups() as asked:
        async def told():
            print("runs", flush=True)
            await asked.wait()
            print("asked", flush=True)
            await asyncio.Event().wait()
        await until_stopped({"told": told})

asyncio.run(main())
"""


def test_a_hang_up_asks_for_settings_and_one_of_the_terminal_ends_the_process() -> None:
    ours, theirs = pty.openpty()
    script = [sys.executable, "-c", _AT_A_TERMINAL]
    process = subprocess.Popen(script, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    timer = threading.Timer(20, process.kill)  # whatever is wrong, the lines end
    with process:
        timer.start()
        assert process.stdout is not None
        assert process.stdout.readline() == "runs\n"
        process.send_signal(signal.SIGHUP)
        assert process.stdout.readline() == "asked\n"
        assert process.poll() is None
        os.close(theirs)
        os.close(ours)
        process.send_signal(signal.SIGHUP)
        assert process.wait() == 0
        timer.cancel()


def test_a_second_daemon_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    lock = tmp_path / "run" / "daemon.lock"
    with only_one(lock), pytest.raises(BridgeError, match=f"another daemon runs in {tmp_path}"), only_one(lock):
        pass
    with only_one(lock):
        pass


def test_the_lock_is_the_successors_as_well(tmp_path: Path) -> None:
    lock = tmp_path / "run" / "daemon.lock"
    with only_one(lock) as held:
        inherited = os.dup(held)
    with only_one(lock, inherited), pytest.raises(BridgeError), only_one(lock):
        pass


def test_a_pid_file_that_names_the_successor_stays(tmp_path: Path) -> None:
    path = tmp_path / "daemon.pid"
    with pid_file(path):
        write_pid(path, 1)
    assert path.read_text(encoding="ascii") == "1\n"


def test_the_pid_file_goes_with_the_process(tmp_path: Path) -> None:
    path = tmp_path / "daemon.pid"
    with pid_file(path):
        assert path.read_text(encoding="utf-8") == f"{os.getpid()}\n"
    assert not path.exists()


def test_hints_name_the_command_as_it_was_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = tmp_path / "pbx-bridge"
    command.touch(mode=0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    for called, told in (
        (str(command), str(command)),
        (".venv/bin/pbx-bridge", ".venv/bin/pbx-bridge"),
        ("/x/__main__.py", "pbx-bridge"),
    ):
        monkeypatch.setattr(sys, "argv", [called, "run"])
        assert own_name() == told
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [str(command), "run"])
    assert own_name() == "pbx-bridge"
