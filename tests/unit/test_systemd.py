"""What systemd hears of the daemon, over a socket as systemd has it; and the units that start it."""

from __future__ import annotations

import asyncio
import configparser
import os
import shlex
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pbx_bridge.cli import cli
from pbx_bridge.process import until_stopped
from pbx_bridge.systemd import ALIVE, READY, STOPPING, Supervisor

UNITS = Path(__file__).parents[2] / "tools" / "systemd"


@pytest.fixture(params=["path", "abstract"])
def heard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """systemd's end of the socket, and its name in the environment."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@pbx-bridge-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name.replace("@", "\0", 1))
        listening.settimeout(20)
        yield listening, name


async def test_it_hears_ready_alive_and_stopping(heard: tuple[socket.socket, str]) -> None:
    listening, name = heard
    supervisor = Supervisor({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "20000"})
    running = asyncio.create_task(until_stopped({"work": asyncio.Event().wait}, supervisor))  # type: ignore[dict-item]

    told = {(await asyncio.to_thread(listening.recv, 100)).decode() for _ in range(4)}
    assert told == {READY, ALIVE}

    os.kill(os.getpid(), signal.SIGTERM)
    await running
    while (last := listening.recv(100).decode()) == ALIVE:
        pass
    assert last == STOPPING


@pytest.mark.parametrize(
    ("environ", "watches"),
    [
        ({}, False),
        ({"WATCHDOG_USEC": "30000000"}, False),
        ({"NOTIFY_SOCKET": "/run/x"}, False),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000"}, True),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, True),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, False),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "-1"}, False),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "soon"}, False),
    ],
)
def test_whether_it_watches(environ: dict[str, str], watches: bool) -> None:
    assert Supervisor(environ, pid=7).watches is watches


def test_nobody_there_is_no_fault(tmp_path: Path) -> None:
    Supervisor({"NOTIFY_SOCKET": str(tmp_path / "gone")}).tell(READY)
    Supervisor({}).tell(READY)


def _unit(name: str) -> configparser.ConfigParser:
    unit = configparser.ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(UNITS / name)
    return unit


@pytest.mark.parametrize("name", ["pbx-bridge.service", "pbx-bridge-backup.service", "pbx-bridge-upgrade.service"])
def test_a_unit_starts_a_command_that_there_is(name: str) -> None:
    program, *words = shlex.split(_unit(name)["Service"]["ExecStart"])
    assert program.endswith("/bin/pbx-bridge")
    command: click.Command = cli
    assert isinstance(command, click.Group)
    assert words[0] in command.commands


def test_the_daemon_is_watched_and_shut_in() -> None:
    told = _unit("pbx-bridge.service")["Service"]
    assert told["Type"] == "notify"
    assert int(told["WatchdogSec"]) > 0
    assert {told[key] for key in ("NoNewPrivileges", "PrivateDevices", "PrivateTmp", "ProtectHome")} == {"yes"}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    for unit in UNITS.iterdir():  # the program is not in /opt here
        text = unit.read_text().replace("/opt/pbx_bridge/.venv/bin/pbx-bridge", "/bin/true")
        (tmp_path / unit.name).write_text(text.replace("User=pbx-bridge", "User=root").replace("=asterisk", "=root"))
    for unit in sorted(tmp_path.iterdir()):
        done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
        assert unit.name not in done.stderr, done.stderr
