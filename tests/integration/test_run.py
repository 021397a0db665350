"""`pbx-bridge run` as an operator meets it: ready, restarted, refused, stopped, started again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from harness.system import place_sounds
from own_ports import own_port
from private_pbx import PbxUnderTest, free_ports

from pbx_bridge.pbx.child import is_ours, read_pid
from pbx_bridge.pbx.paths import find_paths, instance_paths
from tools.asterisks import ROOT

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

COMMAND = [str(Path(sys.executable).with_name("pbx-bridge")), "run"]


@dataclass(kw_only=True)
class Run:
    """One HOME in which `run` is started again and again."""

    home: Path
    environment: dict[str, str]
    web_port: int
    output: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self, **changes: str) -> None:
        """Start it and wait for `ready` or its end."""
        environment = {**self.environment, **changes}
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(
                COMMAND, env=environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL
            )
        self.until(lambda: "\nready" in self.said() or not self.alive, 120)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)

    def pid(self, name: str) -> int | None:
        return read_pid(self.home / "run" / f"{name}.pid")

    def page_status(self) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.web_port}/readyz", timeout=2) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError:
            return 0

    def until(self, true: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.01)

    def close(self) -> None:
        if self.process is not None and self.alive:
            self.end(signal.SIGTERM)


@pytest.fixture
def home(laid_pbx: PbxUnderTest, tmp_path: Path) -> Iterator[Run]:
    """A HOME that holds rendered prompts and nothing else."""
    base = tmp_path / "home"
    paths = instance_paths(base, laid_pbx.asterisk.root)
    paths.sounds.mkdir(parents=True)
    place_sounds(paths.sounds)
    ports, web = free_ports(), own_port()
    settings = {
        "HOME": base,
        "PBX__ROOT": ROOT,
        "PBX__SIP_PORT": ports.sip,
        "PBX__ARI_PORT": ports.ari,
        "PBX__AMI_PORT": ports.ami,
        "PBX__RTP_START": ports.rtp_start,
        "PBX__RTP_END": ports.rtp_end,
        "WEB__PORT": web,
    }
    environment = {**os.environ, **{f"PBX_BRIDGE_{name}": str(value) for name, value in settings.items()}}
    run = Run(home=base, environment=environment, web_port=web, output=tmp_path / "output")
    try:
        yield run
    finally:
        run.close()
        shutil.rmtree(paths.base, ignore_errors=True)


def test_a_life(home: Run) -> None:
    home.start()
    said = home.said()
    assert "[6/6] starting the daemon" in said
    assert f"sip:100@127.0.0.1:{home.environment['PBX_BRIDGE_PBX__SIP_PORT']}" in said
    assert "2047155" in said
    password = (home.home / "secrets" / "admin_password").read_text().strip()
    assert f"admin / {password}" in said
    assert home.page_status() == 200

    for name in ("daemon", "asterisk", "daemon"):
        old, begun = home.pid(name), time.monotonic()
        assert old is not None
        os.kill(old, signal.SIGKILL)
        home.until(lambda name=name, old=old: home.pid(name) not in (None, old), 5)  # type: ignore[misc]
        assert time.monotonic() - begun < 2
        home.until(lambda: home.page_status() == 200, 20)

    second = subprocess.run(COMMAND, env=home.environment, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert "runs already" in second.stderr
    assert password not in (home.home / "log" / "daemon.log").read_text()

    assert home.end(signal.SIGINT) == 0
    assert home.said().endswith("stopping the daemon\nstopping Asterisk\nstopped\n")
    assert home.pid("daemon") is home.pid("asterisk") is None

    begun = time.monotonic()
    home.start()
    assert time.monotonic() - begun < 20
    assert "0 clips rendered" in home.said()
    assert f"admin / {password}" in home.said()
    assert home.end(signal.SIGTERM) == 0


def test_a_killed_supervisor_leaves_nobody_behind(home: Run) -> None:
    home.start()
    conf = find_paths(home.home, ROOT).conf
    assert conf.exists()
    pids = [pid for name in ("daemon", "asterisk") if (pid := home.pid(name)) is not None]
    assert len(pids) == 2

    home.end(signal.SIGKILL)

    home.until(lambda: not any(is_ours(pid, [word]) for pid in pids for word in ("-f", "daemon")), 20)
    home.start()
    assert "\nready" in home.said()


def test_a_taken_port_is_named_before_anything_starts(home: Run) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", home.web_port))
        other.listen()
        home.start()
    assert home.process is not None
    assert home.process.wait(10) == 1
    assert (
        home.said()
        .splitlines()[-1]
        .startswith(f"pbx-bridge: 127.0.0.1:{home.web_port} (tcp, for the pages) is taken")
    )
    assert not (home.home / "asterisk").exists()


def test_a_daemon_that_cannot_run_ends_the_run_with_its_own_line(home: Run) -> None:
    home.start(PBX_BRIDGE_IVR__FLOW="/nowhere/flow.yaml")
    assert home.process is not None
    assert home.process.wait(20) == 1
    last = home.said().splitlines()[-1]
    assert last.startswith("pbx-bridge: the daemon did not start (exit status 1: ")
    assert "/nowhere/flow.yaml" in last
    assert home.pid("asterisk") is None


def test_agents_are_shown_with_their_passwords(home: Run) -> None:
    told = subprocess.run([COMMAND[0], "agents"], env=home.environment, capture_output=True, text=True, check=True)
    for number in ("101", "102"):
        password = (home.home / "secrets" / f"agent{number}").read_text().strip()
        assert any(number in line and password in line for line in told.stdout.splitlines())
    with contextlib.suppress(FileNotFoundError):
        assert not list((home.home / "log").iterdir())
