"""Scenario 20: two daemons on one PBX by mistake: one serves, the other stands by; no prompt is doubled."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from harness.customers import UNKNOWN
from harness.proof import clip_texts, witness
from harness.system import COMMAND, SystemUnderTest
from own_ports import own_port

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.pbx.paths import link_home
from pbx_bridge.store.watch import watch_store

pytestmark = pytest.mark.asterisk


@asynccontextmanager
async def _another(system: SystemUnderTest, home: Path) -> AsyncIterator[SystemUnderTest]:
    """A second daemon with a HOME and a store of its own on the same PBX."""
    shutil.copytree(system.home / "secrets", home / "secrets")
    link_home(home, system.pbx.paths)
    other = SystemUnderTest(pbx=system.pbx, home=home, web_port=own_port())
    try:
        await other.start_daemon()
        async with watch_store(other.store) as other.view:
            yield other
    finally:
        other.stop_daemon()


async def _state(system: SystemUnderTest) -> str:
    async with aiohttp.ClientSession() as web, web.get(f"{system.page_url}/readyz") as answer:
        return str((await answer.json())["links"]["ari"]["state"])


async def _stands_by(system: SystemUnderTest) -> None:
    async with asyncio.timeout(10):
        while await _state(system) != "down":  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    assert "ari_replaced" in system.log(), system.log()[-1500:]


async def test_the_later_one_serves_and_no_prompt_is_doubled(system: SystemUnderTest, tmp_path: Path) -> None:
    async with witness(system.pbx) as seen, _another(system, tmp_path) as other:
        await _stands_by(system)
        assert await _state(other) == "up"
        async with other.caller(UNKNOWN) as caller:
            await caller.call.answered()
            await caller.hears("choose_language")
            await caller.press("2")
            await caller.heard("welcome")
            said = Counter(clip_texts(system.pbx, seen.files(caller.channel)))
        assert said
        assert max(said.values()) == 1, said
        kinds = [step.kind for step in caller.steps]
        assert kinds.count(StepKind.STARTED) == 1
        assert await _state(system) == "down", "it must not take the application back"
        ours, theirs = await system.record_of(caller), await other.record_of(caller)
    # Both read the same files: one call, the same on both records; only who served it knows the steps.
    assert ours["call_id"] == theirs["call_id"]
    assert (ours["steps"], len(theirs["steps"]) > 0) == ([], True)


async def test_one_that_shares_the_home_does_not_start(system: SystemUnderTest) -> None:
    second = await asyncio.create_subprocess_exec(
        *(COMMAND, "daemon"),
        env=system.environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(20):
        _, told = await second.communicate()
    assert second.returncode == 1
    assert b"another daemon runs in" in told
    assert await _state(system) == "up"
