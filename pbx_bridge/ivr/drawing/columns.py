"""Where on its rung each stands, in pixels: Brandes and Köpf, "Fast and Simple Horizontal Coordinate Assignment".

Long links become straight: what they pass is aligned in blocks that share one place. That is done four times, with
the ladder turned over and mirrored; the middle of the four answers is taken. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pbx_bridge.ivr.drawing.ladder import Ladder, pairs

_GAP = 20.0  # between two nodes, in pixels
_LINE_GAP = 10.0  # beside a label or a line
_PASSES, _SAME, _FAR = 3, 0.01, 1e9


def columns(ladder: Ladder) -> list[float]:
    """The middle of each; the leftmost edge is at 0. Nothing overlaps."""
    crossed = _crossed(ladder)
    answers: list[list[float]] = []
    for down in (True, False):
        for rightwards in (True, False):
            rungs = [rung if rightwards else rung[::-1] for rung in (ladder.rungs if down else ladder.rungs[::-1])]
            root = _align(ladder, rungs, ladder.above if down else ladder.below, crossed)
            x = _compact(ladder, rungs, root, rightwards=rightwards)
            answers.append(x if rightwards else [-one for one in x])
    x = _middle(ladder, answers)
    for _ in range(_PASSES):
        _settle(ladder, x)
    edge = min(one - left for one, left in zip(x, ladder.left, strict=True))
    return [one - edge for one in x]


def _settle(ladder: Ladder, x: list[float]) -> None:
    """Bring each straight piece of a link that lies out to the side back between its ends, where there is room."""
    beside: list[tuple[int | None, int | None]] = [(None, None)] * len(x)
    for rung in ladder.rungs:
        for node, left, right in zip(rung, [None, *rung], [*rung[1:], None], strict=False):
            beside[node] = (left, right)
    for chain in ladder.chains:
        for first, last in _straight(chain, x):
            piece, ends = chain[first:last], (x[chain[first - 1]], x[chain[last]])
            low = max((x[a] + _apart(ladder, a, n) for n in piece if (a := beside[n][0]) is not None), default=-_FAR)
            high = min((x[b] - _apart(ladder, n, b) for n in piece if (b := beside[n][1]) is not None), default=_FAR)
            if low <= high:
                wish = min(max(x[piece[0]], min(ends)), max(ends))
                for node in piece:
                    x[node] = min(max(wish, low), high)


def _straight(chain: Sequence[int], x: Sequence[float]) -> Iterator[tuple[int, int]]:
    """The pieces of a link between its ends that stand in one line: the first place, and the one after the last."""
    first = 1
    for place in range(2, len(chain)):
        if place == len(chain) - 1 or abs(x[chain[place]] - x[chain[first]]) > _SAME:
            yield first, place
            first = place


def _crossed(ladder: Ladder) -> frozenset[tuple[int, int]]:
    """The lines at a node's own ends that cross a long link's: the long link goes straight, they do not."""
    found: set[tuple[int, int]] = set()  # in both directions
    place = {node: number for rung in ladder.rungs for number, node in enumerate(rung)}
    for rung in ladder.rungs:
        lines = [(place[one], place[two], one, two) for one in rung for two in ladder.below[one]]
        long = [line for line in lines if line[2] >= ladder.real and line[3] >= ladder.real]
        for a, b, one, two in lines:
            at_node = one < ladder.real or two < ladder.real
            if at_node and any((a - c) * (b - d) < 0 for c, d, _, _ in long):
                found.update(((one, two), (two, one)))
    return frozenset(found)


def _align(
    ladder: Ladder,
    rungs: Sequence[Sequence[int]],
    beside: Sequence[Sequence[int]],
    crossed: frozenset[tuple[int, int]],
) -> list[int]:
    """The first of the block that each belongs to: blocks follow the middle neighbour and never cross."""
    place = {node: number for rung in rungs for number, node in enumerate(rung)}
    root = list(range(len(ladder.left)))
    for rung in rungs:
        last = -1
        for node in rung:
            near = sorted(beside[node], key=place.__getitem__)
            for other in near[(len(near) - 1) // 2 : len(near) // 2 + 1]:
                if root[node] == node and place[other] > last and (node, other) not in crossed:
                    root[node], last = root[other], place[other]
    return root


def _compact(ladder: Ladder, rungs: Sequence[Sequence[int]], root: Sequence[int], *, rightwards: bool) -> list[float]:
    """Every block as far to the left as its neighbours allow, then back towards those at its right."""
    after: dict[int, dict[int, float]] = {one: {} for one in root}
    before: dict[int, int] = dict.fromkeys(root, 0)
    for rung in rungs:
        for one, two in pairs(rung):
            ways = after[root[one]]
            before[root[two]] += root[two] not in ways
            apart = _apart(ladder, one, two) if rightwards else _apart(ladder, two, one)
            ways[root[two]] = max(ways.get(root[two], 0.0), apart)
    ready = [block for block, count in before.items() if not count]
    x = dict.fromkeys(ready, 0.0)
    for block in ready:  # grows while it is walked
        for other, apart in after[block].items():
            x[other] = max(x.get(other, 0.0), x[block] + apart)
            before[other] -= 1
            if not before[other]:
                ready.append(other)
    for block in reversed(ready):
        if after[block]:
            x[block] = max(x[block], min(x[other] - apart for other, apart in after[block].items()))
    return [x[one] for one in root]


def _apart(ladder: Ladder, one: int, two: int) -> float:
    gap = _GAP if one < ladder.real and two < ladder.real else _LINE_GAP
    return ladder.right[one] + gap + ladder.left[two]


def _middle(ladder: Ladder, answers: Sequence[Sequence[float]]) -> list[float]:
    bounds = [
        (
            min(one - left for one, left in zip(x, ladder.left, strict=True)),
            max(one + right for one, right in zip(x, ladder.right, strict=True)),
        )
        for x in answers
    ]
    low, high = min(bounds, key=lambda bound: bound[1] - bound[0])
    # Those that lean to the left keep the narrowest one's left edge, the others its right edge.
    moved = [
        [one + (low - bound[0] if number % 2 == 0 else high - bound[1]) for one in x]
        for number, (x, bound) in enumerate(zip(answers, bounds, strict=True))
    ]
    return [sum(sorted(four)[1:3]) / 2 for four in zip(*moved, strict=True)]
