"""Callers whom a flow gives to a mailbox, to phones or away, on a real Asterisk: what they meet, what is kept."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from harness.own_flow import agent, caller_who_keys, outside, running_flow
from harness.system import Caller, SystemUnderTest, talking
from private_pbx import PbxUnderTest

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.pbx.phone import Answer, Phone, PhoneCall, Reject, Ring

pytestmark = pytest.mark.asterisk

CALLER, OUTSIDE = "09121234567", "02188776655"
FLOW = f"""
flow: out
languages: [en, fa]
start: menu
person: person
filler: one_moment
nodes:
  menu:
    kind: menu
    prompt: choose_language
    keys: {{"1": phone, "2": group, "3": box, "4": outside, "5": no_box, "6": colleague, "7": nowhere}}
    wrong: menu_wrong
    too_many: person
    wait: 20
  phone: {{kind: dial, to: [111], seconds: 2, busy: busy, no_answer: box, unavailable: person}}
  group: {{kind: dial, to: [111, 112, 119], seconds: 20, busy: busy, no_answer: box, unavailable: person}}
  box: {{kind: voicemail, mailbox: "600", next: thanks, unavailable: person}}
  no_box: {{kind: voicemail, mailbox: "699", next: thanks, unavailable: absent}}
  outside: {{kind: transfer, to: "{OUTSIDE}", failed: busy}}
  colleague: {{kind: transfer, to: "112", failed: busy}}
  nowhere: {{kind: transfer, to: "100", failed: absent}}
  busy: {{kind: say, prompt: queue_timeout, next: again}}
  again: {{kind: menu, prompt: after_status, keys: {{"1": phone}}, wrong: menu_wrong, too_many: end, tries: 1}}
  absent: {{kind: say, prompt: nobody, next: end}}
  thanks: {{kind: say, prompt: goodbye, next: end}}
  person: {{kind: queue, queue: support, nobody: absent, timeout: busy}}
  end: {{kind: hang_up}}
"""


@pytest.fixture
async def house(scene_house: PbxUnderTest) -> AsyncIterator[SystemUnderTest]:
    """The scenes' Asterisk (short rings, a trunk) and a daemon whose callers meet that flow."""
    async with running_flow(scene_house, FLOW) as system:
        yield system


async def given(caller: Caller, what: str, to: str) -> None:
    step = await caller.step(StepKind.HANDED_OVER)
    assert dict(step.data) == {"what": what, "to": to}


async def given_back(caller: Caller, what: str, to: str, status: str) -> None:
    step = await caller.step(StepKind.HANDED_BACK)
    assert dict(step.data) == {"what": what, "to": to, "status": status}


async def leaves_a_message(house: SystemUnderTest, caller: Caller, seconds: float = 1.5) -> None:
    """Speaks until so much of it is in the box's folder."""
    caller.call.speak()
    box = house.pbx.paths.spool / "voicemail" / "default" / "600"
    async with asyncio.timeout(15):
        while not any(_fresh_bytes(file, caller) > seconds * 16_000 for file in box.rglob("*.wav")):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def _fresh_bytes(file: Path, caller: Caller) -> int:
    with suppress(FileNotFoundError):
        status = file.stat()
        return status.st_size if status.st_mtime > caller.began.timestamp() else 0
    return 0


def told(record: dict[str, Any], *names: str) -> list[Any]:
    return [record[name] for name in names]


def parts(record: dict[str, Any], *kinds: str) -> list[tuple[str, str, str]]:
    segments = [(part["kind"], part["party"], part["result"]) for part in record["segments"]]
    return [segment for segment in segments if not kinds or segment[0] in kinds]


async def test_a_phone_answers_and_the_call_is_over_with_the_talk(house: SystemUnderTest) -> None:
    async with agent(house, "111", Answer()) as desk, caller_who_keys(house, "1") as caller:
        await given(caller, "dial", "111")
        talk = await desk.rung()
        await talking(talk)
        await talk.hang_up()
        assert (await caller.call.ended(10)).by == "them"
    record = await house.record_of(caller)
    assert told(record, "outcome", "ended_by", "destination", "agents") == ["answered", "agent", "111", ["111"]]
    assert parts(record, "ring", "talk") == [("ring", "111", "answered"), ("talk", "111", "")]
    assert record["talk_s"] > 0
    assert [step["kind"] for step in record["steps"]][-3:] == ["handed_over", "handed_back", "ended"]


