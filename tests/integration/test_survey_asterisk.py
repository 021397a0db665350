"""Callers who stay when the agent has hung up, and the customer's own agent, on a real Asterisk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from harness.own_flow import agent, caller_who_keys, running_flow
from harness.system import Caller, SystemUnderTest, talking
from private_pbx import PbxUnderTest

from pbx_bridge.calls.facts import Step, StepKind
from pbx_bridge.pbx.phone import Answer, Phone, PhoneCall, Reject, Ring

pytestmark = pytest.mark.asterisk

OWNED, UNKNOWN = "09121234567", "02188776655"
OWN_AGENT, QUEUE_AGENT, OTHER = "111", "113", "112"
FLOW = f"""
flow: asked
languages: [en, fa]
start: who
person: person
filler: one_moment
nodes:
  who: {{kind: caller, found: menu, unknown: menu, unavailable: menu}}
  menu:
    kind: menu
    prompt: choose_language
    keys: {{"1": person, "2": own, "3": only_own, "4": patient}}
    wrong: menu_wrong
    too_many: person
    wait: 20
  person: {{kind: queue, queue: support, nobody: absent, timeout: absent, after: intro}}
  own: {{kind: dial, own_agent: true, to: [{OTHER}], seconds: 2, busy: absent, no_answer: absent, unavailable: absent,
    after: survey}}
  patient: {{kind: dial, own_agent: true, to: [{OTHER}], seconds: 60, busy: absent, no_answer: absent,
    unavailable: absent}}
  only_own: {{kind: dial, own_agent: true, seconds: 2, busy: absent, no_answer: absent, unavailable: person}}
  intro: {{kind: say, prompt: to_person, next: survey}}
  survey:
    kind: survey
    questions: [{{name: solved, prompt: ask_tracking, scale: 2}}, {{name: friendly, prompt: ask_customer_code}}]
    wrong: tracking_wrong
    wait: 15
    next: thanks
  thanks: {{kind: say, prompt: goodbye, next: end}}
  absent: {{kind: say, prompt: nobody, next: end}}
  end: {{kind: hang_up}}
"""


@pytest.fixture
async def house(scene_house: PbxUnderTest) -> AsyncIterator[SystemUnderTest]:
    """The scenes' Asterisk, a daemon whose callers meet that flow, and a customer who has an agent of their own."""
    async with running_flow(scene_house, FLOW) as system:
        await system.import_crm(
            customers=f"code,name,language,tier,agent\n1002,Sample Ltd,en,silver,{OWN_AGENT}",
            contacts=f"customer_code,name,phone\n1002,Ann,{OWNED}",
        )
        yield system


async def talks_and_hangs_up(desk: Phone) -> None:
    """The agent answers, and is the first to leave."""
    talk = await desk.rung(20)
    await talking(talk)
    await talk.hang_up()


async def answers(caller: Caller, question: str, key: str) -> None:
    """The question is heard, and this key is taken for its answer."""
    await caller.hears(question)
    await caller.press(key)

    def taken(step: Step) -> bool:
        return step.kind is StepKind.SURVEY and step.data["answer"] == int(key)

    await caller.until(taken, f"the answer {key}", 10)


def survey_of(record: dict[str, Any]) -> list[tuple[str, int | None, str, str]]:
    return [(one["question"], one["answer"], one["queue"], one["agent"]) for one in record["survey"]]


def parts(record: dict[str, Any]) -> list[tuple[str, str]]:
    return [(part["kind"], part["party"]) for part in record["segments"]]


def told(record: dict[str, Any], *names: str) -> list[Any]:
    return [record[name] for name in names]


async def rang_out(ringing: PhoneCall) -> None:
    """It stops ringing without an answer."""
    await ringing.ended(10)


# --- the survey ---------------------------------------------------------------------------------------------------


async def test_the_agent_hangs_up_first_and_the_caller_is_asked(house: SystemUnderTest) -> None:
    async with agent(house, QUEUE_AGENT, Answer()) as desk, caller_who_keys(house, "1", UNKNOWN) as caller:
        await talks_and_hangs_up(desk)
        await answers(caller, "ask_tracking", "2")
        await answers(caller, "ask_customer_code", "5")
        await caller.hears("goodbye")
        assert (await caller.call.ended(20)).by == "them"
    record = await house.record_of(caller)
    assert survey_of(record) == [("solved", 2, "support", QUEUE_AGENT), ("friendly", 5, "support", QUEUE_AGENT)]
    assert told(record, "outcome", "ended_by", "agents", "destination") == [
        "answered",
        "agent",
        [QUEUE_AGENT],
        QUEUE_AGENT,
    ]
    talk = next(part for part in record["segments"] if part["kind"] == "talk")
    assert [kind for kind, _ in parts(record)] == ["ivr", "wait", "ring", "talk", "ivr"]
    assert talk["ended_at"] <= record["survey"][0]["at"], "the talk was over before the first answer"
    assert record["ivr_s"] > record["talk_s"]
    lines = (await house.command("calls", "survey", "--by", "agent")).splitlines()
    assert [line.split() for line in lines[1:]] == [
        [QUEUE_AGENT, "friendly", "1-5", "1", "1", "0", "5.00"],
        [QUEUE_AGENT, "solved", "1-2", "1", "1", "0", "2.00"],
    ]
    await house.command("calls", "verify")


