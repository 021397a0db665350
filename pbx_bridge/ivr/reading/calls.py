"""Writes out the calls of a flow: the called flow's nodes take the place of the `call` node.

The first node of the called flow stands under the call's own name, so that the ways to it hold; the others are named
`call/node`, which no file can name by itself. Its `return` nodes become the ways out of the call. A flow that comes
to itself again, or calls too deeply, is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pbx_bridge.errors import FlowError
from pbx_bridge.ivr.nodes import CallNode, Node, ReturnNode
from pbx_bridge.ivr.nodes.call import NEXT, Argument
from pbx_bridge.ivr.reading.beside import Beside
from pbx_bridge.ivr.reading.finding import Finding

if TYPE_CHECKING:
    from pbx_bridge.ivr.flow import Flow, Reading

MOST_NODES = 2_000
MOST_CALLS = 100  # in all, so that no few files can keep whoever reads them busy
DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Above:
    """Where a flow is read: the files of those that came to it, the outermost first, and all read so far."""

    paths: tuple[Path, ...] = ()
    read: list[Path] = field(default_factory=list)

    def below(self, path: Path) -> Above:
        """The same one call further down."""
        self.read.append(path)
        return Above((*self.paths, path), self.read)


Reader = Callable[[bytes, Beside, Mapping[str, Argument], Above], "Reading"]


@dataclass(slots=True)
class Written:
    """The nodes with all calls written out.

    Attributes:
        called: the flows called, by the names the calls have for them.
        lines: of the nodes that came in, those of their calls, by place.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    called: dict[str, Flow] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def write_out(
    nodes: Mapping[str, Node], lines: Mapping[str, int], beside: Beside, above: Above, read: Reader
) -> Written:
    """Put the flows that calls name in their place; `read` reads one of them."""
    written = Written()
    for name, node in nodes.items():
        if not isinstance(node, CallNode):
            written.nodes[name] = node
            continue
        try:
            flow = _called(node, beside, above, read)
        except _RefusedError as refused:
            written.findings += [refused.finding or Finding(code="call", text=str(refused), at=f"nodes.{name}.flow")]
            written.nodes[name] = node
            continue
        written.called[node.flow] = flow
        written.findings += _ways_missing(name, node, flow)
        moved = dict(_moved(name, node, flow))
        written.nodes.update(moved)
        written.lines.update((f"nodes.{each}", lines[f"nodes.{name}"]) for each in moved if f"nodes.{name}" in lines)
        if len(written.nodes) > MOST_NODES:
            text = f"with the flows it calls it has more than {MOST_NODES} nodes"
            return Written(findings=[Finding(code="call", text=text, at=f"nodes.{name}")])
    return written


def fill_in(tree: Any, arguments: Mapping[str, Argument]) -> tuple[Any, list[Finding]]:
    """A file's values with the `arguments` given, or its own defaults, in the place of every `$name` of its nodes."""
    defaults = tree.get("arguments") if isinstance(tree, dict) else None
    known = dict(defaults) if isinstance(defaults, dict) else {}
    findings = [
        Finding(code="call", text=f"it has no argument {name!r}", at="arguments") for name in arguments.keys() - known
    ]
    if not isinstance(tree, dict) or not known:
        return tree, findings
    known.update(arguments)
    return {**tree, "nodes": _filled(tree.get("nodes"), known)}, findings


class _RefusedError(Exception):
    def __init__(self, reason: str, finding: Finding | None = None) -> None:
        super().__init__(reason)
        self.finding = finding


def _called(node: CallNode, beside: Beside, above: Above, read: Reader) -> Flow:
    """The flow that a call names."""
    try:
        path, text = beside.flow(node.flow)
    except FlowError as error:
        raise _RefusedError(f"{node.flow}: {error.reason}") from None
    if path in above.paths:
        names = " > ".join(each.stem for each in (*above.paths[above.paths.index(path) :], path))
        raise _RefusedError(f"a flow may not come to itself again: {names}")
    if len(above.paths) >= DEEPEST:
        raise _RefusedError(f"flows call each other more than {DEEPEST} deep")
    if len(above.read) >= MOST_CALLS:
        raise _RefusedError(f"there are more than {MOST_CALLS} calls, those of the flows called counted too")
    reading = read(text, Beside(path.parent), node.arguments, above.below(path))
    if reading.flow is None:
        first = reading.findings[0]
        raise _RefusedError("", Finding(code="call", text=first.sentence, line=first.line, path=first.path or path))
    if isinstance(reading.flow.nodes[reading.flow.start], ReturnNode):
        raise _RefusedError(f"{node.flow} begins with its return: there is nothing to go through")
    return reading.flow


def _returns(flow: Flow) -> dict[str, str]:
    """The `return` nodes that callers come to from the start, and their ways."""
    nodes = {name: flow.nodes[name] for name in flow.reachable(flow.start)}
    return {name: node.way for name, node in nodes.items() if isinstance(node, ReturnNode)}


def _ways(call: CallNode) -> dict[str, str]:
    return call.ways if call.next is None else {NEXT: call.next, **call.ways}


def _ways_missing(name: str, call: CallNode, flow: Flow) -> Iterator[Finding]:
    used, told = set(_returns(flow).values()), _ways(call)
    for way in sorted(used - told.keys()):
        text = f"{call.flow} can return by {way!r}, and this call has no such way out"
        do = "add next" if way == NEXT else "add it to ways"
        yield Finding(code="call", text=text, at=f"nodes.{name}", do=do)
    for way in sorted(told.keys() - used):
        at = f"nodes.{name}.{way}" if way == NEXT else f"nodes.{name}.ways.{way}"
        yield Finding(code="call", text=f"{call.flow} never returns by {way!r}", at=at, do="remove it")


def _moved(name: str, call: CallNode, flow: Flow) -> Iterator[tuple[str, Node]]:
    """The called flow's nodes under their names in the caller's."""
    ways, returns = _ways(call), _returns(flow)

    def named(inner: str) -> str:
        if inner in returns:
            return ways.get(returns[inner], name)
        return name if inner == flow.start else f"{name}/{inner}"

    met = flow.reachable(flow.start) - returns.keys()
    yield from ((named(inner), node.leading(named)) for inner, node in flow.nodes.items() if inner in met)


def _filled(value: Any, known: Mapping[str, Argument]) -> Any:
    match value:
        case dict():
            return {key: _filled(inner, known) for key, inner in value.items()}
        case list():
            return [_filled(inner, known) for inner in value]
        case str() if value.startswith("$") and value[1:] in known:
            return known[value[1:]]
        case _:
            return value
