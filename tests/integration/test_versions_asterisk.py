"""The whole way of a call on each Asterisk: the one of all other tests, and Debian 11's 16, as old as Issabel 4's.

What the record tells must be the same on both: nothing of it may hang on what only a newer Asterisk says.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from harness.customers import ENGLISH, PERSIAN, TICKET, import_customers
from harness.need import an_asterisk
from harness.own_flow import agent
from harness.system import Caller, SystemUnderTest, running_system, talking
from private_pbx import PbxUnderTest, private_pbx

from pbx_bridge.ami.actions import HOLD_KEYS, RESUME_KEYS, Actions
from pbx_bridge.ami.connection import AmiConnection
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.pbx.phone import Answer, Phone
from pbx_bridge.pbx.tree import BULLSEYE, Suite
from pbx_bridge.values.dates import TEHRAN

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]

_BAD = re.compile(r"\b(?:ERROR|WARNING)\[.*")
_POLL_S = 0.05
HELD_S = 1.0
NEAR_S = 0.7  # signalling and the first packets, on two busy cores
OF_THE_MACHINE = {"disk-nearly-full", "open-files-few", "host-name-slow", "zone-differs"}
OF_THE_VERSION = {"version-without-mending", "version-with-known-holes"}

# What a caller who hangs up, and a daemon that is killed, leave in any Asterisk's log.
_RIGHTLY_SAID = re.compile(r"Playback failed for|Web ?[Ss]ocket (closed abruptly|read error)")
_TOLD_BY_TIME = {"said", "heard", "resumed"}
SELF_SERVED = {
    "outcome": "self_served",
    "ended_by": "caller",
    "agents": [],
    "customer_code": "1002",
    "language": "en",
    "fallback": False,
    "tickets": [TICKET],
    "parts": [("ivr", "support", "")],
    "steps": ["started", "customer", "language", "keys", "keys", "lookup", "ended"],
}
ANSWERED = {
    **SELF_SERVED,
    "outcome": "answered",
    "agents": ["101"],
    "customer_code": "1001",
    "language": "fa",
    "tickets": [],
    "parts": [
        ("ivr", "support", ""),
        ("wait", "support", "answered"),
        ("ring", "101", "answered"),
        ("talk", "101", ""),
        ("hold", "101", ""),
        ("talk", "101", ""),
    ],
    "steps": ["started", "customer", "language", "keys", "queue"],
}


@pytest.fixture(scope="module", params=[None, BULLSEYE], ids=["newest", "16"])
def each_pbx(request: pytest.FixtureRequest) -> Iterator[PbxUnderTest]:
    """A private Asterisk of each version, running. The old one is left out where Debian's mirror has it no more."""
    suite: Suite | None = request.param
    with an_asterisk(private_pbx(suite=suite), suite.name if suite else None) as pbx:
        pbx.start()
        yield pbx


@pytest.fixture
async def house(each_pbx: PbxUnderTest) -> AsyncIterator[SystemUnderTest]:
    """A daemon beside it, with the tests' customers."""
    async with running_system(each_pbx) as system:
        await import_customers(system, datetime.now(TEHRAN).date())
        yield system


def test_its_version_is_the_one_that_was_asked_for_and_it_boots_clean(each_pbx: PbxUnderTest) -> None:
    branch = each_pbx.asterisk.version.major
    assert branch == 16 if "bullseye" in str(each_pbx.asterisk.root) else branch >= 20
    assert str(each_pbx.asterisk.version) in each_pbx.rx("core show version")
    assert _BAD.findall(each_pbx.messages()) == []


