"""What the shipped dialplan does for agents' phones, and what it never does for anybody outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from harness.scene_trace import Trace
from harness.scenes import Scene, Stage, Theatre, audible, theatre
from private_pbx import PbxUnderTest

from pbx_bridge.errors import PhoneError
from pbx_bridge.pbx.phone import Phone

pytestmark = pytest.mark.asterisk


@pytest.fixture
async def house(scene_house: PbxUnderTest) -> AsyncIterator[Theatre]:
    """People around the scenes' Asterisk."""
    async with theatre(scene_house) as house:
        yield house


async def _written(house: Theatre, scene: Scene) -> Trace:
    return (await house.play(scene)).trace


@pytest.mark.parametrize(("code", "family"), [("*72", "always"), ("*90", "busy"), ("*92", "noanswer")])
async def test_an_agent_sets_and_clears_a_forward(house: Theatre, code: str, family: str) -> None:
    kept: list[str] = []

    async def script(s: Stage) -> dict[str, Any]:
        for number in (s.ext(2), ""):
            await (await s.dial(1, f"{code}{number}")).ended(10)
            kept.append(await asyncio.to_thread(house.pbx.rx, f"database get pbxb-{family} {s.ext(1)}"))
        kept.append(s.ext(2))
        return {}

    await house.play(Scene(name="forward codes", script=script))
    *answers, charlie = kept
    assert [answer.strip() for answer in answers] == [f"Value: {charlie}", "Value:"]


async def test_whatever_rings_in_the_group_can_be_taken(house: Theatre) -> None:
    async def script(s: Stage) -> dict[str, Any]:
        caller = await s.call("direct")
        await s.rung(1)
        outsider = await s.stack.enter_async_context(Phone(from_number="0912999"))
        with pytest.raises(PhoneError, match="403"):
            await outsider.call(f"sip:*8@{s.server}")
        taker = await s.dial(2, "*8")
        await audible(taker)
        await caller.answered()
        return {}

    trace = await _written(house, Scene(name="group pickup", script=script))
    assert any('"PICKUP"' in row for row in trace.cel)


async def test_a_phone_cannot_send_a_caller_outside_by_302(house: Theatre) -> None:
    """Neither a direct call nor a queue's follows a 302 to a number outside, though the agent himself may call it."""
    outside = "09350000001"

    async def direct(s: Stage) -> dict[str, Any]:
        caller = await s.call("direct")
        (await s.rung(1)).redirect(f"sip:{outside}@{s.server}")
        await caller.ended(10)
        return {}

    async def queued(s: Stage) -> dict[str, Any]:
        caller = await s.call("line")
        (await s.rung(1)).redirect(f"sip:{outside}@{s.server}")
        await s.rung(2)
        await caller.hang_up()
        return {}

    for script in (direct, queued):
        trace = await _written(house, Scene(name="redirected", script=script))
        assert not any("@trunk" in row for row in trace.cel)
    with pytest.raises(TimeoutError):
        await house.world.rung(outside, timeout_s=0.2)


async def test_a_caller_from_outside_reaches_no_service(house: Theatre) -> None:
    """Whatever is dialled from outside is the company's number or nothing: no room, no box, no phone, no way out."""

    async def script(s: Stage) -> dict[str, Any]:
        phone = await s.stack.enter_async_context(Phone(from_number=s.caller_number))
        for number in ("800", "600", "700", s.ext(1), "09350000002"):
            call = await phone.call(f"sip:{number}@{s.server}")
            await call.hang_up()
        for number in (f"**{s.ext(1)}", f"*72{s.ext(2)}", "*8"):
            with pytest.raises(PhoneError, match=r"40[34]"):
                await phone.call(f"sip:{number}@{s.server}")
        return {}

    trace = await _written(house, Scene(name="outsider", script=script, present=()))
    assert trace.cel
    assert not any(app in row for row in trace.cel for app in ('"ConfBridge"', '"VoiceMail"', '"Park"', '"Dial"'))
