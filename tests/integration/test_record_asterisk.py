"""Callers who speak a message, on a real Asterisk: what is kept of it, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import signal
import wave
from array import array
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from harness.own_flow import caller_who_keys, running_flow
from harness.system import Caller, SystemUnderTest, talking
from private_pbx import PbxUnderTest

from pbx_bridge.calls.facts import Step, StepKind
from pbx_bridge.pbx.phone import Answer, Phone

pytestmark = pytest.mark.asterisk

CALLER = "09121234567"
NEAR_S = 0.5
FLOW = """
flow: message
languages: [fa, en]
start: menu
person: person
filler: one_moment
nodes:
  menu:
    kind: menu
    prompt: choose_language
    keys: {"1": plain, "2": asking}
    wrong: menu_wrong
    too_many: person
    wait: 20
  plain: {kind: record, longest: 20, silence: 2, keep: what, next: thanks, empty: nothing, unavailable: person}
  asking:
    kind: record
    longest: 30
    review: after_status
    wait: 20
    next: thanks
    empty: nothing
    unavailable: person
  thanks: {kind: say, prompt: goodbye, next: end}
  nothing: {kind: say, prompt: nobody, next: end}
  person: {kind: queue, queue: support, nobody: nothing, timeout: nothing}
  end: {kind: hang_up}
"""


@pytest.fixture
async def house(scene_house: PbxUnderTest) -> AsyncIterator[SystemUnderTest]:
    """The scenes' Asterisk and a daemon whose callers meet that flow; nothing is left of other tests' messages."""
    for path in scene_house.paths.recording.iterdir():
        path.unlink()
    async with running_flow(scene_house, FLOW) as system:
        yield system


def spooled(house: SystemUnderTest) -> dict[str, int]:
    """What Asterisk has recorded and we have not taken away: sizes in bytes by name."""
    return {path.name: path.stat().st_size for path in house.pbx.paths.recording.iterdir()}


async def until(true: Callable[[], bool], what: str, timeout_s: float = 15.0) -> None:
    """Wait for what only a folder or another process shows."""
    try:
        async with asyncio.timeout(timeout_s):
            while not true():  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"waited {timeout_s} s for {what}") from None


async def speaks(house: SystemUnderTest, caller: Caller, seconds: float) -> float:
    """Say something for so long once the recording has begun; how long that was really."""
    given = await caller.step(StepKind.HANDED_OVER)
    assert given.data["what"] == "message"
    file = f"{given.data['to']}.wav"
    before = spooled(house).get(file)  # an earlier take
    await until(lambda: spooled(house).get(file) not in (None, before), "the recording to begin")
    began = asyncio.get_running_loop().time()
    caller.call.speak()
    await asyncio.sleep(seconds)  # the message
    return asyncio.get_running_loop().time() - began


async def ends_with_key(house: SystemUnderTest, caller: Caller, seconds: float) -> float:
    spoken = await speaks(house, caller, seconds)
    await caller.press("#")
    caller.call.hush()
    return spoken


async def recorded(caller: Caller) -> Step:
    step = await caller.step(StepKind.RECORDED)
    assert step.data["result"] == "kept"
    return step


def kept(house: SystemUnderTest) -> list[Path]:
    return sorted((house.home / "messages-kept").rglob("*.wav"))


def heard_in(path: Path) -> tuple[float, float]:
    """Seconds of a recording, and how many of them have a voice in them."""
    with wave.open(str(path)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (8000, 1, 2)
        samples = array("h", sound.readframes(sound.getnframes()))
    return len(samples) / 8000, loud_s(samples)


def loud_s(samples: array[int]) -> float:
    frames = [samples[n : n + 160] for n in range(0, len(samples) - 159, 160)]
    return sum(sum(map(abs, frame)) / 160 > 1000 for frame in frames) / 50


async def the_only_message(house: SystemUnderTest, caller: Caller, seconds: float, *, tail_s: float = 0.0) -> Path:
    """The one message that is kept, as long as it was spoken (and a tail of silence), with a voice in it."""
    await until(lambda: not spooled(house), "the spool to be empty")
    (path,) = [path for path in kept(house) if path.stat().st_mtime > caller.began.timestamp()]
    length, loud = heard_in(path)
    assert length == pytest.approx(seconds + tail_s, abs=NEAR_S)
    assert loud == pytest.approx(seconds, abs=NEAR_S)
    assert path.stat().st_mode & 0o077 == 0
    return path


async def record_with_message(house: SystemUnderTest, caller: Caller) -> dict[str, Any]:
    """The call's record, once it tells of the message."""
    record = await house.record_of(caller)
    async with asyncio.timeout(15):
        while not record["left_voicemail"]:
            await asyncio.sleep(0.05)
            record = await house.record_of(caller)
    return record