async def test_the_caller_hangs_up_in_the_talk(house: SystemUnderTest) -> None:
    async with agent(house, "111", Answer()) as desk, caller_who_keys(house, "1") as caller:
        await talking(await desk.rung())
        await caller.call.hang_up()
    record = await house.record_of(caller)
    assert told(record, "outcome", "ended_by", "destination") == ["answered", "caller", "111"]


@pytest.mark.parametrize("refusal", [486, 603])
async def test_a_phone_that_does_not_take_the_call_is_busy(house: SystemUnderTest, refusal: int) -> None:
    async with agent(house, "111", Reject(status=refusal)), caller_who_keys(house, "1") as caller:
        await given_back(caller, "dial", "111", "BUSY")
        await caller.hears("queue_timeout")
        await caller.call.hang_up()
    record = await house.record_of(caller)
    assert told(record, "outcome", "destination", "talk_s") == ["missed", "111", 0]
    assert [part[1] for part in parts(record, "ring")] == ["111"]


async def test_nobody_answers_and_a_message_is_left(house: SystemUnderTest) -> None:
    async with agent(house, "111", Ring()), caller_who_keys(house, "1") as caller:
        await given(caller, "dial", "111")
        caller.call.record()
        await given_back(caller, "dial", "111", "NOANSWER")
        assert max(array("h", caller.call.heard.samples())) > 1000, "the caller hears it ring"
        await given(caller, "voicemail", "600")
        await leaves_a_message(house, caller)
        await caller.call.hang_up()
    record = await house.record_of(caller)
    assert told(record, "outcome", "left_voicemail", "destination", "ended_by") == [
        "voicemail",
        True,
        "600",
        "caller",
    ]
    assert parts(record, "ring", "voicemail") == [("ring", "111", "no_answer"), ("voicemail", "600", "")]


async def test_without_a_registered_phone_there_is_a_person_at_once(house: SystemUnderTest) -> None:
    async with agent(house, "113", Answer()) as desk, caller_who_keys(house, "1") as caller:
        await given_back(caller, "dial", "111", "CHANUNAVAIL")
        await talking(await desk.rung())
        await caller.call.hang_up()
    record = await house.record_of(caller)
    assert told(record, "outcome", "destination") == ["answered", "113"]


async def test_several_phones_ring_at_once_and_the_first_to_answer_has_the_caller(house: SystemUnderTest) -> None:
    async with (
        agent(house, "111", Ring()) as first,
        agent(house, "112", Ring()) as second,
        caller_who_keys(house, "2") as caller,
    ):
        await given(caller, "dial", "111+112+119")
        ringing, taken = await first.rung(), await second.rung()
        taken.answer()
        await talking(taken)
        await ringing.ended(5)
        await caller.call.hang_up()
    record = await house.record_of(caller)
    assert told(record, "outcome", "destination", "agents") == ["answered", "112", ["112"]]
    assert sorted(parts(record, "ring")) == [
        ("ring", "111", "cancelled"),
        ("ring", "112", "answered"),
        ("ring", "119", "unreachable"),
    ]


async def test_after_the_message_the_flow_goes_on(house: SystemUnderTest) -> None:
    async with caller_who_keys(house, "3") as caller:
        await leaves_a_message(house, caller)
        await caller.press("#")
        await given_back(caller, "voicemail", "600", "SUCCESS")
        await caller.hears("goodbye")
        assert (await caller.call.ended(20)).by == "them"
    record = await house.record_of(caller)
    assert told(record, "outcome", "left_voicemail", "destination") == ["voicemail", True, "600"]


@pytest.mark.parametrize(
    ("key", "what", "to"), [("5", "voicemail", "699"), ("7", "transfer", "100")], ids=["no box", "no way"]
)
async def test_a_place_that_is_not_there_is_a_way_out(house: SystemUnderTest, key: str, what: str, to: str) -> None:
    async with caller_who_keys(house, key) as caller:
        await given_back(caller, what, to, "INVALID")
        await caller.hears("nobody")
    record = await house.record_of(caller)
    assert told(record, "outcome", "left_voicemail", "fallback") == ["abandoned_ivr", False, False]
    assert not parts(record, "voicemail", "ring")


async def test_a_caller_is_sent_outside_for_good(house: SystemUnderTest) -> None:
    async with outside(house, Answer()) as world, caller_who_keys(house, "4") as caller:
        await given(caller, "transfer", OUTSIDE)
        far = await world.rung()
        assert far.dialog.user == OUTSIDE
        await talking(far)
        await far.hang_up()
        assert (await caller.call.ended(10)).by == "them"
    record = await house.record_of(caller)
    assert told(record, "outcome", "destination", "agents", "direction") == ["answered", OUTSIDE, [], "inbound"]
    assert parts(record, "ring", "talk") == [("ring", OUTSIDE, "answered"), ("talk", OUTSIDE, "")]


