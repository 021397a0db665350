"""Click-to-call, hold and parking on a real Asterisk with a trunk: what comes of each, on the record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from harness.need import an_asterisk
from harness.system import SystemUnderTest, facts_of, running_system, talking
from own_ports import own_port
from private_pbx import PbxUnderTest, private_pbx
from test_recordings_asterisk import with_recordings

from pbx_bridge.pbx.phone import Answer, Phone, Reject, Ring
from pbx_bridge.pbx.phone.phone import OnInvite
from pbx_bridge.store import call_json

pytestmark = pytest.mark.asterisk

_POLL_S = 0.05


@pytest.fixture(scope="module")
def trunk_pbx() -> Iterator[PbxUnderTest]:
    with an_asterisk(private_pbx(trunk=f"127.0.0.1:{own_port()}", dial_s=3)) as pbx:
        pbx.start()
        yield pbx


@pytest.fixture
async def system(trunk_pbx: PbxUnderTest) -> AsyncIterator[SystemUnderTest]:
    async with running_system(trunk_pbx) as system:
        yield system


@asynccontextmanager
async def people(
    system: SystemUnderTest, *, agent: OnInvite | None = None, world: OnInvite | None = None
) -> AsyncIterator[tuple[Phone, Phone]]:
    """Agent 101, and the world behind the trunk."""
    host, _, port = system.pbx.plan.trunk.partition(":")
    async with (
        Phone(from_number="101", on_invite=agent or Answer()) as desk,
        Phone(from_number="world", local_host=host, local_port=int(port), on_invite=world or Answer()) as customer,
    ):
        await desk.register(f"sip:{system.sip}", system.pbx.secrets.agents["101"])
        yield desk, customer


async def the_record(system: SystemUnderTest, number: str, timeout_s: float = 20.0) -> dict[str, Any]:
    """The one call of that number, once it is over."""
    async with asyncio.timeout(timeout_s):
        while True:
            rows = [row for row in await system.view.calls.page(limit=200) if row.call.called == number]
            if rows and all(row.call.outcome for row in rows):
                (row,) = rows
                return call_json(row)
            await asyncio.sleep(_POLL_S)


async def test_answered(system: SystemUnderTest) -> None:
    async with people(system) as (desk, customer):
        told = await system.command("call", "--agent", "101", "0912 123-4501")
        ringing = await desk.rung()
        asked = await customer.rung()
        await talking(asked)
        await asyncio.sleep(1)  # the talk
        await asked.hang_up()
        await ringing.ended(10)
    record = await the_record(system, "09121234501")
    assert (record["direction"], record["outcome"], record["agents"]) == ("outbound", "answered", ["101"])
    assert record["ended_by"] == "caller"
    assert 1 <= record["talk_s"] < 3
    assert "Local/" not in json.dumps(record)
    assert "09121234501" in told
    assert "09121234501" in str(ringing.far), "the agent's phone shows whom it is about to call"
    assert "09121234501" not in str(asked.far), "and the customer does not see their own number"
    (recording,) = (await with_recordings(system, record["call_id"]))["recordings"]
    assert recording["length_s"] == pytest.approx(record["talk_s"], abs=0.7)
    (live,) = [json.loads(body) for body in facts_of(system.store, "live") if "09121234501" in body]
    assert live == {"event": "originate", "data": {"dialled": "09121234501", "agent": "101"}}


@pytest.mark.parametrize(
    ("number", "world", "outcome"),
    [
        ("09121234502", Reject(status=486), "busy"),
        ("09121234503", Reject(status=603), "rejected"),
        ("09121234504", Ring(), "no_answer"),
    ],
)
async def test_not_answered(system: SystemUnderTest, number: str, world: OnInvite, outcome: str) -> None:
    async with people(system, world=world) as (desk, _):
        await system.command("call", "--agent", "101", number)
        await (await desk.rung()).ended(15)
    record = await the_record(system, number)
    assert (record["direction"], record["outcome"], record["talk_s"]) == ("outbound", outcome, 0)


async def test_the_agent_did_not_pick_up(system: SystemUnderTest) -> None:
    async with people(system, agent=Ring()) as (desk, customer):
        await system.command("call", "--agent", "101", "--ring", "2", "09121234505")
        await (await desk.rung()).ended(15)
        assert customer.incoming.empty()
    record = await the_record(system, "09121234505")
    assert (record["direction"], record["talk_s"], record["agents"]) == ("outbound", 0, [])
    assert record["outcome"] == "failed", "the customer was never called"
    rings = [(s["party"], s["result"]) for s in record["segments"] if s["kind"] == "ring"]
    assert rings == [("101", "no_answer")]


@pytest.mark.parametrize("number", ["0912\r\n1234567", "0912&101", "abc", "*72101", "", "101@trunk", "101"])
async def test_what_is_no_number_never_reaches_asterisk(system: SystemUnderTest, number: str) -> None:
    async with people(system, agent=Ring()) as (desk, _):
        assert await system.command("call", "--agent", "101", number, check=False) == ""
        assert desk.incoming.empty()
    assert list(facts_of(system.store, "live")) == []


async def test_hold_and_parking_are_facts(system: SystemUnderTest) -> None:
    async with people(system) as (desk, customer):
        await system.command("call", "--agent", "101", "09121234506")
        ringing = await desk.rung()
        asked = await customer.rung()
        await talking(asked)
        await ringing.hold()
        await heard(system, "hold")
        await asyncio.sleep(1)  # on hold
        await ringing.resume()
        await heard(system, "unhold")
        assert await ringing.transfer(f"sip:700@{system.sip}") == 202
        parked = await heard(system, "parked")
        assert parked["data"]["slot"] in system.pbx.plan.park_slots
        await asked.hang_up()
    record = await the_record(system, "09121234506")
    assert record["outcome"] == "answered"
    assert 0.9 < record["hold_s"] < 3


async def heard(system: SystemUnderTest, event: str, timeout_s: float = 10.0) -> dict[str, Any]:
    """The first live fact of that kind, once it is on disk."""
    async with asyncio.timeout(timeout_s):
        while True:
            for body in facts_of(system.store, "live"):
                told: dict[str, Any] = json.loads(body)
                if told["event"] == event:
                    return told
            await asyncio.sleep(_POLL_S)