def told(record: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(step["kind"], step["data"].get("result")) for step in record["steps"] if step["kind"] == "recorded"]


async def test_a_message_ended_with_the_key_is_kept_as_it_was_spoken(house: SystemUnderTest) -> None:
    async with caller_who_keys(house, "1") as caller:
        spoken = await ends_with_key(house, caller, 3.0)
        step = await recorded(caller)
        assert step.data["seconds"] == pytest.approx(spoken, abs=NEAR_S)
        await caller.hears("goodbye")
        assert (await caller.call.ended(20)).by == "them"
    path = await the_only_message(house, caller, spoken)
    record = await record_with_message(house, caller)
    assert (record["outcome"], told(record)) == ("voicemail", [("recorded", "kept")])
    assert [(part["kind"], part["result"]) for part in record["segments"] if part["kind"] == "voicemail"] == [
        ("voicemail", "")
    ]
    assert "beep" not in house.pbx.messages(), "there is a tone in every language"
    lines = await house.command("messages", "list")
    (line,) = [line for line in lines.splitlines() if str(path) in line]
    assert CALLER in line
    assert " plain " in line


async def test_silence_ends_it(house: SystemUnderTest) -> None:
    async with caller_who_keys(house, "1") as caller:
        spoken = await speaks(house, caller, 2.0)
        caller.call.hush()
        back = await caller.step(StepKind.HANDED_BACK)
        assert back.data["status"] == "SILENCE"
        await recorded(caller)
        await caller.call.hang_up()
    await the_only_message(house, caller, spoken, tail_s=1.0)  # Asterisk leaves a second of the silence


async def test_where_nothing_is_said_nothing_is_kept(house: SystemUnderTest) -> None:
    async with caller_who_keys(house, "1") as caller:
        step = await caller.step(StepKind.RECORDED)
        assert step.data["result"] == "empty"
        await caller.hears("nobody")
        await caller.call.hang_up()
    record = await house.record_of(caller)
    assert (record["outcome"], record["left_voicemail"]) == ("abandoned_ivr", False)
    await until(lambda: not spooled(house), "the spool to be empty", 80)
    assert not [path for path in kept(house) if path.stat().st_mtime > caller.began.timestamp()]


async def test_it_is_heard_again_and_said_again(house: SystemUnderTest) -> None:
    async with caller_who_keys(house, "2") as caller:
        first = await ends_with_key(house, caller, 4.0)
        await caller.hears("after_status")
        caller.call.record()
        await caller.press("2")
        await caller.until(lambda s: s.kind is StepKind.SAID and "recording" in s.data, "the message again", 10)
        heard = caller.call.heard
        await until(lambda: loud_s(array("h", heard.samples())) > first - 0.5, "the caller's own tone")
        await caller.press("3")
        second = await ends_with_key(house, caller, 2.0)
        await caller.hears("after_status")
        await caller.press("1")
        await recorded(caller)
        await caller.call.hang_up()
    await the_only_message(house, caller, second)
    assert told(await record_with_message(house, caller)) == [("recorded", "kept")]


async def test_a_long_message_is_played_to_its_end(house: SystemUnderTest) -> None:
    async with caller_who_keys(house, "2") as caller:
        await ends_with_key(house, caller, 14.0)
        await caller.hears("after_status")
        await caller.press("2")
        await caller.until(lambda s: s.kind is StepKind.SAID and "recording" in s.data, "the message again", 10)
        again = caller.steps[-1]
        asked = await caller.hears("after_status", 30)
        assert (asked.at - again.at).total_seconds() > 13, "the dead-man timer let it be"
        await caller.press("1")
        await recorded(caller)
        await caller.call.hang_up()


