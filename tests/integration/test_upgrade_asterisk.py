"""A daemon hands over to the next while callers are everywhere: in prompts, questions, queues, talks, and calling.

What they hear is measured at their phones. `alone_s` is what the new daemon tells: how long nobody looked after them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

import pytest
from harness.customers import ENGLISH, UNKNOWN, import_customers
from harness.ear import Ear
from harness.guests import MARGIN_S, AtOnce, Guest, House, Stay, goes_in, guest_of
from harness.handed import ending_whoever_serves, upgraded
from harness.own_flow import agent, asks_for_a_person
from harness.slow import SlowService
from harness.stays import DIALLED, QUEUED, STAYS, TRANSFERRED
from harness.system import Caller, SystemUnderTest, running_system, talking
from private_pbx import PbxUnderTest

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.pbx.phone import Answer, Phone, PhoneCall, Ring
from pbx_bridge.values.dates import TEHRAN

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

FLOW = Path(__file__).parents[1] / "harness" / "everywhere.yaml"
TIMES = 3
_ALONE_S = 2.0  # a fraction of it where nothing else wants the CPU
_ON_HOLD_S = 0.1
_PAUSE_S = 0.4  # between two who call


def _stays(node: str) -> Sequence[Stay]:
    stays = STAYS[node]
    assert not isinstance(stays, AtOnce)
    return stays


THERE = (
    *_stays("say"),
    *_stays("menu"),
    *_stays("ask"),
    *(s for n in ("queue", "dial", "transfer") for s in _stays(n)),
)


@pytest.fixture
async def house(scene_house: PbxUnderTest) -> AsyncIterator[House]:
    """The scenes' Asterisk, a daemon whose callers meet a flow with every kind of node, agents who are rung."""
    settings = scene_house.home / "pbx_bridge.toml"
    try:
        async with AsyncExitStack() as stack:
            settings.write_text(
                f'[ivr]\nflow = "{FLOW}"\n[services.shop]\nurl = "http://127.0.0.1:9/"\n'
                '[services.bell]\nurl = "http://127.0.0.1:9/"\nmethod = "POST"\n'
            )
            system = await stack.enter_async_context(running_system(scene_house))
            stack.enter_context(ending_whoever_serves(system))
            await import_customers(system, datetime.now(TEHRAN).date())
            desks = {}
            for number in (DIALLED, TRANSFERRED, QUEUED):
                desks[number] = await stack.enter_async_context(Phone(from_number=number, on_invite=Ring()))
                await desks[number].register(f"sip:{system.sip}", system.pbx.secrets.agents[number])
            yield House(system=system, desks=desks, service=SlowService())
    finally:
        settings.unlink(missing_ok=True)


async def test_everybody_is_heard_on_through_three_handovers(house: House, request: pytest.FixtureRequest) -> None:
    """Nobody is in silence for longer than a breath; whoever calls meets the menu; each call is on record, once."""
    system = house.system
    async with AsyncExitStack() as stack:
        guests = await asyncio.gather(*(guest_of(stack, house, stay) for stay in THERE))
        for turn in sorted({stay.turn for stay in THERE}):
            await asyncio.gather(*(goes_in(guest) for guest in guests if guest.stay.turn == turn))
        enough = asyncio.Event()
        calling = asyncio.create_task(_newcomers(system, enough))
        silences, alone = [], []
        for _ in range(TIMES):
            took = await upgraded(system)
            house.back = time.monotonic()
            house.killed = house.back - took.alone_s
            alone.append(took.alone_s)
            silences.append(
                max(await asyncio.gather(*(_silence(guest, house) for guest in guests if guest.stay.resumed)))
            )
        enough.set()
        first_words = await calling
        await asyncio.gather(*(guest.stay.goes_on(guest) for guest in guests))
    told = {"alone_s": alone, "silence_s": silences, "calls": len(first_words), "first_word_s": max(first_words)}
    for name, value in told.items():
        request.node.user_properties.append((name, str(value)))
    assert max(alone) <= _ALONE_S
    for guest in guests:
        await _is_whole(guest.caller, guest.stay.outcome)


async def _silence(guest: Guest, house: House) -> float:
    """For how long a caller of the flow heard nothing: what they were told before is told again."""
    heard = await guest.ear.sound(house.back)
    silence = guest.ear.longest_silence(house.killed, heard)
    most = house.back - house.killed + MARGIN_S
    assert silence <= most, f"{guest.stay.node}: {silence:.2f} s of silence, {most:.2f} at most"
    return silence


async def _newcomers(system: SystemUnderTest, enough: asyncio.Event) -> list[float]:
    """One after another calls, hears the menu and hangs up; after how many seconds each heard the first word."""
    calling = []
    while not enough.is_set():
        calling.append(asyncio.create_task(_newcomer(system)))
        await asyncio.sleep(_PAUSE_S)
    return await asyncio.gather(*calling)


async def _newcomer(system: SystemUnderTest) -> float:
    async with system.caller(UNKNOWN) as caller:
        ear, called = Ear.at(caller.call), time.monotonic()
        heard = await ear.sound(called)
        await caller.hears("menu")
        await caller.call.hang_up()
    await _is_whole(caller, "abandoned_ivr")
    return heard - called


async def _is_whole(caller: Caller, outcome: str) -> None:
    """On record once, served by the flow alone, with no step lost or doubled."""
    system = caller.system
    record = await system.record_of(caller)
    assert (record["outcome"], record["fallback"]) == (outcome, False), record
    steps = await system.view.steps.of(system.node, caller.channel)
    assert [step.offset for step in steps] == list(range(len(steps)))
    assert [step.kind for step in steps].count(StepKind.STARTED) == 1


async def test_a_hold_is_on_record_once_whichever_daemon_heard_it(system: SystemUnderTest) -> None:
    """AMI tells it once, to who is connected: both are for a moment, and there is none without either."""
    over = asyncio.Event()

    async def holds(call: PhoneCall) -> int:
        count = 0
        while not over.is_set():
            await call.hold()
            await asyncio.sleep(_ON_HOLD_S)
            await call.resume()
            count += 1
        return count

    with ending_whoever_serves(system):
        async with agent(system, "101", Answer()) as desk, system.caller(ENGLISH) as caller:
            await asks_for_a_person(caller)
            ringing = await desk.rung(20)
            await talking(ringing)
            holding = asyncio.create_task(holds(ringing))
            await upgraded(system)
            over.set()
            count = await holding
            await caller.call.hang_up()
            await ringing.ended(10)
        record = await system.record_of(caller)
    assert [part["kind"] for part in record["segments"]].count("hold") == count > 1
