"""What a queue should reach: so many percent of its callers answered within so many seconds. Pure.

The one place that the board, the reports and the promises take it from.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from pbx_bridge.calls.tally import WAIT_STEPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Of one queue."""

    percent: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Of every queue.

    Attributes:
        percent, seconds: of those that have no other.
        percents, within_s: of those that have, by name; either may be told alone.
    """

    percent: int = 80
    seconds: int = 20
    percents: Mapping[str, int] = field(default_factory=dict)
    within_s: Mapping[str, int] = field(default_factory=dict)

    def of(self, queue: str) -> Target:
        """The target of one queue."""
        return Target(percent=self.percents.get(queue, self.percent), seconds=self.within_s.get(queue, self.seconds))

    @property
    def differ(self) -> bool:
        """Whether some queue has a target of its own."""
        return bool(self.percents or self.within_s)

    def in_time(self, queue: str, step: int) -> bool:
        """Whether all waits of a step of WAIT_STEPS, told by its least seconds, are within the queue's target."""
        place = bisect_right(WAIT_STEPS, step)
        return place < len(WAIT_STEPS) and WAIT_STEPS[place] <= self.of(queue).seconds
