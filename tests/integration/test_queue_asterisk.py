"""A busy line on a real Asterisk: told how it stands, the way out by key, who is answered first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from harness.customers import ENGLISH, PERSIAN, UNKNOWN, import_customers
from harness.own_flow import agent
from harness.system import Caller, SystemUnderTest, running_system, talking
from private_pbx import PbxUnderTest

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.health import utc_now
from pbx_bridge.pbx.phone import Answer, Ring

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

OTHERS = ("02144556677", "02155667788")
FIRST_TIME = "02177889911"  # whoever rang off in the tests before, on the same Asterisk, is let in earlier
FLOW = """
flow: busy
languages: [en]
start: who
person: plain
filler: one_moment
nodes:
  who: {kind: caller, found: menu, unknown: menu, unavailable: menu}
  menu: {kind: menu, prompt: menu, keys: {"1": person, "2": plain}, wrong: menu_wrong, too_many: plain, wait: 20}
  person:
    kind: queue
    queue: support
    tell: queue_place
    key: "1"
    key_pressed: asked
    ahead: {gold: 10}
    again: 3
    nobody: absent
    timeout: absent
  plain: {kind: queue, queue: services, nobody: absent, timeout: absent}
  asked: {kind: say, prompt: goodbye, next: end}
  absent: {kind: say, prompt: nobody, next: end}
  end: {kind: hang_up}
"""
PROMPTS = "queue_place: You are number {{ queue.position | count }}.\n"


@pytest.fixture
async def house(scene_house: PbxUnderTest) -> AsyncIterator[SystemUnderTest]:
    """The scenes' Asterisk, and a daemon whose callers meet that flow."""
    async with running_system(scene_house) as system:
        await import_customers(system, utc_now().date())
        (system.home / "prompts").mkdir()
        (system.home / "prompts" / "en.yaml").write_text(PROMPTS, encoding="utf-8")
        (system.home / "busy.yaml").write_text(FLOW, encoding="utf-8")
        await system.command("flow", "deploy", str(system.home / "busy.yaml"))
        yield system


@asynccontextmanager
async def caller_in(house: SystemUnderTest, number: str, key: str = "1") -> AsyncIterator[Caller]:
    """A caller who wants a person and has been led to the queue."""
    async with house.caller(number) as caller:
        await caller.hears("menu")
        await caller.press(key)
        yield caller


async def joined(caller: Caller) -> dict[str, Any]:
    """What the record says of it once the caller is in the queue, as Asterisk has it."""
    step = await caller.step(StepKind.QUEUE)
    async with asyncio.timeout(10):
        while True:
            shown = await asyncio.to_thread(caller.system.pbx.rx, "queue show")
            names = [line for line in shown.splitlines() if "wait:" in line]
            if await _channel_name(caller) in "".join(names):
                return dict(step.data)


async def _channel_name(caller: Caller) -> str:
    shown = await asyncio.to_thread(caller.system.pbx.rx, "core show channels concise")
    rows = [line.split("!") for line in shown.splitlines()]
    return next(row[0] for row in rows if caller.channel in row)


def part(record: dict[str, Any], kind: str) -> list[tuple[str, str]]:
    return [(one["party"], one["result"]) for one in record["segments"] if one["kind"] == kind]


async def test_a_vip_who_calls_later_is_answered_before_others(house: SystemUnderTest) -> None:
    async with (
        agent(house, "111", Answer()) as desk,
        caller_in(house, OTHERS[0]) as first,
        caller_in(house, FIRST_TIME) as plain,
    ):
        await talking(await desk.rung())
        assert await joined(plain) == {"queue": "support"}
        async with caller_in(house, PERSIAN) as vip:
            assert await joined(vip) == {"queue": "support", "priority": 10, "because": "vip"}
            assert [step for step in vip.steps if step.data.get("prompt") == "queue_place"] == []
            async with caller_in(house, ENGLISH) as third:
                told = await third.hears("queue_place")
                assert told.data["text"] == "You are number three."
                await third.call.hang_up()
            await first.call.hang_up()
            talk = await desk.rung(20)
            await talking(vip.call)
            assert PERSIAN in talk.far.uri
            assert plain.call.ending is None
            await vip.call.hang_up()
        await desk.rung(20)
        await talking(plain.call)
        await plain.call.hang_up()
    record = await house.record_of(vip)
    assert (record["outcome"], record["agents"]) == ("answered", ["111"])


