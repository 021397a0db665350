"""Whole calls a second that the `support` flow sustains with nothing failing, and the same IVR in plain dialplan.

A rate is sustained when every call of it went as its scenario says, without one retransmission, every caller heard
the status of their ticket, and ours are all on record as that. Sounds are cut short as for `daemon_cpu_per_call`: a
call lasts five seconds, so that it is calls that are many, and not packets of long prompts.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from bench import plain_ivr
from bench.callers import Load, Outcome, calling
from bench.climb import Climb, Trial, highest
from bench.customers import TRACKING_KEYS
from bench.figure import Figure, Peer
from bench.lag import lag_of
from bench.measures.cpu import SHORT, longest_ms
from bench.process import cpu_s
from bench.scenario import HangUp, Keys, Pause, Step
from bench.sounds import cut_sounds
from bench.system import System

NAMES = ("support_calls_per_s",)

_SHARE = 0.8  # of the plain dialplan's rate
_HOLD_S, _QUICK_HOLD_S = 12.0, 6.0  # how long new calls come at a rate
_CLIMB = Climb(begin=40, most=250)
_QUICK_CLIMB = Climb(begin=40, most=250, halvings=1, trials=9)
_SETTLED_S = 30.0
_PATIENCE_S = 5.0
_POLL_S = 0.3


async def measure(system: System, quick: bool) -> Sequence[Figure]:
    """Ours first; then the daemon stops, and plain dialplan has the machine to itself."""
    cut_sounds(system.pbx.paths.sounds, SHORT)
    hold_s, climb = (_QUICK_HOLD_S, _QUICK_CLIMB) if quick else (_HOLD_S, _CLIMB)
    await _ours(system, 5.0, 4.0)  # what the first calls ever cost is no rate's cost
    own, owns = await highest(climb, lambda rate: _ours(system, rate, hold_s))
    plain_ivr.lay(system.pbx, system.people)
    system.running.stop_daemon()
    try:
        plain, plains = await highest(climb, lambda rate: _plain(system, rate, hold_s))
    finally:
        await system.running.start_daemon()
    note = (
        f"new calls for {hold_s:g} s at each rate, sounds cut to {SHORT:.0%}; {own.rate / plain.rate:.2f} of the "
        f"plain dialplan's; at our rate: {_words(own)}; above it: {_words(_next(own, owns))}; at the plain "
        f"dialplan's: {_words(plain)}"
    )
    return (
        Figure(
            name=NAMES[0],
            value=own.rate,
            unit="calls/s",
            goal=_SHARE * plain.rate,
            better="higher",
            peer=Peer(name="plain dialplan, no daemon", value=plain.rate),
            note=note,
            detail={"ours": [_as_json(trial) for trial in owns], "plain": [_as_json(trial) for trial in plains]},
        ),
    )


async def _ours(system: System, rate: float, hold_s: float) -> Trial:
    begun, used, asterisk = datetime.now(UTC), cpu_s(system.pid), cpu_s(system.pbx.pid)
    async with lag_of(system.url) as lag:
        outcome, wall = await _calls(system, rate, hold_s, "100")
    used, asterisk = cpu_s(system.pid) - used, cpu_s(system.pbx.pid) - asterisk
    served = await _on_record(system, begun, outcome.served + outcome.failed)
    told = {
        "daemon_cores": round(used / wall, 2),
        "lag_p99_ms": round(lag.quantile_s(0.99) * 1000, 1),
        "lag_worst_ms": round(lag.quantile_s(1.0) * 1000, 1),
    }
    return _trial(system, rate, outcome, served, told | {"asterisk_cores": round(asterisk / wall, 2)})


async def _plain(system: System, rate: float, hold_s: float) -> Trial:
    written, asterisk = plain_ivr.written(system.pbx), cpu_s(system.pbx.pid)
    outcome, wall = await _calls(system, rate, hold_s, plain_ivr.NUMBER)
    asterisk = cpu_s(system.pbx.pid) - asterisk
    served = plain_ivr.served(system.pbx, written)
    return _trial(system, rate, outcome, served, {"asterisk_cores": round(asterisk / wall, 2)})


def _trial(system: System, rate: float, outcome: Outcome, served: int, told: dict[str, float]) -> Trial:
    calls = outcome.served + outcome.failed
    lost = {"failed": outcome.failed, "retransmissions": outcome.retransmissions, "not_served": calls - served}
    trial = Trial(rate=rate, clean=not any(lost.values()), told={"calls": calls, **lost, **told})
    system.say(f"{rate:g} calls a second: {'sustained' if trial.clean else 'not sustained'}; {_words(trial)}")
    return trial


async def _calls(system: System, rate: float, hold_s: float, called: str) -> tuple[Outcome, float]:
    """The calls of a rate, and how many seconds they took all told; the next begin when nobody is left."""
    people, clock = system.people, asyncio.get_running_loop().time
    count, begun = round(rate * hold_s), clock()
    load = Load(
        callers=[people[number % len(people)].row for number in range(count)],
        steps=_steps(system),
        rate=rate,
        limit_s=hold_s + 60,
        called=called,
        patience_s=_PATIENCE_S,
    )
    async with calling(load, system.sip_port) as task:
        outcome = await task
    wall = clock() - begun
    await _nobody_left(system)
    return outcome, wall


async def _nobody_left(system: System) -> None:
    async with asyncio.timeout(_SETTLED_S):
        while not system.pbx.rx("core show channels count").lstrip().startswith("0 active channels"):  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)


async def _on_record(system: System, begun: datetime, calls: int) -> int:
    """How many calls begun since then are on record as self-served, once all are closed or it took too long."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + _SETTLED_S
    while True:
        closed, served = _closed(system, begun)
        if closed >= calls or clock() > deadline:
            return served
        await asyncio.sleep(_POLL_S)


def _closed(system: System, begun: datetime) -> tuple[int, int]:
    served = "CASE outcome WHEN 'self_served' THEN 1 END"
    sql = f"SELECT COUNT(ended_at_us), COUNT({served}) FROM call WHERE started_at_us >= ?"  # noqa: S608
    with closing(sqlite3.connect(f"{system.running.store.as_uri()}?mode=ro", uri=True)) as store:
        row = store.execute(sql, (round(begun.timestamp() * 1e6),)).fetchone()
    return int(row[0]), int(row[1])


def _steps(system: System) -> Sequence[Step]:
    return (
        Pause(longest_ms(system.people, "welcome") + 500),
        Keys(("1",)),
        Pause(300),
        Keys((*TRACKING_KEYS, "#")),
        Pause(longest_ms(system.people, "ticket_status") + 1300),
        HangUp(),
    )


def _next(best: Trial, trials: Sequence[Trial]) -> Trial:
    """The lowest rate above the best; the best where there was none."""
    return min((trial for trial in trials if trial.rate > best.rate), key=lambda trial: trial.rate, default=best)


def _words(trial: Trial) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in trial.told.items())


def _as_json(trial: Trial) -> dict[str, Any]:
    return {"rate": trial.rate, "clean": trial.clean, **trial.told}
