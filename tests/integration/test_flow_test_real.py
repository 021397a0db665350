"""`flow test --real`: the same case in the simulator and on a real Asterisk says the same and ends alike."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from harness.customers import ENGLISH, MISTYPED, PERSIAN, TICKET, UNKNOWN
from harness.system import COMMAND, SystemUnderTest

from pbx_bridge.ivr import flow as flows

pytestmark = pytest.mark.asterisk

CASES = f"""
cases:
  - {{name: status in English, caller: {ENGLISH}, keys: [1, {TICKET}#], ends: self_served}}
  - {{name: status in Persian, caller: {PERSIAN}, keys: [1, {TICKET}#], ends: self_served}}
  - {{name: wrong numbers, caller: {ENGLISH}, keys: [1, {MISTYPED}#, {MISTYPED}#, hang up], ends: abandoned_ivr}}
  - {{name: the language is chosen, caller: {UNKNOWN}, keys: [2, 7, hang up], ends: abandoned_ivr}}
  - {{name: with a clock, caller: {ENGLISH}, clock: 1404/01/01, at: menu}}
"""


def cases_in(folder: Path, cases: str) -> str:
    """The shipped flow in a folder, with cases of ours beside it."""
    (folder / "mine.yaml").write_bytes(flows.find("support").read_bytes())
    (folder / "mine.test.yaml").write_text(cases, encoding="utf-8")
    return str(folder / "mine.yaml")


async def test_a_real_call_says_what_the_simulated_one_says(system: SystemUnderTest, tmp_path: Path) -> None:
    told = await system.command("flow", "test", cases_in(tmp_path, CASES), "--real", "-v")
    assert "with a clock: not played: it has its own clock\n" in told
    assert "mine: 4 cases passed\n" in told
    assert "en «Ticket number 471 294: We are working on it." in told


async def test_a_daemon_that_is_away_is_one_line(system: SystemUnderTest, tmp_path: Path) -> None:
    system.stop_daemon()
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        *("flow", "test", cases_in(tmp_path, CASES), "--real"),
        env=system.environment(),
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await process.communicate()
    assert process.returncode == 1
    assert told.decode().splitlines() == [
        "pbx-bridge: the system is not running: start it with `make run` (or `pbx-bridge run`)"
    ]
