"""A daemon whose callers meet a test's own flow, and the people at its phones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from private_pbx import PbxUnderTest

from harness.system import Caller, SystemUnderTest, running_system, talking
from pbx_bridge.pbx.phone import Answer, Phone
from pbx_bridge.pbx.phone.phone import OnInvite


@asynccontextmanager
async def running_flow(pbx: PbxUnderTest, flow: str, ivr: str = "") -> AsyncIterator[SystemUnderTest]:
    """A daemon with this flow, written to a file, in its settings, and `ivr`, other lines of that section of theirs.

    They are taken away again.
    """
    path, settings = pbx.home / "own.yaml", pbx.home / "pbx_bridge.toml"
    path.write_text(flow, encoding="utf-8")
    settings.write_text(f'[ivr]\nflow = "{path}"\n{ivr}\n', encoding="utf-8")
    try:
        async with running_system(pbx) as system:
            yield system
    finally:
        settings.unlink()


@asynccontextmanager
async def agent(house: SystemUnderTest, number: str, does: OnInvite) -> AsyncIterator[Phone]:
    """An agent's registered phone, and what it does with a call."""
    async with Phone(from_number=number, on_invite=does) as phone:
        await phone.register(f"sip:{house.sip}", house.pbx.secrets.agents[number])
        yield phone


async def two_seconds_of_talk(house: SystemUnderTest, number: str) -> Caller:
    """A caller of the shipped flow asks for a person, has agent 101 for that long, and hangs up."""
    async with agent(house, "101", Answer()) as desk, house.caller(number) as caller:
        await asks_for_a_person(caller)
        ringing = await desk.rung(20)
        await talking(ringing)
        await asyncio.sleep(2)  # the talk
        await caller.call.hang_up()
        await ringing.ended(10)
    return caller


async def asks_for_a_person(caller: Caller) -> None:
    """By the menu of the shipped flow."""
    await caller.call.answered()
    await caller.hears("menu")
    await caller.press("0")


@asynccontextmanager
async def outside(house: SystemUnderTest, does: OnInvite) -> AsyncIterator[Phone]:
    """The world at the other end of the trunk."""
    host, _, port = house.pbx.plan.trunk.partition(":")
    async with Phone(local_host=host, local_port=int(port), from_number="world", on_invite=does) as phone:
        yield phone


@asynccontextmanager
async def caller_who_keys(house: SystemUnderTest, key: str, number: str = "09121234567") -> AsyncIterator[Caller]:
    """A caller who was asked `choose_language` and has keyed."""
    async with house.caller(number) as caller:
        await caller.call.answered()
        await caller.hears("choose_language")
        await caller.press(key)
        yield caller
