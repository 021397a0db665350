"""Recordings of real calls: what Asterisk writes, and that the daemon keeps the right files."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path
from typing import Any

import pytest
from harness.customers import ENGLISH
from harness.own_flow import agent, asks_for_a_person, two_seconds_of_talk
from harness.system import Caller, SystemUnderTest, talking

from pbx_bridge.pbx.phone import Answer, Ring

pytestmark = pytest.mark.asterisk

NEAR_S = 0.7  # signalling and the first packets, on two busy cores


async def with_recordings(system: SystemUnderTest, call_id: str, timeout_s: float = 30.0) -> dict[str, Any]:
    """The call's record once nothing of its recordings is under way any more."""
    async with asyncio.timeout(timeout_s):
        while any("awaited" in line for line in await lines_of(system, call_id)):  # noqa: ASYNC110 - a process
            await asyncio.sleep(0.1)
    (record,) = [one for one in await system.calls() if one["call_id"] == call_id]
    return record


async def lines_of(system: SystemUnderTest, text: str) -> list[str]:
    """The lines of `recordings list` with that text."""
    return [line for line in (await system.command("recordings", "list")).splitlines() if text in line]


def kept(system: SystemUnderTest, recording: dict[str, Any]) -> Path:
    path = system.home / "recordings-kept" / str(recording["path"])
    assert path.is_file()
    return path


def spooled(system: SystemUnderTest) -> list[str]:
    return sorted(path.name for path in system.pbx.paths.monitor.iterdir())


@pytest.fixture(autouse=True)
def no_other_files(system: SystemUnderTest) -> None:
    """What calls of other tests left on the same Asterisk is known to no store here."""
    for path in system.pbx.paths.monitor.iterdir():
        path.unlink()


async def test_a_talk_is_recorded_from_the_answer_to_the_end(system: SystemUnderTest) -> None:
    caller = await two_seconds_of_talk(system, ENGLISH)
    record = await with_recordings(system, (await system.record_of(caller))["call_id"])
    (recording,) = record["recordings"]
    assert recording["state"] == "present"
    assert recording["length_s"] == pytest.approx(record["talk_s"], abs=NEAR_S)
    path = kept(system, recording)
    assert path.stat().st_size == recording["bytes"]
    assert path.stat().st_mode & 0o077 == 0
    with wave.open(str(path)) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (8000, 1)
        assert any(sound.readframes(16000)), "somebody is heard"
    assert spooled(system) == []
    # Calls of earlier tests are in the same CEL file, so on record here too: their files are missing by right.
    assert path.name not in await system.command("recordings", "check", check=False)
    path.unlink()
    assert f"gone: {path}" in await system.command("recordings", "check", check=False)
    assert (await with_recordings(system, record["call_id"]))["recordings"][0]["state"] == "gone"


async def test_nobody_answers_and_nothing_is_kept(system: SystemUnderTest) -> None:
    async with agent(system, "101", Ring()) as desk, system.caller(ENGLISH) as caller:
        await asks_for_a_person(caller)
        await desk.rung(20)
        await caller.call.hang_up()
    record = await with_recordings(system, (await system.record_of(caller))["call_id"])
    assert (record["outcome"], record["recordings"]) == ("abandoned_queue", [])
    assert spooled(system) == []


async def test_paused_and_resumed_it_is_one(system: SystemUnderTest) -> None:
    async with agent(system, "101", Answer()) as desk, system.caller(ENGLISH) as caller:
        await asks_for_a_person(caller)
        ringing = await desk.rung(20)
        await talking(ringing)
        (file,) = spooled(system)
        channel = await channel_of(system, caller)
        await asyncio.sleep(1)  # the talk
        await console(system, f"mixmonitor stop {channel}")
        paused_at = asyncio.get_running_loop().time()
        await asyncio.sleep(2)  # what nobody shall hear
        await console(system, f"mixmonitor start {channel} {file},ab")
        paused_s = asyncio.get_running_loop().time() - paused_at
        await asyncio.sleep(1)  # the talk
        await caller.call.hang_up()
        await ringing.ended(10)
    record = await with_recordings(system, (await system.record_of(caller))["call_id"])
    (recording,) = record["recordings"]
    assert recording["length_s"] == pytest.approx(record["talk_s"] - paused_s, abs=NEAR_S)
    with wave.open(str(kept(system, recording))) as sound:
        assert sound.getnframes() / 8000 == pytest.approx(recording["length_s"])


async def test_after_a_transfer_it_still_belongs_to_the_call(system: SystemUnderTest) -> None:
    async with agent(system, "101", Answer()) as first, system.caller(ENGLISH) as caller:
        await asks_for_a_person(caller)
        handing = await first.rung(20)
        await talking(handing)
        await asyncio.sleep(1)  # the first talk
        async with agent(system, "102", Answer()) as second:
            assert await handing.transfer(f"sip:102@{system.sip}") == 202
            taking = await second.rung(20)
            await talking(taking)
            await asyncio.sleep(1)  # the second talk
            await caller.call.hang_up()
            await taking.ended(10)
    record = await with_recordings(system, (await system.record_of(caller))["call_id"])
    (recording,) = record["recordings"]
    assert recording["state"] == "present"
    assert recording["length_s"] == pytest.approx(record["talk_s"], abs=NEAR_S)
    assert recording["length_s"] > 2


async def test_two_agents_are_recorded_and_the_call_outlives_a_killed_asterisk(system: SystemUnderTest) -> None:
    async with agent(system, "101", Answer()) as first, agent(system, "102", Answer()) as second:
        call = await first.call(f"sip:102@{system.sip}")
        await talking(await second.rung())
        await asyncio.sleep(5)  # Asterisk keeps up to two seconds of sound to itself
        (file,) = spooled(system)
        system.pbx.kill()
        system.pbx.start()  # here, not in a thread: it dies with the thread that started it
        await system.ready()
        await call.hang_up()
    async with asyncio.timeout(30):
        while not any("present" in line for line in await lines_of(system, file)):  # noqa: ASYNC110 - a process
            await asyncio.sleep(0.1)
    (place,) = (system.home / "recordings-kept").rglob(file)
    with wave.open(str(place)) as sound:
        assert sound.getnframes() > 8000 * 1.5, "Asterisk never finished the header; we did"


async def channel_of(system: SystemUnderTest, caller: Caller) -> str:
    """The caller's channel by its name in Asterisk."""
    told = await console(system, "core show channels concise")
    (name,) = [line.split("!")[0] for line in told.splitlines() if line.startswith("PJSIP/trunk-")]
    return name


async def console(system: SystemUnderTest, command: str) -> str:
    return await asyncio.to_thread(system.pbx.rx, command)
