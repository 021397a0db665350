"""How often each edge of a flow was taken, out of the steps on the record of calls. Pure.

A step names the node it was written at. Some nodes write none when they are passed (`choose`, a language that is
known already): between two nodes that no edge joins, the caller took the shortest way through such nodes. What no
way explains, a step lost or another version of the flow, is not counted, and neither is how a caller came to a
person because something failed.
"""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pbx_bridge.calls.call import CallStep
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.nodes import LanguageNode, Node

Ends = tuple[str, str]


class Traffic:
    """Counts the calls of one flow; `calls` and `other_versions` say how many there were."""

    def __init__(self, flow: Flow) -> None:
        self._flow, self._ways = flow, _Ways(flow.nodes)
        self.calls = self.other_versions = 0
        self.edges: Counter[Ends] = Counter()
        self.visits: Counter[str] = Counter()

    def add(self, steps: Iterable[CallStep]) -> None:
        """A call's steps, in any order. A call that never came into this flow does not count."""
        runs = list(_runs(sorted(steps, key=lambda step: step.at), self._flow.name))
        self.calls += bool(runs)
        self.other_versions += any(run[0].data.get("version") != self._flow.version for run in runs)
        for run in runs:
            self._add_run(run)

    def counted(self, start: datetime | None, end: datetime) -> Counted:
        """What was counted so far, of a period."""
        return Counted(
            start=start,
            end=end,
            calls=self.calls,
            other_versions=self.other_versions,
            edges=dict(self.edges),
            visits=dict(self.visits),
        )

    def _add_run(self, run: Sequence[CallStep]) -> None:
        self.visits.update({self._flow.start: 1})
        pairs = itertools.pairwise(run)
        taken = [edge for before, step in pairs for edge in self._ways.taken(before, step)]
        self.edges.update(taken)
        self.visits.update(target for _, target in taken)


def _runs(steps: Sequence[CallStep], flow: str) -> Iterator[list[CallStep]]:
    """The steps of each time the caller came into the flow; a transfer back begins another."""
    run: list[CallStep] = []
    for step in steps:
        if step.kind == StepKind.STARTED:
            if run:
                yield run
            run = [step] if step.data.get("flow") == flow else []
        elif run:
            run.append(step)
    if run:
        yield run


class _Ways:
    """The ways of a flow, and the shortest ones through nodes that write no step."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._nodes = nodes
        self._targets = {name: list(dict.fromkeys(to for _, to in node.ways_out())) for name, node in nodes.items()}
        self._known: dict[Ends, tuple[Ends, ...]] = {}

    def taken(self, before: CallStep, step: CallStep) -> tuple[Ends, ...]:
        """The edges from one step to the next."""
        source, target = before.flow_node, step.flow_node
        if source not in self._nodes or target not in self._nodes:
            return ()
        if (pressed := self._pressed(before)) is not None:
            return ((source, pressed), *self._between(pressed, target))
        # After trouble the caller may have been put somewhere without any way of the flow's own.
        direct_only = before.kind == StepKind.TROUBLE and target not in self._targets[source]
        return () if direct_only else self._between(source, target)

    def _pressed(self, step: CallStep) -> str | None:
        """Where the key of this step leads, if it is one way out."""
        if step.kind != StepKind.KEYS or step.data.get("result") != "match":
            return None
        return dict(self._nodes[step.flow_node].ways_out()).get(str(step.data.get("keys")))

    def _between(self, source: str, target: str) -> tuple[Ends, ...]:
        if (source, target) not in self._known:
            self._known[source, target] = () if source == target else self._shortest(source, target)
        return self._known[source, target]

    def _shortest(self, source: str, target: str) -> tuple[Ends, ...]:
        came: dict[str, str] = {}
        ahead = deque([source])
        while ahead:
            name = ahead.popleft()
            if target in self._targets[name]:
                return _back(came, source, name, target)
            for other in self._targets[name]:
                if other not in came and other != source and _silent(self._nodes[other]):
                    came[other] = name
                    ahead.append(other)
        return ()


def _back(came: Mapping[str, str], source: str, last: str, target: str) -> tuple[Ends, ...]:
    path = [target, last]
    while path[-1] != source:
        path.append(came[path[-1]])
    path.reverse()
    return tuple(itertools.pairwise(path))


def _silent(node: Node) -> bool:
    """Whether a caller can pass it without a step."""
    return isinstance(node, LanguageNode) or next(node.prompts(), None) is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What was counted, for a drawing.

    Attributes:
        start: when the period begins, None: with the first call; end: when it ends. Both in the zone of the reader.
        calls: how many came into the flow; other_versions: how many of them into another version of it.
        edges: how often each (source, target) was taken; visits: how often each node was come to.
    """

    start: datetime | None
    end: datetime
    calls: int
    other_versions: int
    edges: Mapping[Ends, int]
    visits: Mapping[str, int]
