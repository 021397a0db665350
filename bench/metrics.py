"""A histogram of `/metrics`, and its quantile told conservatively."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from bench.figure import CannotMeasure
from bench.system import System

KEY_TO_PLAY = "pbx_bridge_key_to_play_seconds"

_BUCKET = re.compile(r'^(?P<name>\w+)_bucket\{le="(?P<bound>[^"]+)"\} (?P<count>\d+)$')


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Cumulative counts by upper bound, in seconds; the last bound is infinite."""

    bounds_s: Sequence[float]
    counts: Sequence[int]

    @property
    def count(self) -> int:
        """How many durations."""
        return self.counts[-1]

    def since(self, before: Histogram) -> Histogram:
        """What was added since."""
        counts = [now - then for now, then in zip(self.counts, before.counts, strict=True)]
        return Histogram(bounds_s=self.bounds_s, counts=counts)

    def quantile_s(self, share: float) -> float:
        """The upper bound of the bucket in which that share of all durations is reached: never too small."""
        needed = math.ceil(self.count * share)
        return next(bound for bound, count in zip(self.bounds_s, self.counts, strict=True) if count >= needed)


async def histogram(system: System, name: str) -> Histogram:
    """A histogram of the daemon as it stands. Raises CannotMeasure."""
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{system.url}/metrics") as answer:
            answer.raise_for_status()
            text = await answer.text()
    except aiohttp.ClientError as error:
        raise CannotMeasure(f"/metrics: {error}") from error
    rows = [found for line in text.splitlines() if (found := _BUCKET.match(line)) and found["name"] == name]
    if not rows:
        raise CannotMeasure(f"/metrics has no {name}")
    return Histogram(bounds_s=[float(row["bound"]) for row in rows], counts=[int(row["count"]) for row in rows])
