"""From a key to the next prompt's request, with many callers keying at once. The daemon's own meter, from
Asterisk's time of the key."""

from __future__ import annotations

from collections.abc import Sequence

from bench.callers import Load, call
from bench.customers import TRACKING_KEYS
from bench.figure import CannotMeasure, Figure
from bench.metrics import KEY_TO_PLAY, histogram
from bench.scenario import HangUp, Keys, Pause, Step
from bench.system import System

NAMES = ("key_to_play_p99",)

_CALLERS = 100
_RATE = 40.0
_REPEATS, _QUICK_REPEATS = 10, 5


async def measure(system: System, quick: bool) -> Sequence[Figure]:
    """The 99th percentile over every key that a prompt answered."""
    repeats = _QUICK_REPEATS if quick else _REPEATS
    system.say(f"{_CALLERS} callers key at once")
    before = await histogram(system, KEY_TO_PLAY)
    load = Load(
        callers=[person.row for person in system.people[:_CALLERS]], steps=_steps(repeats), rate=_RATE, limit_s=90
    )
    await call(load, system.sip_port)
    seen = (await histogram(system, KEY_TO_PLAY)).since(before)
    least = _CALLERS * repeats
    if seen.count < least:
        raise CannotMeasure(f"{seen.count} prompts answered a key, at least {least} should have")
    p50, p99 = (seen.quantile_s(share) * 1000 for share in (0.5, 0.99))
    note = f"{seen.count} prompts after keys, {_CALLERS} callers at once; p50 ≤ {p50:g} ms; bucket's upper bound"
    return (Figure(name="key_to_play_p99", value=p99, unit="ms", goal=20, note=note),)


def _steps(repeats: int) -> Sequence[Step]:
    # The menu again and again, each time cutting it short; then the ticket, and its status a second time.
    again: tuple[Step, ...] = (Keys(("9",)), Pause(700, 1300))
    ticket = (Keys(("1",)), Pause(500, 900), Keys((*TRACKING_KEYS, "#")), Pause(1500, 2500), Keys(("1",)))
    return (Pause(2500), *(again * repeats), *ticket, Pause(1500), HangUp())
