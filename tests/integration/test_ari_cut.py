"""Scenario 16: ARI is cut in a prompt, in the queue, in talk; and calls pass while the daemon is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from harness.customers import ENGLISH, TICKET, UNKNOWN
from harness.proof import witness
from harness.system import Caller, SystemUnderTest, talking
from private_pbx import PbxUnderTest

from bench.soak.files import read
from bench.soak.proxy import Cable, cable
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.pbx.phone import Phone, Ring

pytestmark = pytest.mark.asterisk

_CUT_S = 1.0
_AWAY_CALLS = 12


@pytest.fixture
async def line(system: SystemUnderTest) -> AsyncIterator[Cable]:
    """The daemon's way to ARI, which can be cut."""
    async with cable(system.pbx.ports.ari) as made:
        system.ari_port = made.port
        system.stop_daemon()
        await system.start_daemon()
        yield made
        system.stop_daemon()


async def _cut_for_a_while(system: SystemUnderTest, line: Cable) -> None:
    line.cut()
    await asyncio.sleep(_CUT_S)
    line.mend()
    await system.ready()


async def _in_queue(caller: Caller, agent: Phone) -> None:
    await caller.call.answered()
    await caller.hears("menu")
    await caller.press("0")
    await caller.step(StepKind.QUEUE)


async def test_cut_in_a_prompt_it_is_said_again(system: SystemUnderTest, line: Cable) -> None:
    async with system.caller(ENGLISH) as caller:
        await caller.call.answered()
        await caller.hears("menu")
        await _cut_for_a_while(system, line)
        await caller.step(StepKind.RESUMED)
        await caller.hears("menu")
        await caller.press("1")
        await caller.hears("ask_tracking")
        await caller.press(f"{TICKET}#")
        await caller.heard("ticket_status")
    record = await system.record_of(caller)
    assert (record["outcome"], record["fallback"]) == ("self_served", False)


async def test_cut_in_the_queue_the_agent_still_answers(system: SystemUnderTest, line: Cable) -> None:
    async with Phone(from_number="101", on_invite=Ring()) as agent:
        await agent.register(f"sip:{system.sip}", system.pbx.secrets.agents["101"])
        async with system.caller(ENGLISH) as caller:
            await _in_queue(caller, agent)
            ringing = await agent.rung(15)
            await _cut_for_a_while(system, line)
            ringing.answer()
            await talking(ringing)
            await ringing.hang_up()
            await caller.hears("survey_solved")
    record = await system.record_of(caller)
    assert (record["outcome"], record["ended_by"], record["fallback"]) == ("answered", "agent", False)
    assert record["wait_s"] >= _CUT_S


async def test_cut_in_talk_and_over_its_end(system: SystemUnderTest, line: Cable) -> None:
    async with Phone(from_number="101", on_invite=Ring()) as agent:
        await agent.register(f"sip:{system.sip}", system.pbx.secrets.agents["101"])
        async with system.caller(ENGLISH) as caller:
            await _in_queue(caller, agent)
            talk = await agent.rung(15)
            talk.answer()
            await talking(talk)
            line.cut()
            await asyncio.sleep(1.0)
            await caller.call.hang_up()
            await talk.ended(10)
        line.mend()
        await system.ready()
    record = await system.record_of(caller)
    assert (record["outcome"], record["ended_by"]) == ("answered", "caller")
    assert record["talk_s"] >= 1.0
    assert not record["end_estimated"]


async def test_cut_for_longer_than_the_dead_man_timer(system: SystemUnderTest, line: Cable) -> None:
    async with Phone(from_number="101", on_invite=Ring()) as agent, witness(system.pbx):
        await agent.register(f"sip:{system.sip}", system.pbx.secrets.agents["101"])
        async with system.caller(ENGLISH) as caller:
            await caller.call.answered()
            await caller.hears("menu")
            line.cut()
            talk = await agent.rung(25)
            talk.answer()
            await talking(talk)
            line.mend()
            await system.ready()
            await talk.hang_up()
            await caller.call.ended(15)
    record = await system.record_of(caller)
    assert (record["outcome"], record["fallback"]) == ("answered", True)


async def test_calls_that_pass_while_the_daemon_is_away(system: SystemUnderTest, pbx: PbxUnderTest) -> None:
    since = time.time()
    system.kill_daemon()
    numbers = [f"{UNKNOWN[:-3]}{number:03d}" for number in range(_AWAY_CALLS)]
    await asyncio.gather(*(_passes(system, number, 0.1 * place) for place, number in enumerate(numbers)))
    await system.start_daemon()
    told = read(pbx.paths.cel, pbx.paths.queue_log, since)
    assert sorted(call.caller for call in told.values()) == numbers
    for number in numbers:
        (record,) = await system.records_named(f"away {number}")
        assert (record["caller"], record["fallback"], record["end_estimated"]) == (number, True, False)
    assert len([record for record in await system.calls() if record["caller"] in numbers]) == _AWAY_CALLS


async def _passes(system: SystemUnderTest, number: str, after_s: float) -> None:
    await asyncio.sleep(after_s)
    async with Phone(from_number=number, display_name=f"away {number}") as phone:
        call = await phone.call(f"sip:100@{system.sip}")
        await asyncio.sleep(1.0)
        await call.hang_up()