async def test_who_hangs_up_at_a_question_gave_no_answer(house: SystemUnderTest) -> None:
    async with agent(house, QUEUE_AGENT, Answer()) as desk, caller_who_keys(house, "1", UNKNOWN) as caller:
        await talks_and_hangs_up(desk)
        await caller.hears("ask_tracking")
        await caller.press("9")
        await caller.hears("tracking_wrong")
        await answers(caller, "ask_tracking", "1")
        await caller.hears("ask_customer_code")
        await caller.call.hang_up()
    record = await house.record_of(caller)
    assert survey_of(record) == [("solved", 1, "support", QUEUE_AGENT), ("friendly", None, "support", QUEUE_AGENT)]
    assert told(record, "outcome", "ended_by", "fallback") == ["answered", "agent", False]


async def test_killed_during_a_question_it_is_asked_again_and_no_other(house: SystemUnderTest) -> None:
    async with agent(house, QUEUE_AGENT, Answer()) as desk, caller_who_keys(house, "1", UNKNOWN) as caller:
        await talks_and_hangs_up(desk)
        await answers(caller, "ask_tracking", "2")
        await caller.hears("ask_customer_code")
        house.kill_daemon()
        await house.start_daemon()
        await caller.step(StepKind.RESUMED)
        await answers(caller, "ask_customer_code", "4")
        await caller.hears("goodbye")
        await caller.call.hang_up()
    record = await house.record_of(caller)
    assert survey_of(record) == [("solved", 2, "support", QUEUE_AGENT), ("friendly", 4, "support", QUEUE_AGENT)]
    said = [step["data"]["prompt"] for step in record["steps"] if step["kind"] == StepKind.SAID]
    assert said.count("ask_tracking") == 1
    assert told(record, "outcome", "ended_by", "fallback") == ["answered", "agent", False]


async def test_killed_during_the_talk_the_caller_is_asked_all_the_same(house: SystemUnderTest) -> None:
    async with agent(house, QUEUE_AGENT, Answer()) as desk, caller_who_keys(house, "1", UNKNOWN) as caller:
        talk = await desk.rung(20)
        await talking(talk)
        house.kill_daemon()
        await house.start_daemon()
        await talk.hang_up()
        await answers(caller, "ask_tracking", "1")
        await caller.call.hang_up()
    record = await house.record_of(caller)
    assert survey_of(record)[0] == ("solved", 1, "support", QUEUE_AGENT)


async def test_who_hangs_up_first_is_asked_nothing(house: SystemUnderTest) -> None:
    async with agent(house, QUEUE_AGENT, Answer()) as desk, caller_who_keys(house, "1", UNKNOWN) as caller:
        await talking(await desk.rung(20))
        await caller.call.hang_up()
    record = await house.record_of(caller)
    assert told(record, "outcome", "ended_by", "survey") == ["answered", "caller", []]
    assert [kind for kind, _ in parts(record)] == ["ivr", "wait", "ring", "talk"]


# --- the customer's own agent -------------------------------------------------------------------------------------


async def test_the_own_agents_phone_rings_alone_and_the_survey_is_theirs(house: SystemUnderTest) -> None:
    async with (
        agent(house, OWN_AGENT, Answer()) as own,
        agent(house, OTHER, Answer()) as other,
        caller_who_keys(house, "2", OWNED) as caller,
    ):
        await talks_and_hangs_up(own)
        await answers(caller, "ask_tracking", "1")
        await caller.call.hang_up()
        assert other.incoming.empty()
    record = await house.record_of(caller)
    assert parts(record)[1:3] == [("ring", OWN_AGENT), ("talk", OWN_AGENT)]
    assert survey_of(record)[0] == ("solved", 1, "", OWN_AGENT)


async def test_where_the_own_agent_does_not_answer_the_others_ring(house: SystemUnderTest) -> None:
    async with (
        agent(house, OWN_AGENT, Ring()) as own,
        agent(house, OTHER, Answer()) as other,
        caller_who_keys(house, "2", OWNED) as caller,
    ):
        await rang_out(await own.rung())
        await talking(await other.rung())
        await caller.call.hang_up()
    record = await house.record_of(caller)
    people = [part for part in parts(record) if part[0] != "ivr"]
    assert people == [("ring", OWN_AGENT), ("ring", OTHER), ("talk", OTHER)]
    assert told(record, "outcome", "destination") == ["answered", OTHER]


async def test_killed_while_the_own_agents_phone_rings_the_others_ring_next(house: SystemUnderTest) -> None:
    async with (
        agent(house, OWN_AGENT, Ring()) as own,
        agent(house, OTHER, Answer()) as other,
        caller_who_keys(house, "4", OWNED) as caller,
    ):
        ringing = await own.rung()
        house.kill_daemon()
        await house.start_daemon()  # it rings for longer than that takes
        ringing.reject(486)
        await talking(await other.rung(20))
        await caller.call.hang_up()
    record = await house.record_of(caller)
    assert told(record, "outcome", "destination", "fallback") == ["answered", OTHER, False]


async def test_without_an_agent_of_their_own_a_caller_goes_on_at_once(house: SystemUnderTest) -> None:
    async with agent(house, QUEUE_AGENT, Answer()) as desk, caller_who_keys(house, "3", UNKNOWN) as caller:
        await talking(await desk.rung(20))
        await caller.call.hang_up()
    record = await house.record_of(caller)
    assert "handed_over" not in {step["kind"] for step in record["steps"]}
    assert told(record, "outcome", "destination") == ["answered", QUEUE_AGENT]


async def test_an_own_agent_who_declines_is_busy(house: SystemUnderTest) -> None:
    async with agent(house, OWN_AGENT, Reject(status=603)), caller_who_keys(house, "3", OWNED) as caller:
        back = await caller.step(StepKind.HANDED_BACK)
        assert dict(back.data) == {"what": "dial", "to": OWN_AGENT, "status": "BUSY"}
        await caller.hears("nobody")
