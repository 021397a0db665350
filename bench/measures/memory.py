"""Memory of the daemon: idle after its start, and what a caller adds while it hears the menu."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bench.callers import Load, all_served, calling
from bench.figure import Figure
from bench.process import cpu_s, rss_bytes
from bench.scenario import HangUp, Pause
from bench.system import System

NAMES = ("daemon_rss_idle", "daemon_rss_per_caller")

_SETTLE_S, _QUICK_SETTLE_S = 10.0, 3.0
_WARM_UP = 20  # callers who come first: what the first caller ever costs is not what one more costs
_RATE = 40.0
_STAY_S = 8.0  # of each caller; the prompts of menu and welcome last longer
_LEFT_S = 1.0  # after the last has left, before memory is read again


async def measure(system: System, quick: bool) -> Sequence[Figure]:
    """Idle memory, then that of a crowd less that before it, by caller."""
    settle_s = _QUICK_SETTLE_S if quick else _SETTLE_S
    system.say(f"idle for {settle_s:g} s")
    before_s = cpu_s(system.pid)
    await asyncio.sleep(settle_s)
    busy = (cpu_s(system.pid) - before_s) / settle_s
    idle = rss_bytes(system.pid)
    await _crowd(system, _WARM_UP)
    crowd = 60 if quick else 200
    system.say(f"memory with {crowd} callers in the menu")
    empty = rss_bytes(system.pid)
    full = await _crowd(system, crowd)
    return (
        Figure(name="daemon_rss_idle", value=idle / 1e6, unit="MB", goal=90, note=f"idle CPU {busy:.1%} of one core"),
        Figure(
            name="daemon_rss_per_caller",
            value=max(0.0, (full - empty) / crowd / 1e3),
            unit="KB",
            goal=30,
            note=f"{crowd} at once: {empty / 1e6:.1f} to {full / 1e6:.1f} MB, after {_WARM_UP} had come and gone",
        ),
    )


async def _crowd(system: System, count: int) -> int:
    """The largest memory seen while so many callers are there together."""
    steps = (Pause(round(_STAY_S * 1000) + round(count / _RATE * 1000)), HangUp())
    load = Load(
        callers=[person.row for person in system.people[:count]],
        steps=steps,
        rate=_RATE,
        limit_s=60,
    )
    most = 0
    async with calling(load, system.sip_port) as calls:
        while not calls.done():
            most = max(most, rss_bytes(system.pid))
            await asyncio.wait({calls}, timeout=0.25)
        all_served(calls.result(), load)
    await asyncio.sleep(_LEFT_S)
    return most
