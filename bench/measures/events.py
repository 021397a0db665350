"""Events lost while many new calls come each second: a call whose record does not tell its beginning and its end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from bench.callers import Load, call
from bench.figure import Figure
from bench.records import Record, records_of
from bench.scenario import HangUp, Pause
from bench.system import System

NAMES = ("events_lost_at_100_calls_s",)

_RATE = 100.0
_SECONDS, _QUICK_SECONDS = 10, 3
_STORED_S = 30.0


async def measure(system: System, quick: bool) -> Sequence[Figure]:
    """Each caller has a number of their own and hangs up a second after the answer, in the first prompt."""
    count = int(_RATE) * (_QUICK_SECONDS if quick else _SECONDS)
    system.say(f"{count} short calls, {_RATE:g} new ones a second")
    callers = [f"021{number:08d}" for number in range(10_000_000, 10_000_000 + count)]
    load = Load(callers=[(number,) for number in callers], steps=(Pause(1000), HangUp()), rate=_RATE, limit_s=60)
    started = datetime.now(UTC)
    outcome = await call(load, system.sip_port)
    found = await records_of(system, started, set(callers), _STORED_S)
    lost = sum(_missing(record) for record in found)
    note = f"{count} calls, each recorded once; {outcome.retransmissions} SIP retransmissions"
    return (Figure(name=NAMES[0], value=lost, unit="events", goal=0, note=note),)


def _missing(record: Record) -> int:
    kinds = [step["kind"] for step in record["steps"]]
    return sum(kinds.count(kind) != 1 for kind in ("started", "ended"))