async def test_a_number_outside_that_is_busy_gives_the_caller_back(house: SystemUnderTest) -> None:
    async with outside(house, Reject(status=486)), caller_who_keys(house, "4") as caller:
        await given_back(caller, "transfer", OUTSIDE, "BUSY")
        await caller.hears("queue_timeout")


async def test_a_caller_is_sent_to_a_colleague_and_comes_back_when_nobody_answers(house: SystemUnderTest) -> None:
    async with agent(house, "112", Ring()) as desk, caller_who_keys(house, "6") as caller:
        await desk.rung()
        await given_back(caller, "transfer", "112", "NOANSWER")
        await caller.hears("after_status")
    record = await house.record_of(caller)
    assert parts(record, "ring") == [("ring", "112", "no_answer")]


# --- kill -9 of the daemon while the caller is away ---------------------------------------------------------------


async def killed_while_it_rings(house: SystemUnderTest, caller: Caller, desk: Phone) -> PhoneCall:
    await given(caller, "dial", "111+112+119")
    ringing = await desk.rung()
    house.kill_daemon()
    return ringing


async def test_a_daemon_that_came_back_in_time_goes_on_with_who_is_given_back(house: SystemUnderTest) -> None:
    async with agent(house, "111", Ring()) as desk, caller_who_keys(house, "2") as caller:
        ringing = await killed_while_it_rings(house, caller, desk)
        await house.start_daemon()
        ringing.reject(486)
        await given_back(caller, "dial", "111+112+119", "BUSY")
        await caller.hears("queue_timeout")
    record = await house.record_of(caller)
    assert told(record, "outcome", "fallback", "destination") == ["missed", False, "111"]
    assert sorted(parts(record, "ring")) == [
        ("ring", "111", "busy"),
        ("ring", "112", "unreachable"),
        ("ring", "119", "unreachable"),
    ]


async def test_a_talk_outlives_the_daemon_and_is_on_record_once(house: SystemUnderTest) -> None:
    async with agent(house, "111", Ring()) as desk, caller_who_keys(house, "2") as caller:
        ringing = await killed_while_it_rings(house, caller, desk)
        ringing.answer()
        await talking(ringing)
        await ringing.hang_up()
        assert (await caller.call.ended(15)).by == "them"
        await house.start_daemon()
    record = await house.record_of(caller)
    assert told(record, "outcome", "ended_by", "destination", "agents") == ["answered", "agent", "111", ["111"]]


async def test_without_the_daemon_whoever_nobody_took_gets_a_person(house: SystemUnderTest) -> None:
    async with agent(house, "111", Ring()) as desk, caller_who_keys(house, "2") as caller:
        ringing = await killed_while_it_rings(house, caller, desk)
        async with agent(house, "113", Answer()) as person:
            desk.on_invite = Reject(status=486)
            ringing.reject(486)
            await talking(await person.rung(30))
            await caller.call.hang_up()
        await house.start_daemon()
    record = await house.record_of(caller)
    assert told(record, "outcome", "fallback", "destination") == ["answered", True, "113"]


async def test_a_message_outlives_the_daemon(house: SystemUnderTest) -> None:
    async with caller_who_keys(house, "3") as caller:
        await given(caller, "voicemail", "600")
        house.kill_daemon()
        await leaves_a_message(house, caller)
        await caller.press("#")
        assert (await caller.call.ended(15)).by == "them"
        await house.start_daemon()
    record = await house.record_of(caller)
    assert told(record, "outcome", "left_voicemail", "destination") == ["voicemail", True, "600"]


async def test_killed_after_the_caller_was_given_back_it_goes_on_there(house: SystemUnderTest) -> None:
    async with agent(house, "111", Reject(status=486)), caller_who_keys(house, "1") as caller:
        await given_back(caller, "dial", "111", "BUSY")
        await caller.hears("after_status")
        house.kill_daemon()
        await house.start_daemon()
        await caller.step(StepKind.RESUMED)
        await caller.hears("after_status")
        await caller.press("1")
        await given(caller, "dial", "111")
    record = await house.record_of(caller)
    assert [step["kind"] for step in record["steps"]].count("handed_back") >= 1
