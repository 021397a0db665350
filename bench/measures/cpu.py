"""CPU of the daemon for whole self-served calls, their record stored; and of asyncari's four requests beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import mean

from bench import peer
from bench.callers import Load, call
from bench.customers import LANGUAGES, TRACKING_KEYS, Customer
from bench.figure import CannotMeasure, Figure, Peer
from bench.process import cpu_s
from bench.records import records_of
from bench.scenario import HangUp, Keys, Pause, Step
from bench.system import System
from pbx_bridge.ivr.prompts import PromptBook

NAMES = ("daemon_cpu_per_call",)

_CALLS, _QUICK_CALLS = 200, 60
_RATE = 10.0  # calls a second
_IDLE_S, _QUICK_IDLE_S = 10.0, 3.0
_STORED_S = 20.0  # how long the last record may take


async def measure(system: System, quick: bool) -> Sequence[Figure]:
    """CPU over all calls and until every record is closed, less what the daemon uses idle in that time; by call."""
    count = _QUICK_CALLS if quick else _CALLS
    idle_s = _QUICK_IDLE_S if quick else _IDLE_S
    people = system.people[:count]
    idle = await _share(system, idle_s)
    system.say(f"{count} self-served calls, {_RATE:g} a second")
    started, begun, used = datetime.now(UTC), _now(), cpu_s(system.pid)
    await call(_load(system, people), system.sip_port)
    await _check(system, people, started)
    wall, used = _now() - begun, cpu_s(system.pid) - used
    peer_ms, peer_idle = await peer.cpu_ms(system, count, idle_s)
    gross, net = used / count * 1000, (used - idle * wall) / count * 1000
    return (
        Figure(
            name="daemon_cpu_per_call",
            value=net,
            unit="ms",
            goal=3,
            peer=Peer(name="asyncari 0.20.6, four requests only", value=peer_ms),
            note=f"{count} calls in {wall:.0f} s; {gross:.2f} ms with idle CPU ({idle:.2%}; peer {peer_idle:.2%})",
        ),
    )


async def _share(system: System, seconds: float) -> float:
    system.say(f"idle for {seconds:g} s")
    before = cpu_s(system.pid)
    await asyncio.sleep(seconds)
    return (cpu_s(system.pid) - before) / seconds


def _load(system: System, people: Sequence[Customer]) -> Load:
    steps: tuple[Step, ...] = (
        Pause(_ms(system, people, "welcome", {}) + 1000),
        Keys(("1",)),
        Pause(1500),
        Keys((*TRACKING_KEYS, "#")),
        Pause(_ms(system, people, "ticket_status", _TICKET) + 2000),
        HangUp(),
    )
    return Load(callers=[person.row for person in people], steps=steps, rate=_RATE, limit_s=120)


def _ms(system: System, people: Sequence[Customer], prompt: str, values: object) -> int:
    return 0
