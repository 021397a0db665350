"""The cross-check and the gaps on a real Asterisk, after a daemon and an Asterisk were killed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from harness.customers import ENGLISH, UNKNOWN
from harness.system import SystemUnderTest, talking
from private_pbx import PbxUnderTest

from pbx_bridge.pbx.phone import Answer, Phone

pytestmark = pytest.mark.asterisk


async def _lines(system: SystemUnderTest, *words: str) -> list[dict[str, Any]]:
    told = await system.command("calls", *words, "--json", check=False)
    return [json.loads(line) for line in told.splitlines() if line.startswith("{")]


async def test_everything_agrees_or_is_explained(system: SystemUnderTest, pbx: PbxUnderTest) -> None:
    async with Phone(from_number="101", on_invite=Answer()) as agent:
        await agent.register(f"sip:{system.sip}", system.pbx.secrets.agents["101"])
        async with system.caller(ENGLISH) as caller:  # left in the menu
            await caller.call.answered()
            await caller.hears("menu")
        await system.record_of(caller)
        system.kill_daemon()
        async with system.caller(UNKNOWN) as caller:  # answered without us
            await caller.call.answered()
            talk = await agent.rung(20)
            await talking(talk)
            await talk.hang_up()
            await caller.call.ended(15)
        await system.start_daemon()
        await system.record_of(caller)
        async with system.caller(ENGLISH) as caller:  # cut off with Asterisk
            await caller.call.answered()
            await caller.hears("menu")
            pbx.kill()
            pbx.start()
            await system.ready()
            lost = await system.record_of(caller)

    assert await system.command("calls", "verify")  # exit status 0
    found = await _lines(system, "verify")
    # Calls of earlier tests stand in the same files: whatever else there is is explained too.
    assert ("end", lost["call_id"]) in [(one["check"], one["call_id"]) for one in found if one["explained"]]
    assert all(one["explained"] for one in found)

    async with asyncio.timeout(15):  # the spool is read to its end, and that is said, within a look
        while await _lines(system, "gaps", "--open"):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    gaps = await _lines(system, "gaps")
    assert {gap["source"]: gap["state"] for gap in gaps if gap["reason"] == "the daemon was not running"} == {
        "cel": "read",
        "queue": "read",
        "ari": "unheard",
        "ami": "unheard",
    }
    assert await _lines(system, "unreadable") == []
