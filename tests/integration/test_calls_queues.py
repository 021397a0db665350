"""Callers who want a person: which queue they reach, who answers, how the wait ends."""

from __future__ import annotations

import pytest
from harness.customers import CODES, ENDED, ENDING, ENGLISH, PERSIAN, UNKNOWN
from harness.proof import clip_texts, witness
from harness.softphone import Softphone
from harness.system import Caller, SystemUnderTest

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.pbx.phone import Phone, Reject, Ring

pytestmark = pytest.mark.asterisk


async def _ask_for_support(caller: Caller) -> None:
    await caller.call.answered()
    await caller.hears("menu")
    await caller.press("2")


def _agent(system: SystemUnderTest, number: str = "101") -> Softphone:
    return Softphone(number=number, password=system.pbx.secrets.agents[number], server=system.sip)


def _kinds(record: dict[str, list[dict[str, str]]]) -> list[tuple[str, str]]:
    return [(segment["kind"], segment["party"]) for segment in record["segments"]]


async def test_an_ended_contract_leads_to_the_services_unit(system: SystemUnderTest) -> None:
    async with _agent(system) as agent, witness(system.pbx) as seen, system.caller(ENDED) as caller:
        await _ask_for_support(caller)
        said = await caller.heard("contract_ended")
        queue = await caller.step(StepKind.QUEUE)
        assert queue.data["queue"] == "services"
        await agent.event("CALL_ESTABLISHED")
        played = clip_texts(system.pbx, seen.files(said.uniqueid))
        assert "You are being connected to the services unit." in played
        assert {"March", "twentieth"} <= set(played)  # 1404/12/29
        await agent.command("hangup")
        await caller.hears("survey_solved")
    record = await system.record_of(caller)
    assert record["outcome"] == "answered"
    assert record["ended_by"] == "agent"
    assert record["customer_code"] == CODES[ENDED]
    assert ("wait", "services") in _kinds(record)
    assert record["talk_s"] > 0


async def test_a_contract_about_to_end_is_mentioned_and_support_answers(system: SystemUnderTest) -> None:
    async with _agent(system) as agent, system.caller(ENDING) as caller:
        await _ask_for_support(caller)
        await caller.heard("contract_ending")
        assert (await caller.step(StepKind.QUEUE)).data["queue"] == "support"
        await agent.event("CALL_ESTABLISHED")
        await caller.call.hang_up()
        await agent.event("CALL_CLOSED")
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
    async with _agent(system) as agent, system.caller(ENGLISH) as caller:
        await caller.call.answered()
        await caller.hears("menu")
        await caller.press("0")
        await caller.hears("to_person")
        assert (await caller.step(StepKind.QUEUE)).data["queue"] == "support"
        await agent.event("CALL_ESTABLISHED")
    assert (await system.record_of(caller))["outcome"] == "answered"


async def test_a_caller_who_waits_in_vain_is_abandoned_in_the_queue(system: SystemUnderTest) -> None:
    async with Phone(from_number="101", on_invite=Ring()) as agent:
        await agent.register(f"sip:{system.sip}", system.pbx.secrets.agents["101"])
        async with system.caller(ENGLISH) as caller:
            await _ask_for_support(caller)
            ringing = await agent.rung(20)
        assert (await ringing.ended(10)).by == "them"
    record = await system.record_of(caller)
    assert (record["outcome"], record["ended_by"], record["talk_s"]) == ("abandoned_queue", "caller", 0)
    assert record["wait_s"] > 0


async def test_a_busy_agent_is_an_attempt_and_the_other_one_answers(system: SystemUnderTest) -> None:
    async with Phone(from_number="101", on_invite=Reject(status=486)) as busy, _agent(system, "102") as agent:
        await busy.register(f"sip:{system.sip}", system.pbx.secrets.agents["101"])
        async with system.caller(ENGLISH) as caller:
            await _ask_for_support(caller)
            await agent.event("CALL_ESTABLISHED", 30)
    record = await system.record_of(caller)
    assert record["outcome"] == "answered"
    assert [party for kind, party in _kinds(record) if kind == "talk"] == ["102"]
