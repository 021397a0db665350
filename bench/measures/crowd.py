"""Two hundred callers in the flow at once: how soon a key is answered, and how long any of them hears nothing."""

from __future__ import annotations

from collections.abc import Sequence

from bench.callers import Load, call
from bench.customers import TRACKING_KEYS
from bench.dead_air import DeadAir, listening
from bench.figure import CannotMeasure, Figure
from bench.metrics import KEY_TO_PLAY, histogram
from bench.process import cpu_s
from bench.scenario import HangUp, Keys, Pause, Step
from bench.system import System

NAMES = ("key_to_play_200", "dead_air_200")

_CALLERS = 200
_RATE = 40.0
_REPEATS, _QUICK_REPEATS = 16, 6
_LIMIT_S = 120.0


async def measure(system: System, quick: bool) -> Sequence[Figure]:
    """The p99 over every key that a prompt answered, and the longest silence of all."""
    repeats = _QUICK_REPEATS if quick else _REPEATS
    system.say(f"{_CALLERS} callers in the flow at once")
    people = [person.row for person in system.people[:_CALLERS]]
    load = Load(callers=people, steps=_steps(repeats), rate=_RATE, limit_s=_LIMIT_S)
    before, daemon, asterisk = await histogram(system, KEY_TO_PLAY), cpu_s(system.pid), cpu_s(system.pbx.pid)
    async with listening(system.pbx) as air:
        await call(load, system.sip_port)
    seen = (await histogram(system, KEY_TO_PLAY)).since(before)
    daemon, asterisk = cpu_s(system.pid) - daemon, cpu_s(system.pbx.pid) - asterisk
    if seen.count < _CALLERS * repeats or air.most < _CALLERS:
        raise CannotMeasure(f"{seen.count} prompts answered a key, {air.most} callers were there at once")
    p50, p99 = (seen.quantile_s(share) * 1000 for share in (0.5, 0.99))
    busy = f"{daemon:.1f} s of CPU of the daemon, {asterisk:.1f} s of Asterisk"
    note = (
        f"{seen.count} prompts after keys, {air.most} callers at once; p50 ≤ {p50:g} ms; bucket's upper bound; {busy}"
    )
    return (
        Figure(name=NAMES[0], value=p99, unit="ms", goal=20, note=note),
        Figure(name=NAMES[1], value=air.quantile_s(1.0), unit="s", goal=1, note=_told(air)),
    )


def _told(air: DeadAir) -> str:
    p50, p99 = (air.quantile_s(share) * 1000 for share in (0.5, 0.99))
    return (
        f"the longest of {len(air.silences_s)}, from an answer, a prompt's end or a key to the next prompt's begin, "
        f"by Asterisk's own times; p50 {p50:.0f} ms, p99 {p99:.0f} ms"
    )


def _steps(repeats: int) -> Sequence[Step]:
    # Welcome and the menu after it by themselves, the menu again and again, each time cutting it short; then the
    # ticket, and its status a second time, which is still being said when they hang up.
    again: tuple[Step, ...] = (Keys(("9",)), Pause(700, 1300))
    ticket = (Keys(("1",)), Pause(500, 900), Keys((*TRACKING_KEYS, "#")), Pause(1500, 2500), Keys(("1",)))
    return (Pause(4000, 6000), *(again * repeats), *ticket, Pause(1500), HangUp())
