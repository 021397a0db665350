"""What the daemon holds while it works: memory, descriptors, tasks; and whether any of it piles up."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bench.figure import CannotMeasure
from bench.system import Say, System
from pbx_bridge.tasks import beside

MOST_RISE_MB = 6.0
"""How much the line through the memory of one life may rise, whatever its length: more would be a leak."""

MOST_LEFT_FILES = 6  # a pool's connections to the store, opened when they were first needed, stay open
MOST_LEFT_TASKS = 0
_EVERY_S = 5.0
_TOLD_EVERY = 12
_WARM = 0.25  # of a life, in which pools fill and caches grow
_JUDGED_S = 600.0  # memory of less than this is not judged: caches of thousands of numbers are still filling
_LEAST_SAMPLES = 8
_SETTLES_S = 20.0  # kept connections end, records are written
_METRIC = re.compile(r"^(process_resident_memory_bytes|process_open_fds|pbx_bridge_tasks) (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the daemon of that process id told of itself at a moment, seconds on the monotonic clock."""

    at: float
    pid: int
    memory_mb: float
    files: int
    tasks: int


@dataclass(slots=True, kw_only=True)
class Ledger:
    """The samples; `end`: in the quiet after the last call; `fresh`: of a daemon that has only just been started."""

    samples: list[Sample] = field(default_factory=list)
    end: Sample | None = None
    fresh: Sample | None = None

    @asynccontextmanager
    async def kept(self, made: System, say: Say) -> AsyncIterator[None]:
        """Takes samples until the end of the context."""
        async with beside(self._keep(made, say), name="soak-ledger"):
            yield

    async def _keep(self, made: System, say: Say) -> None:
        while True:
            with suppress(aiohttp.ClientError, OSError, TimeoutError, CannotMeasure):  # it is away just now
                self.samples.append(await sample(made))
                if len(self.samples) % _TOLD_EVERY == 0:
                    say(_words(self.samples[-1]))
            await asyncio.sleep(_EVERY_S)

    def life(self) -> Sequence[Sample]:
        """The samples of the longest life of a daemon, warm."""
        lives = [[one for one in self.samples if one.pid == pid] for pid in {one.pid for one in self.samples}]
        longest = max(lives, key=len, default=[])
        return longest[round(len(longest) * _WARM) :]

    def span_s(self) -> float:
        """How long that life was watched once it was warm, seconds."""
        life = self.life()
        return life[-1].at - life[0].at if life else 0.0

    def rise_mb(self) -> float:
        """By how much the straight line through that life's memory rises from its beginning to its end."""
        return slope([(one.at, one.memory_mb) for one in self.life()]) * self.span_s()

    def problems(self) -> list[str]:
        """One line for everything that piles up; empty when all is well."""
        if self.end is None or self.fresh is None or len(self.life()) < _LEAST_SAMPLES:
            return [f"too few samples to judge by: {len(self.life())}"]
        rise, files, tasks = self.rise_mb(), self.end.files - self.fresh.files, self.end.tasks - self.fresh.tasks
        return [
            *([f"memory rose by {rise:.1f} MB"] if rise > MOST_RISE_MB and self.span_s() >= _JUDGED_S else []),
            *([f"{files} descriptors left open"] if files > MOST_LEFT_FILES else []),
            *([f"{tasks} tasks left over"] if tasks > MOST_LEFT_TASKS else []),
        ]

    def counts(self) -> dict[str, Any]:
        """The figures, for people and machines."""
        life = self.life()
        span_s = self.span_s()
        return {
            "life_watched_min": round(span_s / 60, 1),
            "memory_judged": span_s >= _JUDGED_S,
            "memory_mb": [round(one.memory_mb, 1) for one in (*life[:1], *life[-1:])],
            "memory_rise_mb": round(self.rise_mb(), 2),
            "memory_slope_mb_per_h": round(self.rise_mb() / span_s * 3600, 2) if span_s else 0.0,
            "at_the_end": _words(self.end) if self.end else "",
            "fresh": _words(self.fresh) if self.fresh else "",
        }


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the straight line nearest to these points (least squares), y by x."""
    count = max(1, len(points))
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


async def sample(made: System) -> Sample:
    """Now. Raises CannotMeasure, aiohttp.ClientError, TimeoutError."""
    pid = made.pid
    async with asyncio.timeout(2.0), aiohttp.ClientSession() as web, web.get(f"{made.url}/metrics") as answer:
        told = {name: float(value) for name, value in _METRIC.findall(await answer.text())}
    try:
        return Sample(
            at=time.monotonic(),
            pid=pid,
            memory_mb=told["process_resident_memory_bytes"] / 1e6,
            files=round(told["process_open_fds"]),
            tasks=round(told["pbx_bridge_tasks"]),
        )
    except KeyError as missing:
        raise CannotMeasure(f"/metrics has no {missing}") from None


async def idle(made: System) -> Sample:
    """When it has settled, with nobody on the phone."""
    await asyncio.sleep(_SETTLES_S)
    return await sample(made)


def _words(one: Sample) -> str:
    return f"{one.memory_mb:.1f} MB, {one.files} descriptors, {one.tasks} tasks"
