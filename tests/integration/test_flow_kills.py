"""kill -9 of the daemon while callers are in every kind of node, on a real Asterisk: each is heard on.

The callers of all kinds are there side by side, so one kill meets them all. What they hear is measured at their
phones: sound that arrives, not playbacks that somebody asked for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from harness.customers import CODES, ENDED, ENDING, import_customers
from harness.guests import MARGIN_S, AtOnce, Guest, House, Stay, goes_in, guest_of
from harness.slow import slow_service, slow_store
from harness.stays import DIALLED, QUEUED, STAYS, TRANSFERRED
from harness.system import SystemUnderTest, running_system
from private_pbx import PbxUnderTest

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.nodes import Node
from pbx_bridge.ivr.turn import FILLER_AFTER
from pbx_bridge.pbx.phone import Phone, Ring
from pbx_bridge.values.dates import TEHRAN

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]

FLOW = Path(__file__).parents[1] / "harness" / "everywhere.yaml"
EVERY = tuple(stay for stays in STAYS.values() if not isinstance(stays, AtOnce) for stay in stays)
_DEAD_MAN_S = 10.0  # asterisk-conf/extensions.conf.j2
_ANSWER_S = 0.5  # after it was excused once more, of a service that has woken up
_SETTINGS = """
[ivr]
flow = "{flow}"

[services.shop]
url = "{url}/shop"
limit_s = 7

[services.bell]
url = "{url}/bell"
method = "POST"
limit_s = 7
"""


@pytest.fixture
async def house(scene_house: PbxUnderTest) -> AsyncIterator[House]:
    """The scenes' Asterisk, a daemon whose callers meet that flow, agents who are rung, a service that sleeps."""
    settings = scene_house.home / "pbx_bridge.toml"
    try:
        async with AsyncExitStack() as stack:
            service = await stack.enter_async_context(slow_service())
            settings.write_text(_SETTINGS.format(flow=FLOW, url=service.url), encoding="utf-8")
            system = await stack.enter_async_context(running_system(scene_house))
            await import_customers(system, datetime.now(TEHRAN).date())
            numbers = (DIALLED, TRANSFERRED, QUEUED)
            desks = {number: await stack.enter_async_context(_agent(system, number)) for number in numbers}
            yield House(system=system, desks=desks, service=service)
    finally:
        settings.unlink(missing_ok=True)


@asynccontextmanager
async def _agent(system: SystemUnderTest, number: str) -> AsyncIterator[Phone]:
    async with Phone(from_number=number, on_invite=Ring()) as phone:
        await phone.register(f"sip:{system.sip}", system.pbx.secrets.agents[number])
        yield phone


def test_every_kind_has_its_row() -> None:
    """A kind that is not in the table has not been killed in."""
    kinds = {str(kind.__struct_config__.tag) for kind in get_args(Node)}
    assert kinds - set(STAYS) == set()
    assert all(stays.because if isinstance(stays, AtOnce) else stays for stays in STAYS.values())


async def test_back_at_once_every_caller_is_heard_on(house: House, request: pytest.FixtureRequest) -> None:
    """Killed and started again: what was said is said again; whoever the dialplan has notices nothing."""
    async with AsyncExitStack() as stack:
        guests = await _killed_with(stack, house, EVERY)
        house.service.after_s["/shop"] = FILLER_AFTER + _ANSWER_S
        house.service.awake.set()
        await house.revive()
        await asyncio.gather(*(guest.stay.goes_on(guest) for guest in guests))
    request.node.user_properties.append(("away_s", round(house.back - house.killed, 2)))
    for guest in guests:
        stay, record = guest.stay, await house.system.record_of(guest.caller)
        request.node.user_properties.append((f"silence_s {stay.node}", round(guest.silence, 2)))
        assert (record["outcome"], record["fallback"]) == (stay.outcome, False), stay.node
        assert _resumptions(record) in ([[stay.node], [stay.before]] if stay.resumed else [[]]), stay.node


async def test_not_back_the_dialplan_takes_every_caller(house: House) -> None:
    """Killed for good: all whom the flow had are in the queue within the dead-man timer, and on record as that."""
    async with AsyncExitStack() as stack:
        guests = await _killed_with(stack, house, [stay for stay in EVERY if stay.resumed])
        await asyncio.gather(*(_in_the_queue(guest) for guest in guests))
    await house.revive()
    for guest in guests:
        record = await house.system.record_of(guest.caller)
        assert record["fallback"] is True, guest.stay.node
        assert _resumptions(record) == [], guest.stay.node


async def _killed_with(stack: AsyncExitStack, house: House, stays: Sequence[Stay]) -> list[Guest]:
    """These callers, each where its stay says, when the daemon died."""
    guests = await asyncio.gather(*(guest_of(stack, house, stay) for stay in stays))
    with slow_store(house.system.store, customer=CODES[ENDED], contract=CODES[ENDING]):
        for turn in sorted({stay.turn for stay in stays}):
            await asyncio.gather(*(goes_in(guest) for guest in guests if guest.stay.turn == turn))
        house.kill()
    return guests


async def _in_the_queue(guest: Guest) -> None:
    """Hears the queue's music, after no more silence than the dead-man timer's."""
    ear, killed = guest.ear, guest.house.killed
    await ear.quiet()  # the prompt under way is heard to its end
    music = await ear.sound(time.monotonic(), timeout_s=2 * _DEAD_MAN_S)
    assert guest.caller.call.ending is None
    assert ear.longest_silence(killed, music) <= _DEAD_MAN_S + MARGIN_S, guest.stay.node


def _resumptions(record: Mapping[str, Any]) -> list[str]:
    return [step["flow_node"] for step in record["steps"] if step["kind"] == StepKind.RESUMED]
