"""Callers who want a person: which queue they reach, who answers, how the wait ends."""

from __future__ import annotations

import pytest
from harness.customers import CODES, ENDED, ENDING, ENGLISH, PERSIAN, UNKNOWN
from harness.own_flow import agent
from harness.proof import clip_texts, witness
from harness.system import Caller, SystemUnderTest, talking

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.pbx.phone import Answer, Reject, Ring

pytestmark = pytest.mark.asterisk


async def _ask_for_support(caller: Caller) -> None:
    await caller.call.answered()
    await caller.hears("menu")
    await caller.press("2")


def _kinds(record: dict[str, list[dict[str, str]]]) -> list[tuple[str, str]]:
    return [(segment["kind"], segment["party"]) for segment in record["segments"]]


async def test_an_ended_contract_leads_to_the_services_unit(system: SystemUnderTest) -> None:
    async with (
        agent(system, "101", Answer()) as desk,
        witness(system.pbx) as seen,
        system.caller(ENDED) as caller,
    ):
        await _ask_for_support(caller)
        said = await caller.heard("contract_ended")
        queue = await caller.step(StepKind.QUEUE)
        assert queue.data["queue"] == "services"
        talk = await desk.rung(20)
        await talking(talk)
        played = clip_texts(system.pbx, seen.files(said.uniqueid))
        assert "You are being connected to the services unit." in played
        assert {"March", "twentieth"} <= set(played)  # 1404/12/29
        await talk.hang_up()
        await caller.hears("survey_solved")
    record = await system.record_of(caller)
    assert record["outcome"] == "answered"
    assert record["ended_by"] == "agent"
    assert record["customer_code"] == CODES[ENDED]
    assert ("wait", "services") in _kinds(record)
    assert record["talk_s"] > 0


async def test_a_contract_about_to_end_is_mentioned_and_support_answers(system: SystemUnderTest) -> None:
    async with agent(system, "101", Answer()) as desk, system.caller(ENDING) as caller:
        await _ask_for_support(caller)
        await caller.heard("contract_ending")
        assert (await caller.step(StepKind.QUEUE)).data["queue"] == "support"
        talk = await desk.rung(20)
        await talking(talk)
        await caller.call.hang_up()
        await talk.ended(10)
    record = await system.record_of(caller)
    assert (record["outcome"], record["ended_by"]) == ("answered", "caller")
    assert record["answered_at"] is not None
    assert [kind for kind, _ in _kinds(record)][:2] == ["ivr", "wait"]
    assert [kind for kind, _ in _kinds(record)].count("talk") == 1


async def test_an_unknown_caller_gives_a_customer_code(system: SystemUnderTest) -> None:
    async with system.caller(UNKNOWN) as caller:
        await caller.call.answered()
        await caller.hears("choose_language")
        await caller.press("2")
        await caller.hears("menu")
        await caller.press("2")
        await caller.hears("ask_customer_code")
        await caller.press(f"{CODES[ENDED]}#")
        await caller.hears("contract_ended")
    record = await system.record_of(caller)
    assert record["customer_code"] == CODES[ENDED]


async def test_nobody_registered_is_said_and_a_call_back_promised(system: SystemUnderTest) -> None:
    async with system.caller(PERSIAN) as caller:
        await _ask_for_support(caller)
        await caller.step(StepKind.QUEUE_RETURN)
        await caller.hears("nobody")
        await caller.hears("callback_confirm")
        await caller.press("1")
        await caller.hears("callback_promised")
        ending = await caller.call.ended(30)
    assert ending.by == "them"
    record = await system.record_of(caller)
    assert (record["outcome"], record["ended_by"], record["talk_s"]) == ("missed", "system", 0)
    assert record["answered_at"] is None


async def test_the_operator_is_one_key_away(system: SystemUnderTest) -> None:
    async with agent(system, "101", Answer()) as desk, system.caller(ENGLISH) as caller:
        await caller.call.answered()
        await caller.hears("menu")
        await caller.press("0")
        await caller.hears("to_person")
        assert (await caller.step(StepKind.QUEUE)).data["queue"] == "support"
        await talking(await desk.rung(20))
    assert (await system.record_of(caller))["outcome"] == "answered"


async def test_a_caller_who_waits_in_vain_is_abandoned_in_the_queue(system: SystemUnderTest) -> None:
    async with agent(system, "101", Ring()) as desk:
        async with system.caller(ENGLISH) as caller:
            await _ask_for_support(caller)
            ringing = await desk.rung(20)
        assert (await ringing.ended(10)).by == "them"
    record = await system.record_of(caller)
    assert (record["outcome"], record["ended_by"], record["talk_s"]) == ("abandoned_queue", "caller", 0)
    assert record["wait_s"] > 0


async def test_a_busy_agent_is_an_attempt_and_the_other_one_answers(system: SystemUnderTest) -> None:
    async with (
        agent(system, "101", Reject(status=486)),
        agent(system, "102", Answer()) as desk,
        system.caller(ENGLISH) as caller,
    ):
        await _ask_for_support(caller)
        await talking(await desk.rung(30))
    record = await system.record_of(caller)
    assert record["outcome"] == "answered"
    assert [party for kind, party in _kinds(record) if kind == "talk"] == ["102"]
