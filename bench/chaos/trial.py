"""One fault from beginning to end: calls come, the fault is done and mended, then the verdict."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.chaos.cases import CASES, Case, Fault
from bench.chaos.scene import Scene
from bench.chaos.watch import Told, watching
from bench.soak import verdict
from bench.soak.hearing import listening
from bench.soak.people import agents, place_calls
from bench.soak.proxy import cable
from bench.soak.trial import SHORTER, evidence_of, own_checks
from bench.sounds import cut_sounds
from bench.system import Pbx, Say, System, system

RATE = 2.0  # calls a second
_BEFORE_S, _AFTER_S = 4.0, 6.0  # calls come for so long before the fault, and after it at the least
_RESTARTS_S = 80.0
_READY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a fault did.

    Attributes:
        dead_air_s: the longest stretch in which a caller whom the flow had heard nothing, counted from the fault.
        ready_s: from the mending until callers are served and the record is kept.
        problems: what is not as it should be; empty when all is well.
    """

    fault: Fault
    lasts_s: float
    in_files: int
    on_record: int
    fallback: int
    interrupted: int
    dead_air_s: float
    told: Sequence[str]
    ready_s: float
    problems: Sequence[str]


@dataclass(slots=True, kw_only=True)
class _Course:
    """How it went in time."""

    lasted_s: float = 0.0
    ready_s: float = 0.0


async def trial(pbx: Pbx, fault: Fault, say: Say) -> Outcome:
    """This fault, once. Raises CannotMeasure where it cannot be done here, AssertionError when all stands still."""
    case = CASES[fault]
    calls = round((_BEFORE_S + (case.lasts_s or _RESTARTS_S) + _AFTER_S) * RATE)
    async with (
        system(pbx, calls, lambda _: None) as made,
        _stage(made, case) as scene,
        listening(pbx, time.time) as heard,
    ):
        say(f"{fault.value}: {calls} calls")
        since, course = time.time(), _Course()
        answered = await _play(scene, case, told := Told(), course)
        found = await evidence_of(made, since, answered, heard, scene.turns)
        checks, _ = await own_checks(made, datetime.fromtimestamp(since, UTC), 0)
    counts = verdict.summary(found)
    return Outcome(
        fault=fault,
        lasts_s=course.lasted_s,
        in_files=counts["calls_in_files"],
        on_record=counts["calls_on_record"],
        fallback=counts["fallback"],
        interrupted=counts["interrupted"],
        dead_air_s=counts["silence_of_one_fault_worst_s"],
        told=told.lines(),
        ready_s=course.ready_s,
        problems=[*verdict.problems(found), *checks, *_untold(case, told)],
    )


@asynccontextmanager
async def _stage(made: System, case: Case) -> AsyncIterator[Scene]:
    """The daemon started anew on two lines of ours, with what the fault needs; two agents at work."""
    pbx, running = made.pbx, made.running
    cut_sounds(pbx.paths.sounds, SHORTER)
    running.stop_daemon()
    async with AsyncExitStack() as stack:
        ari, ami = [await stack.enter_async_context(cable(port)) for port in (pbx.ports.ari, pbx.ports.ami)]
        desk = await stack.enter_async_context(agents(pbx))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pbxb-chaos-")))
        scene = Scene(system=made, ari=ari, ami=ami, desk=desk, folder=folder)
        running.ari_port, running.extra = ari.port, {"PBX_BRIDGE_PBX__AMI_PORT": str(ami.port)}
        await stack.enter_async_context(case.house(scene))
        stack.callback(running.stop_daemon)
        await running.start_daemon()
        yield scene


async def _play(scene: Scene, case: Case, told: Told, course: _Course) -> Sequence[str]:
    """The numbers that were answered. The fault begins a few seconds after the first call."""
    made = scene.system
    calls = asyncio.ensure_future(place_calls(made.people, RATE, made.sip_port))
    try:
        async with watching(made.url, told):
            await asyncio.sleep(_BEFORE_S)
            scene.turn()
            told.begin()
            async with case.harm(scene):
                await asyncio.sleep(case.lasts_s)
                course.lasted_s = time.monotonic() - told.began
            mended = time.monotonic()
            await made.running.ready(_READY_S)
            course.ready_s = time.monotonic() - mended
        scene.turn()
        return await calls
    finally:
        calls.cancel()
        with suppress(asyncio.CancelledError):
            await calls


def _untold(case: Case, told: Told) -> list[str]:
    if case.told and case.told not in told.first:
        return [f"the status page never told of {case.told}: {told.lines()}"]
    return []