async def test_what_was_said_before_the_hang_up_is_kept(house: SystemUnderTest) -> None:
    async with caller_who_keys(house, "1") as caller:
        spoken = await speaks(house, caller, 3.0)
        await caller.call.hang_up()
    record = await house.record_of(caller)
    assert record["ended_by"] == "caller"
    house.kill_daemon()  # the next one looks for callers who left at once, not after a minute
    await house.start_daemon()
    record = await record_with_message(house, caller)
    assert (record["outcome"], told(record)) == ("voicemail", [("recorded", "kept")])
    await the_only_message(house, caller, spoken)


async def test_a_hang_up_in_the_review_keeps_it(house: SystemUnderTest) -> None:
    async with caller_who_keys(house, "2") as caller:
        spoken = await ends_with_key(house, caller, 2.0)
        await caller.hears("after_status")
        await caller.call.hang_up()
    record = await record_with_message(house, caller)
    assert (record["outcome"], told(record)) == ("voicemail", [("recorded", "kept")])
    await the_only_message(house, caller, spoken)


# --- kill -9 of the daemon ----------------------------------------------------------------------------------------


async def test_the_message_outlives_the_daemon_and_the_next_one_goes_on(house: SystemUnderTest) -> None:
    async with caller_who_keys(house, "2") as caller:
        before = await speaks(house, caller, 1.0)
        house.kill_daemon()
        began = asyncio.get_running_loop().time()
        await house.start_daemon()
        spoken = before + asyncio.get_running_loop().time() - began
        await caller.press("#")
        await caller.hears("after_status")
        await caller.press("1")
        await recorded(caller)
        await caller.call.hang_up()
    await the_only_message(house, caller, spoken)


async def test_killed_in_the_review_the_caller_is_asked_again(house: SystemUnderTest) -> None:
    async with caller_who_keys(house, "2") as caller:
        spoken = await ends_with_key(house, caller, 2.0)
        await caller.hears("after_status")
        house.kill_daemon()
        await house.start_daemon()
        await caller.step(StepKind.RESUMED)
        await caller.hears("after_status")
        await caller.press("1")
        await recorded(caller)
        await caller.call.hang_up()
    await the_only_message(house, caller, spoken)


async def test_without_the_daemon_the_caller_gets_a_person_and_the_message_is_kept_later(
    house: SystemUnderTest,
) -> None:
    async with Phone(from_number="113", on_invite=Answer()) as desk:
        await desk.register(f"sip:{house.sip}", house.pbx.secrets.agents["113"])
        async with caller_who_keys(house, "1") as caller:
            spoken = await speaks(house, caller, 2.0)
            house.kill_daemon()
            await caller.press("#")
            caller.call.hush()
            await talking(await desk.rung(30))
            await caller.call.hang_up()
    await house.start_daemon()
    record = await record_with_message(house, caller)
    assert (record["outcome"], record["fallback"]) == ("answered", True)
    assert told(record) == [("recorded", "kept")]
    await the_only_message(house, caller, spoken)


async def test_with_a_frozen_daemon_too(house: SystemUnderTest) -> None:
    async with Phone(from_number="113", on_invite=Answer()) as desk:
        await desk.register(f"sip:{house.sip}", house.pbx.secrets.agents["113"])
        async with caller_who_keys(house, "1") as caller:
            spoken = await speaks(house, caller, 2.0)
            house.signal(signal.SIGSTOP)
            await caller.press("#")
            caller.call.hush()
            began = asyncio.get_running_loop().time()
            await talking(await desk.rung(30))
            assert asyncio.get_running_loop().time() - began < 13, "the dead-man timer and what a talk takes to begin"
            house.signal(signal.SIGCONT)
            await recorded(caller)
            await caller.call.hang_up()
    record = await house.record_of(caller)
    assert (record["outcome"], record["fallback"], told(record)) == ("answered", True, [("recorded", "kept")])
    await the_only_message(house, caller, spoken)
