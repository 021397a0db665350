"""Whatever is killed or frozen in the middle of a call: the caller is helped, and the call is on the record once."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from harness.customers import ENGLISH, TICKET, UNKNOWN
from harness.system import Caller, SystemUnderTest, facts_of, talking
from private_pbx import PbxUnderTest

from pbx_bridge.calls.fact_text import cel_fact, decode
from pbx_bridge.calls.facts import CelRow, StepKind
from pbx_bridge.pbx.phone import Answer, Phone, Ring

pytestmark = pytest.mark.asterisk

_DEAD_MAN_S = 10.0


def _cel(store: Path, channel: str) -> list[CelRow]:
    """The CEL rows of one channel, as the store keeps them."""
    rows = (decode(cel_fact(node="n", file="f", offset=0, body=body)) for body in facts_of(store, "cel"))
    return [row for row in rows if isinstance(row, CelRow) and row.uniqueid == channel]


async def _time_to_fallback(system: SystemUnderTest, caller: Caller) -> float:
    """Seconds from the call's begin to the dialplan's own help."""
    (row,) = await system.rows_named(caller.name)
    rows = _cel(system.store, row.call.root)
    (start,) = (row.at for row in rows if row.event == "CHAN_START")
    (fallback,) = (row.at for row in rows if "fallback" in str(row.extra))
    return (fallback - start).total_seconds()


async def _once(system: SystemUnderTest, record: dict[str, Any]) -> None:
    assert [row["call_id"] for row in await system.calls()].count(record["call_id"]) == 1


async def _agent_ready(system: SystemUnderTest, agent: Phone) -> None:
    await agent.register(f"sip:{system.sip}", system.pbx.secrets.agents["101"])


async def test_a_daemon_killed_in_a_prompt_comes_back_and_goes_on(system: SystemUnderTest) -> None:
    async with system.caller(ENGLISH) as caller:
        await caller.call.answered()
        await caller.hears("menu")
        system.kill_daemon()
        await system.start_daemon()
        await caller.step(StepKind.RESUMED)
        await caller.hears("menu")
        await caller.press("1")
        await caller.hears("ask_tracking")
        await caller.press(f"{TICKET}#")
        await caller.heard("ticket_status")
    record = await system.record_of(caller)
    assert (record["outcome"], record["tracking_numbers"], record["fallback"]) == ("self_served", [TICKET], False)
    kinds = [step["kind"] for step in record["steps"]]
    assert kinds.count("started") == kinds.count("resumed") == kinds.count("ended") == 1
    await _once(system, record)


async def test_a_call_that_ends_while_the_daemon_is_dead_is_on_the_record(system: SystemUnderTest) -> None:
    async with system.caller(ENGLISH) as caller:
        await caller.call.answered()
        await caller.hears("menu")
        system.kill_daemon()
    await system.start_daemon()
    record = await system.record_of(caller)
    assert (record["outcome"], record["ended_by"]) == ("abandoned_ivr", "caller")
    assert not record["end_estimated"]
    await _once(system, record)


async def test_with_a_dead_daemon_a_caller_reaches_a_person(system: SystemUnderTest) -> None:
    system.kill_daemon()
    async with Phone(from_number="101", on_invite=Answer()) as agent:
        await _agent_ready(system, agent)
        begun = time.monotonic()
        async with system.caller(UNKNOWN) as caller:
            await caller.call.answered()
            talk = await agent.rung(15)
            await talking(talk)
            assert time.monotonic() - begun < _DEAD_MAN_S
            await talk.hang_up()
            await caller.call.ended(15)
    await system.start_daemon()
    record = await system.record_of(caller)
    assert (record["outcome"], record["fallback"], record["caller"]) == ("answered", True, UNKNOWN)
    assert record["steps"] == []
    assert record["talk_s"] > 0
    await _once(system, record)


async def test_a_frozen_daemon_costs_ten_seconds_not_the_call(system: SystemUnderTest) -> None:
    system.signal(signal.SIGSTOP)
    async with Phone(from_number="101", on_invite=Ring()) as agent:
        await _agent_ready(system, agent)
        async with system.caller(UNKNOWN) as caller:
            talk = await agent.rung(_DEAD_MAN_S + 10)
            talk.answer()
            await talking(talk)
    system.signal(signal.SIGCONT)
    record = await system.record_of(caller)
    assert (record["outcome"], record["fallback"]) == ("answered", True)
    assert await _time_to_fallback(system, caller) < _DEAD_MAN_S + 0.5
    await _once(system, record)


async def test_a_daemon_that_freezes_in_a_prompt_does_not_keep_the_caller(system: SystemUnderTest) -> None:
    async with Phone(from_number="101", on_invite=Ring()) as agent:
        await _agent_ready(system, agent)
        async with system.caller(ENGLISH) as caller:
            await caller.call.answered()
            await caller.hears("menu")
            system.signal(signal.SIGSTOP)
            frozen = time.monotonic()
            talk = await agent.rung(_DEAD_MAN_S + 15)
            waited = time.monotonic() - frozen
            await talk.hang_up()
    system.signal(signal.SIGCONT)
    record = await system.record_of(caller)
    assert record["fallback"]
    assert waited < _DEAD_MAN_S + 8  # the prompt under way is played out before the timer can act
    await _once(system, record)


async def test_a_killed_asterisk_leaves_one_lost_call(system: SystemUnderTest, pbx: PbxUnderTest) -> None:
    async with system.caller(ENGLISH) as caller:
        await caller.call.answered()
        await caller.hears("menu")
        pbx.kill()
        pbx.start()  # not in a thread: Asterisk ends with the thread that started it
        await system.ready()
        record = await system.record_of(caller)
    assert (record["outcome"], record["end_estimated"], record["ended_by"]) == ("lost", True, "")
    assert record["ended_at"] is not None
    assert [step["kind"] for step in record["steps"]].count("started") == 1
    await _once(system, record)
    assert len(await system.rows_named(caller.name)) == 1


async def test_a_daemon_killed_again_and_again_counts_every_call_once(system: SystemUnderTest) -> None:
    callers = []
    for _ in range(3):
        async with system.caller(UNKNOWN) as caller:
            await caller.call.answered()
            await caller.hears("choose_language")
            callers.append(caller)
        system.kill_daemon()
        await system.start_daemon()
    records = await asyncio.gather(*(system.record_of(caller) for caller in callers))
    assert {record["outcome"] for record in records} == {"abandoned_ivr"}
    for record in records:
        await _once(system, record)
