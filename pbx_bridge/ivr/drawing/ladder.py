"""The rungs of a drawing: nodes on even rungs, and on each rung that a link passes a small stand-in for it, so that
nothing else is put there. The stand-in next to the link's source is as wide as its label. Pure.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pbx_bridge.ivr.drawing.ranks import Pair

_LINE = 7.0  # half the room of a line that only passes, in pixels
_SWEEPS = 24
_PATIENCE = 6  # sweeps without a gain
_SWAPPED_UP_TO = 1500  # stand-ins; above that, trying swaps takes too long


@dataclass(slots=True, kw_only=True)
class Ladder:
    """Numbers below `real` are nodes, the others stand-ins. Changes while it is ordered.

    Attributes:
        rungs: what stands on each, from left to right.
        above, below: the neighbours on the rungs next to it.
        left, right: how far each reaches from its middle, in pixels.
        chains: of each link what it passes, its ends included, from the upper to the lower.
    """

    real: int
    rungs: list[list[int]]
    above: list[list[int]] = field(default_factory=list)
    below: list[list[int]] = field(default_factory=list)
    left: list[float] = field(default_factory=list)
    right: list[float] = field(default_factory=list)
    chains: list[list[int]] = field(default_factory=list)

    def add(self, rung: int, left: float, right: float) -> int:
        """One more on a rung."""
        number = len(self.left)
        self.rungs[rung].append(number)
        self.above.append([])
        self.below.append([])
        self.left.append(left)
        self.right.append(right)
        return number

    def join(self, chain: Sequence[int]) -> None:
        """A link through all of these."""
        self.chains.append(list(chain))
        for upper, lower in itertools.pairwise(chain):
            self.below[upper].append(lower)
            self.above[lower].append(upper)


def build(
    rank: Sequence[int],
    reach: Sequence[tuple[float, float]],
    links: Sequence[Pair],
    labels: Sequence[float],
    back: frozenset[int],
) -> Ladder:
    """The ladder of these nodes.

    Args:
        reach: of each node, how far it reaches to the left and to the right of its middle.
        links: from the upper node to the lower one.
        labels: how wide each link's label is.
        back: which links are turned, so that their source is the lower one.
    """
    ladder = Ladder(real=len(rank), rungs=[[] for _ in range(2 * max(rank, default=0) + 1)])
    for node, (left, right) in enumerate(reach):
        ladder.add(2 * rank[node], left, right)
    for number, (upper, lower) in enumerate(links):
        first, last = 2 * rank[upper] + 1, 2 * rank[lower] - 1
        labelled = last if number in back else first
        passed = [
            ladder.add(rung, *([max(_LINE, labels[number] / 2)] * 2 if rung == labelled else [_LINE] * 2))
            for rung in range(first, last + 1)
        ]
        ladder.join([upper, *passed, lower])
    return ladder


def order(ladder: Ladder) -> None:
    """Put what stands on each rung in an order with few crossings: each next to the middle of its neighbours."""
    _begin(ladder)
    best, least, idle = [list(rung) for rung in ladder.rungs], crossings(ladder), 0
    for sweep in range(_SWEEPS):
        if not least or idle >= _PATIENCE:
            break
        _sweep(ladder, down=sweep % 2 == 0)
        if len(ladder.left) <= _SWAPPED_UP_TO:
            _swap(ladder)
        now = crossings(ladder)
        idle = 0 if now < least else idle + 1
        if now < least:
            best, least = [list(rung) for rung in ladder.rungs], now
    ladder.rungs[:] = best


def crossings(ladder: Ladder) -> int:
    """How often two lines cross."""
    place = _places(ladder)
    total = 0
    for rung in ladder.rungs:
        seen: list[int] = []
        for upper in rung:
            ends = sorted(place[lower] for lower in ladder.below[upper])
            total += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _begin(ladder: Ladder) -> None:
    """Everything in the order in which a walk from the top meets it: a good start, and always the same."""
    met: dict[int, None] = {}
    ahead = [node for rung in ladder.rungs for node in rung if not ladder.above[node]][::-1]
    while ahead:
        node = ahead.pop()
        if node not in met:
            met[node] = None
            ahead += ladder.below[node][::-1]
    turn = {node: number for number, node in enumerate(met)}
    for rung in ladder.rungs:
        rung.sort(key=turn.__getitem__)


def _sweep(ladder: Ladder, *, down: bool) -> None:
    place = _places(ladder)
    beside = ladder.above if down else ladder.below
    for rung in ladder.rungs if down else ladder.rungs[::-1]:
        wish = {node: _middle(place, beside[node], place[node]) for node in rung}
        rung.sort(key=lambda node: (wish[node], place[node]))
        for number, node in enumerate(rung):
            place[node] = number


def _middle(place: Sequence[int], beside: Sequence[int], own: int) -> float:
    return sum(place[node] for node in beside) / len(beside) if beside else float(own)


def _swap(ladder: Ladder) -> None:
    """Change places of two neighbours wherever that takes crossings away."""
    place = _places(ladder)
    for _ in range(4):
        gained = False
        for rung in ladder.rungs:
            for number in range(len(rung) - 1):
                one, two = rung[number], rung[number + 1]
                if _between(ladder, place, two, one) < _between(ladder, place, one, two):
                    rung[number], rung[number + 1] = two, one
                    place[one], place[two] = number + 1, number
                    gained = True
        if not gained:
            return


def _between(ladder: Ladder, place: Sequence[int], left: int, right: int) -> int:
    """How often the lines of two neighbours cross."""
    return sum(
        place[one] > place[two]
        for beside in (ladder.above, ladder.below)
        for one in beside[left]
        for two in beside[right]
    )


def _places(ladder: Ladder) -> list[int]:
    place = [0] * len(ladder.left)
    for rung in ladder.rungs:
        for number, node in enumerate(rung):
            place[node] = number
    return place


def pairs(rung: Sequence[int]) -> Iterable[tuple[int, int]]:
    """Each neighbour and the one to its right."""
    return itertools.pairwise(rung)
