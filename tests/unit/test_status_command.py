"""`pbx-bridge status`: how it stands and why, told to who can read HOME/secrets, and to nobody else."""

from __future__ import annotations

import asyncio
import base64
import fcntl
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from web_visitor import Parts, visiting

from pbx_bridge.cli import cli
from pbx_bridge.health import LinkState
from pbx_bridge.pbx import healthcheck

_KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
_REASON = "no AMI at 10.0.0.7:5038: no answer"


def _status() -> Result:
    return CliRunner().invoke(cli, ["status"])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PBX_BRIDGE_HOME", str(tmp_path))
    for name in ("secrets", "run"):
        (tmp_path / name).mkdir(mode=0o700)
    (tmp_path / "secrets" / "session_key").write_text(_KEY)
    (tmp_path / "run" / "daemon.pid").write_text(f"{os.getpid()}\n")
    return tmp_path


@pytest.mark.parametrize(
    ("state", "status", "verdict"), [(LinkState.UP, 0, "well: "), (LinkState.DEGRADED, 0, "somebody should look"),
                                     (LinkState.DOWN, 1, "NOT well")]
)  # fmt: skip
async def test_it_tells_each_link_and_why(
    home: Path, monkeypatch: pytest.MonkeyPatch, state: LinkState, status: int, verdict: str
) -> None:
    parts = Parts()
    parts.health.report("ami", state, _REASON)
    async with visiting(parts, signed_in=False) as visitor:
        monkeypatch.setenv("PBX_BRIDGE_WEB__PORT", str(visitor.client.port))
        with (home / "run" / "daemon.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            told = await asyncio.to_thread(_status)
    assert told.exit_code == status, told.output
    (line,) = (line for line in told.output.splitlines() if line.startswith("ami"))
    assert line.split()[1] == state.value
    assert _REASON in line
    assert verdict in told.output.splitlines()[-1]


async def test_reasons_are_for_who_has_the_key() -> None:
    parts = Parts()
    parts.health.report("ami", LinkState.DOWN, _REASON)
    other = base64.urlsafe_b64encode(b"o" * 32).decode()
    async with visiting(parts, signed_in=False) as visitor:
        port = visitor.client.port
        assert port is not None
        told = await asyncio.to_thread(healthcheck.links, "127.0.0.1", port, other)
        assert told is not None
        assert {link.detail for link in told} == {""}


def test_no_daemon_is_one_line_that_says_what_to_do(home: Path) -> None:
    told = _status()
    assert told.exit_code == 1
    assert "no daemon runs in" in told.output
    assert "systemctl start pbx-bridge" in told.output


def test_a_daemon_that_does_not_answer_is_told_with_its_pid(
    home: Path, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setenv("PBX_BRIDGE_WEB__PORT", str(unused_tcp_port))
    with (home / "run" / "daemon.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = _status()
    assert told.exit_code == 1
    assert f"kill -9 {os.getpid()}" in told.output
