"""What is done to the system while callers call: each fault, how long it lasts, and how often it was done."""

from __future__ import annotations

import asyncio
import enum
import itertools
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.soak.people import Agents
from bench.soak.proxy import Cable
from bench.system import System


class Fault(enum.StrEnum):
    """A fault, by what people call it."""

    KILL = "daemon killed"
    AWAY = "daemon away"
    FREEZE = "daemon frozen"
    CUT = "ARI cut"
    LOCK = "store locked"
    PBX = "Asterisk killed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How hard a run is.

    Attributes:
        pause_s: between two faults, from and to.
        lengths: seconds that a fault lasts, for those that last.
        first: the faults that come before any other.
        kills: so often the daemon is killed before each of the others.
        others: the faults other than KILL, in turn; for ever, or `once`.
    """

    pause_s: tuple[float, float]
    lengths: Mapping[Fault, float]
    others: Sequence[Fault]
    once: bool
    first: Sequence[Fault] = ()
    kills: int = 4


SHORT = Plan(
    pause_s=(2.0, 4.0),
    lengths={Fault.CUT: 3.0, Fault.LOCK: 3.0, Fault.FREEZE: 3.0, Fault.AWAY: 4.0},
    others=(Fault.PBX, Fault.CUT),
    once=True,
)
LONG = Plan(
    pause_s=(2.0, 7.0),
    lengths={Fault.CUT: 30.0, Fault.LOCK: 60.0, Fault.FREEZE: 12.0, Fault.AWAY: 60.0},
    others=(Fault.CUT, Fault.PBX, Fault.LOCK, Fault.FREEZE, Fault.AWAY),
    once=False,
)


@dataclass(slots=True, kw_only=True)
class Faults:
    """Does them, one after the other.

    `back_s` are the seconds from each kill until the daemon was ready again; `turns` are the moments at which any
    fault began, and at which the daemon was ready after it, epoch seconds.
    """

    system: System
    cable: Cable
    agents: Agents
    plan: Plan
    done: Counter[Fault] = field(default_factory=Counter)
    back_s: list[float] = field(default_factory=list)
    turns: list[float] = field(default_factory=list)

    async def run(self) -> None:
        """Until cancelled between two faults; each is done to its end."""
        for fault in in_order(self.plan):
            await asyncio.sleep(random.uniform(*self.plan.pause_s))
            self.turns.append(time.time())
            task = asyncio.ensure_future(self._do(fault))
            try:
                await asyncio.shield(task)
                self.turns.append(time.time())
            except asyncio.CancelledError:
                await task
                raise

    async def _do(self, fault: Fault) -> None:
        self.system.say(f"fault: {fault.value}")
        length_s = self.plan.lengths.get(fault, 0.0)
        match fault:
            case Fault.KILL | Fault.AWAY:
                await self._kill(length_s)
            case Fault.FREEZE:
                await self._freeze(length_s)
            case Fault.CUT:
                await self._cut(length_s)
            case Fault.LOCK:
                await self._lock(length_s)
            case Fault.PBX:
                await self._restart_asterisk()
        self.done[fault] += 1

    async def _kill(self, away_s: float) -> None:
        running = self.system.running
        running.kill_daemon()
        await asyncio.sleep(away_s)
        begun = time.monotonic()
        await running.start_daemon()
        self.back_s.append(time.monotonic() - begun)

    async def _freeze(self, length_s: float) -> None:
        self.system.running.signal(signal.SIGSTOP)
        await asyncio.sleep(length_s)
        self.system.running.signal(signal.SIGCONT)
        await self.system.running.ready()

    async def _cut(self, length_s: float) -> None:
        self.cable.cut()
        await asyncio.sleep(length_s)
        self.cable.mend()
        await self.system.running.ready()

    async def _lock(self, length_s: float) -> None:
        other = sqlite3.connect(self.system.running.store, isolation_level=None, timeout=30)
        try:
            other.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(length_s)
        finally:
            other.close()
        await self.system.running.ready()

    async def _restart_asterisk(self) -> None:
        pbx = self.system.pbx
        pbx.kill()
        pbx.start()  # not in a thread: Asterisk ends with the thread that started it
        await self.agents.register()
        await self.system.running.ready()


def in_order(plan: Plan) -> Iterator[Fault]:
    """The faults of a plan, one after the other, for ever."""
    others = iter(plan.others) if plan.once else itertools.cycle(plan.others)
    yield from plan.first
    while True:
        yield from (Fault.KILL,) * plan.kills
        yield next(others, Fault.KILL)