async def test_callers_are_served_and_the_record_is_the_same(house: SystemUnderTest) -> None:
    async with agent(house, "101", Answer()) as desk, agent(house, "102", Answer()), house.caller(ENGLISH) as first:
        await asks_for_the_ticket(house, first)
        async with house.caller(PERSIAN) as second:
            await asyncio.gather(first.heard("ticket_status"), talks_and_is_held(house, second, desk))
        await first.call.hang_up()
        assert told(await house.record_of(first)) == SELF_SERVED
        record = await with_recording(house, (await house.record_of(second))["call_id"])
        assert told(record) == ANSWERED
        assert 0 < record["hold_s"] < HELD_S + NEAR_S
        (recording,) = record["recordings"]
        assert recording["length_s"] == pytest.approx(record["talk_s"] + record["hold_s"], abs=NEAR_S)
        await the_doctor_finds_nothing_but_the_version(house)
    said = [line for line in _BAD.findall(house.pbx.messages()) if not _RIGHTLY_SAID.search(line)]
    assert said == []


async def asks_for_the_ticket(house: SystemUnderTest, caller: Caller) -> None:
    """Asks, and is asked on by the next daemon, as this one is killed meanwhile."""
    await caller.call.answered()
    await caller.hears("menu")
    await caller.press("1")
    await caller.hears("ask_tracking")
    house.kill_daemon()
    await house.start_daemon()
    await caller.step(StepKind.RESUMED)
    await caller.press(f"{TICKET}#")


async def talks_and_is_held(house: SystemUnderTest, caller: Caller, desk: Phone) -> None:
    """Asks for a person, talks, is held from the agent's page and taken back."""
    await caller.call.answered()
    await caller.hears("menu")
    await caller.press("0")
    ringing = await desk.rung(20)
    await asyncio.gather(talking(caller.call), talking(ringing))
    async with actions(house.pbx) as ami:
        channel = await channel_of(house.pbx, "PJSIP/101")
        await ami.press(channel, HOLD_KEYS)
        await asyncio.sleep(HELD_S)  # the hold
        await ami.press(channel, RESUME_KEYS)
        await talking(ringing)
    await caller.call.hang_up()
    await ringing.ended(10)


@asynccontextmanager
async def actions(pbx: PbxUnderTest) -> AsyncIterator[Actions]:
    """What the desk does over AMI, by the daemon's own user."""
    connection = await AmiConnection.open("127.0.0.1", pbx.ports.ami, pbx.plan.ami_user, pbx.secrets.ami)
    try:
        yield Actions(lambda action, **fields: connection.send(action, fields))
        assert await Actions(lambda action, **fields: connection.send(action, fields)).missing() == frozenset()
    finally:
        connection.close()


async def channel_of(pbx: PbxUnderTest, phone: str) -> str:
    """The name of that phone's one channel."""
    shown = await asyncio.to_thread(pbx.rx, "core show channels concise")
    (name,) = [line.split("!")[0] for line in shown.splitlines() if line.startswith(f"{phone}-")]
    return name


async def with_recording(house: SystemUnderTest, call_id: str) -> dict[str, Any]:
    """The call's record once its recording is kept."""
    async with asyncio.timeout(20):
        while True:
            (record,) = [one for one in await house.calls() if one["call_id"] == call_id]
            if record["recordings"] and all(one["state"] == "present" for one in record["recordings"]):
                return record
            await asyncio.sleep(_POLL_S)


def told(record: dict[str, Any]) -> dict[str, Any]:
    """What a record says, without what differs from one call to the next."""
    same = {name: record[name] for name in ("outcome", "ended_by", "agents", "customer_code", "language", "fallback")}
    parts = [(one["kind"], one["party"], one["result"]) for one in record["segments"]]
    steps = [step["kind"] for step in record["steps"] if step["kind"] not in _TOLD_BY_TIME]
    return {**same, "tickets": record["tracking_numbers"], "parts": parts, "steps": steps}


async def the_doctor_finds_nothing_but_the_version(house: SystemUnderTest) -> None:
    found = json.loads(await house.command("doctor", "--json", check=False))
    assert {one["id"] for one in found["findings"]} - OF_THE_MACHINE - OF_THE_VERSION == set(), found["findings"]
    assert found["not_looked"] == []
    old = house.pbx.asterisk.version.major < 20
    assert ("version-without-mending" in {one["id"] for one in found["findings"]}) == old
