"""What it takes to leave a node by each of its ways, and the loops that callers can get into. Pure.

A node's ways out are told apart by what the caller must do: nothing (a say's `next`, a menu's silence), wait for a
person who does not come, key what does not fit, or key what does. Loops that need a key that fits are the caller's
own will and end with the flow's `longest_minutes`; all others are findings.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.nodes import (
    CallerNode,
    ChooseNode,
    ComplaintNode,
    ContractNode,
    HandingOver,
    Node,
    TicketNode,
)
from pbx_bridge.ivr.nodes.base import Listening
from pbx_bridge.ivr.reading.finding import Finding, Severity

_MOST_LOOPS = 20  # of each sort; who has more mends these first
_LONGEST_SHOWN = 10

Graph = Mapping[str, Collection[str]]


class Needs(enum.Enum):
    """What a caller must do to be taken a way out."""

    NOTHING = "nothing"
    WAIT = "wait"  # for a person, until nobody answered in time
    WRONG_KEYS = "wrong keys"
    KEYS = "keys"


def ways(node: Node) -> Iterator[tuple[str, str, Needs]]:
    """Every (way out, target, what it needs)."""
    for way, target in node.ways_out():
        yield way, target, _needs(node, way)


def is_listening(node: Node) -> bool:
    """Whether the caller is asked for keys there."""
    return isinstance(node, Listening)


def hands_over(node: Node) -> bool:
    """Whether it takes the caller to a person, or to where a person will hear of them."""
    return isinstance(node, HandingOver) or kind_of(node) in _TO_PERSONS


def kind_of(node: Node) -> str:
    """The kind as the file names it."""
    return str(node.__struct_config__.tag)


def graph(flow: Flow, allowed: Collection[Needs]) -> dict[str, set[str]]:
    """Who leads to whom by ways that need no more than these, among the nodes that callers can come to."""
    return {
        name: {target for _, target, needs in ways(flow.nodes[name]) if needs in allowed} for name in flow.reachable()
    }


def leading_to(flow: Flow, ends: Collection[str]) -> frozenset[str]:
    """The nodes from which one of these can be reached, themselves included."""
    before: dict[str, set[str]] = {}
    for name, node in flow.nodes.items():
        for _, target in node.ways_out():
            before.setdefault(target, set()).add(name)
    seen: set[str] = set()
    ahead = list(ends)
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead += before.get(name, ())
    return frozenset(seen)


def loops(flow: Flow) -> Iterator[Finding]:
    """Every loop that a caller can go round for ever without a key that fits."""
    seen: set[tuple[str, str]] = set()
    for allowed, describe in (
        ({Needs.NOTHING}, _silent_loop),
        ({Needs.NOTHING, Needs.WRONG_KEYS}, _loop_of_tries),
        ({Needs.NOTHING, Needs.WAIT}, _loop_of_waiting),
    ):
        edges = graph(flow, allowed)
        for name, target in seen:
            edges[name].discard(target)
        for loop in _cycles(edges):
            seen |= set(pairwise(loop))
            if not _ends_by_itself(flow, loop):
                yield describe(flow, loop, _shown(flow, loop, allowed))


def _needs(node: Node, way: str) -> Needs:
    if len(way) == 1 and way in "0123456789*#":
        return Needs.KEYS
    if is_listening(node):
        if way == "too_many":
            return Needs.WRONG_KEYS if getattr(node, "silence", None) else Needs.NOTHING
        return Needs.NOTHING if way in _SILENT else Needs.KEYS
    if (kind_of(node), way) in _BY_KEY:
        return Needs.KEYS
    return Needs.WAIT if hands_over(node) and way in {"timeout", "no_answer"} else Needs.NOTHING


# Of those that listen: what a caller comes by who keys nothing, or whose number is hidden.
_SILENT = frozenset({"silence", "next", "unknown_customer", "refused", "other"})
# A message that the caller ended with a key, else they hung up; a talk with a person, which nobody has for ever.
_BY_KEY = {("voicemail", "next"), ("record", "next"), ("queue", "after"), ("dial", "after"), ("queue", "key_pressed")}
_TO_PERSONS = frozenset({"callback"})


def _cycles(edges: dict[str, set[str]]) -> Iterator[tuple[str, ...]]:
    """Loops as (a, b, a), no two with a step in common. Takes their steps out of the graph."""
    for _ in range(_MOST_LOOPS):
        try:
            TopologicalSorter(edges).prepare()
        except CycleError as error:
            loop = tuple(reversed(error.args[1]))  # it lists whom each waits for
            for name, target in pairwise(loop):
                edges[name].discard(target)
            yield _turned(loop)
        else:
            return


def _turned(loop: tuple[str, ...]) -> tuple[str, ...]:
    """The same loop from its first name, so that the same flow always has the same words."""
    start = loop.index(min(loop[:-1]))
    return (*loop[start:-1], *loop[:start], loop[start])


def _ends_by_itself(flow: Flow, loop: tuple[str, ...]) -> bool:
    """A step that needs something unknown, and one that makes it known, are not both taken twice."""
    steps = [(flow.nodes[name], target) for name, target in pairwise(loop)]
    learns = any(isinstance(node, CallerNode) and node.found == target != node.unknown for node, target in steps)
    return learns and any(
        (isinstance(node, ChooseNode) and node.given == "customer" and node.missing == target != node.known)
        or (isinstance(node, ContractNode | TicketNode | ComplaintNode) and node.unknown == target)
        for node, target in steps
    )


def _silent_loop(flow: Flow, loop: tuple[str, ...], shown: str) -> Finding:
    if all(_is_passed_at_once(flow.nodes[name]) for name in loop):
        text = f"nothing in this loop waits for the caller: {shown}"
        return flow.finding("loop-never-waits", text, f"nodes.{loop[0]}", "lead one of its ways out elsewhere")
    text = f"a caller who keys nothing goes round for ever: {shown}"
    return flow.finding("loop-without-key", text, f"nodes.{loop[0]}", "lead one of these ways to a person or the end")


def _loop_of_tries(flow: Flow, loop: tuple[str, ...], shown: str) -> Finding:
    text = f"a caller who keys wrong goes round for ever, the tries begin anew each time: {shown}"
    return flow.finding("loop-of-tries", text, f"nodes.{loop[0]}", "lead too_many to a person")


def _loop_of_waiting(flow: Flow, loop: tuple[str, ...], shown: str) -> Finding:
    text, do = f"a caller waits for a person for ever: {shown}", "offer another way after the first wait"
    return replace(flow.finding("loop-of-waiting", text, f"nodes.{loop[0]}", do), severity=Severity.WARNING)


def _is_passed_at_once(node: Node) -> bool:
    return not (any(node.prompts()) or node.looks_up or is_listening(node) or hands_over(node))


def _shown(flow: Flow, loop: tuple[str, ...], allowed: Collection[Needs]) -> str:
    """`hello (next) → menu (too_many) → hello`, its middle left out where it is long."""
    steps = [f"{name} ({_way(flow.nodes[name], target, allowed)})" for name, target in pairwise(loop)]
    shown = steps if len(steps) <= _LONGEST_SHOWN else [*steps[:4], f"… {len(steps) - 8} more …", *steps[-4:]]
    return " → ".join((*shown, loop[-1]))


def _way(node: Node, target: str, allowed: Collection[Needs]) -> str:
    return next(way for way, to, needs in ways(node) if to == target and needs in allowed)
