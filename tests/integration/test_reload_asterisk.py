"""Settings read anew while a caller is in the menu, then a kill: the call goes on, its log lines have its id."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator

import pytest
from harness.customers import UNKNOWN
from harness.system import SystemUnderTest

from pbx_bridge.reloading import ask
from pbx_bridge.values.phone import to_e164

pytestmark = pytest.mark.asterisk


RULES = '[numbers]\noutbound = [{match = "+9821*", strip = 5, put = "0"}]\n'


@pytest.fixture
def settings(system: SystemUnderTest) -> Iterator[Callable[[str], object]]:
    path = system.home / "pbx_bridge.toml"
    yield path.write_text
    path.unlink(missing_ok=True)


async def test_a_caller_notices_nothing_and_no_log_has_their_number(
    system: SystemUnderTest, settings: Callable[[str], object]
) -> None:
    system.stop_daemon()
    system.extra = {"PBX_BRIDGE_LOG__LEVEL": "debug", "PBX_BRIDGE_LOG__FORM": "json"}
    await system.start_daemon()
    async with system.caller(UNKNOWN) as caller:
        await caller.hears("choose_language")
        settings(RULES)
        outcome = await asyncio.to_thread(ask, system.home / "run")
        assert (outcome.taken, outcome.waiting, outcome.reason) == (("numbers.outbound",), (), "")
        await caller.press("2")
        await caller.hears("welcome")
        system.kill_daemon()
        await system.start_daemon()
        await caller.hears("welcome")
    record = await system.record_of(caller)

    lines = [json.loads(line) for line in system.log().splitlines() if line.startswith("{")]
    ours = [line for line in lines if line.get("channel") == caller.channel]
    assert "run_resumed" in {line["event"] for line in ours}
    assert {line.get("call") for line in ours} == {record["call_id"]}
    national = (to_e164(UNKNOWN, "IR") or UNKNOWN).removeprefix("+98")
    assert national not in system.log()
