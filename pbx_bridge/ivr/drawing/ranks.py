"""Which nodes stand above which: every link that would close a circle is turned, then each node goes below all that
lead to it. Pure; nodes are numbers, links pairs of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Pair = tuple[int, int]


def turned(count: int, links: Sequence[Pair], start: int) -> frozenset[int]:
    """The numbers of the links that lead back to where the walk from `start` came from; without them no circle."""
    ways: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for number, (source, target) in enumerate(links):
        if source != target:
            ways[source].append((target, number))
    back: set[int] = set()
    state = [0] * count  # 0: not met, 1: on the way we came, 2: done
    for root in (start, *range(count)):
        if state[root] == 0:
            back.update(_walk(root, ways, state))
    return frozenset(back)


def _walk(root: int, ways: Sequence[Sequence[tuple[int, int]]], state: list[int]) -> Iterator[int]:
    state[root] = 1
    path = [(root, iter(ways[root]))]
    while path:
        node, ahead = path[-1]
        for target, number in ahead:
            if state[target] == 1:
                yield number
            elif state[target] == 0:
                state[target] = 1
                path.append((target, iter(ways[target])))
                break
        else:
            state[node] = 2
            path.pop()


def ranks(count: int, links: Sequence[Pair]) -> list[int]:
    """The longest way from the top to each node, in links. The links must form no circle."""
    below: list[list[int]] = [[] for _ in range(count)]
    missing = [0] * count
    for source, target in links:
        below[source].append(target)
        missing[target] += 1
    rank = [0] * count
    ready = [node for node in range(count) if not missing[node]]
    for node in ready:  # grows while it is walked
        for target in below[node]:
            rank[target] = max(rank[target], rank[node] + 1)
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    return rank