async def test_the_key_of_the_flow_leads_out_and_no_other(house: SystemUnderTest) -> None:
    async with agent(house, "111", Ring()) as desk, caller_in(house, UNKNOWN) as caller:
        ringing = await desk.rung()
        await joined(caller)
        await caller.press("29#")
        await caller.press("1")
        step = await caller.step(StepKind.QUEUE_RETURN)
        assert dict(step.data) == {"queue": "support", "status": "KEY"}
        await caller.hears("goodbye")
        await ringing.ended(5)
    record = await house.record_of(caller)
    assert part(record, "wait") == [("support", "key")]
    assert part(record, "ring") == [("111", "cancelled")]


async def test_without_a_key_of_the_flow_no_key_leads_out(house: SystemUnderTest) -> None:
    async with agent(house, "111", Ring()) as desk, caller_in(house, UNKNOWN, "2") as caller:
        ringing = await desk.rung()
        await joined(caller)
        await caller.press("1*0#")
        ringing.answer()
        await talking(caller.call)
        await caller.call.hang_up()
    record = await house.record_of(caller)
    assert part(record, "wait") == [("services", "answered")]
    assert part(record, "ring") == [("111", "answered")]


async def test_the_key_given_for_one_queue_does_not_lead_out_of_the_next(house: SystemUnderTest) -> None:
    """The flow's next queue has none: what the first one left on the channel is gone."""
    changed = FLOW.replace("key_pressed: asked", "key_pressed: plain")
    changed = "\n".join(line for line in changed.splitlines() if not line.startswith("  asked:"))
    (house.home / "busy.yaml").write_text(changed, encoding="utf-8")
    await house.command("flow", "deploy", str(house.home / "busy.yaml"))
    async with agent(house, "111", Ring()) as desk, caller_in(house, UNKNOWN) as caller:
        await desk.rung()
        await joined(caller)
        await caller.press("1")
        await caller.step(StepKind.QUEUE_RETURN)
        ringing = await desk.rung(20)
        await caller.press("1")
        ringing.answer()
        await talking(caller.call)
        await caller.call.hang_up()
    record = await house.record_of(caller)
    assert part(record, "wait") == [("support", "key"), ("services", "answered")]


async def test_who_gave_up_waiting_goes_ahead_the_next_time(house: SystemUnderTest) -> None:
    async with agent(house, "111", Ring()):
        async with caller_in(house, UNKNOWN) as caller:
            await joined(caller)
            await caller.call.hang_up()
        assert (await house.record_of(caller))["outcome"] == "abandoned_queue"
        async with caller_in(house, UNKNOWN) as again:
            assert await joined(again) == {"queue": "support", "priority": 3, "because": "cut_off"}
    record = await house.record_of(again)
    (step,) = [step for step in record["steps"] if step["kind"] == "queue"]
    assert step["data"] == {"queue": "support", "priority": 3, "because": "cut_off"}


# --- kill -9 of the daemon while the caller waits -----------------------------------------------------------------


async def test_killed_while_a_caller_waits_the_key_still_leads_out(house: SystemUnderTest) -> None:
    async with agent(house, "111", Ring()) as desk, caller_in(house, UNKNOWN) as caller:
        await desk.rung()
        await joined(caller)
        house.kill_daemon()
        await house.start_daemon()
        await caller.press("1")
        await caller.hears("goodbye")
    assert part(await house.record_of(caller), "wait") == [("support", "key")]


async def test_after_a_restart_it_knows_who_waits_and_who_is_ahead(house: SystemUnderTest) -> None:
    async with (
        agent(house, "111", Ring()) as desk,
        caller_in(house, PERSIAN) as vip,
        caller_in(house, UNKNOWN) as plain,
    ):
        await desk.rung()
        await joined(vip)
        await joined(plain)
        house.kill_daemon()
        await house.start_daemon()
        async with caller_in(house, OTHERS[0]) as third:
            assert (await third.hears("queue_place")).data["text"] == "You are number three."
        async with caller_in(house, ENGLISH) as fourth:
            await fourth.hears("queue_place")


async def test_without_the_daemon_the_key_puts_the_caller_back(house: SystemUnderTest) -> None:
    async with agent(house, "111", Ring()) as desk, caller_in(house, UNKNOWN) as caller:
        ringing = await desk.rung()
        await joined(caller)
        house.kill_daemon()
        await caller.press("1")
        await ringing.ended(10)
        again = await desk.rung(30)
        await caller.press("1")
        again.answer()
        await talking(caller.call)
        await caller.call.hang_up()
        await house.start_daemon()
    record = await house.record_of(caller)
    assert (record["outcome"], record["fallback"]) == ("answered", True)
