"""A flow as what a drawing needs of it: a box a node, and one edge for all the ways from a node to another. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.nodes import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A node. `prompt`: the key of what it says first, None if it says nothing."""

    name: str
    kind: str
    prompt: str | None = None
    is_start: bool = False
    is_person: bool = False
    is_end: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """All the ways out of one node that lead to the same other node."""

    source: str
    target: str
    ways: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A flow's boxes in the order of its file, and its edges."""

    name: str
    version: str
    start: str
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]


def graph_of(flow: Flow) -> Graph:
    """What is to be drawn of a flow."""
    return Graph(
        name=flow.name,
        version=flow.version,
        start=flow.start,
        boxes=tuple(_box(flow, name, node) for name, node in flow.nodes.items()),
        edges=tuple(edge for name, node in flow.nodes.items() for edge in _edges(name, node)),
    )


def _box(flow: Flow, name: str, node: Node) -> Box:
    return Box(
        name=name,
        kind=kind_of(node),
        prompt=next(node.prompts(), None),
        is_start=name == flow.start,
        is_person=name == flow.person,
        is_end=next(node.ways_out(), None) is None,
    )


def kind_of(node: Node) -> str:
    """What the file calls its kind."""
    return str(node.__struct_config__.tag)


def _edges(name: str, node: Node) -> Iterator[Edge]:
    ways: dict[str, list[str]] = {}
    for way, target in node.ways_out():
        ways.setdefault(target, []).append(way)
    for target, names in ways.items():
        yield Edge(source=name, target=target, ways=tuple(names))
