"""Flows as data: YAML, decoded into frozen typed nodes, versioned by content.

A flow is what callers meet. It names nodes; every node names where to go next. Nothing here runs anything: the
engine does, the linter and the drawings read the same types.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import yaml

from pbx_bridge.errors import FlowError
from pbx_bridge.ivr.nodes import LanguageNode, Node, QueueNode
from pbx_bridge.ivr.nodes.base import Language, NodeName, PromptKey

SHIPPED = Path(__file__).parent / "flows"


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """A flow that can be run: every node it names exists.

    Attributes:
        version: the first 12 hex digits of the file's SHA-256.
        languages: offered ones, the default first.
        person: the queue node for a caller whom we cannot help otherwise.
        filler: the prompt for a lookup that takes long; unavailable: said before `person` when one fails.
        longest_minutes: a caller still in the menus after this is taken to a person.
    """

    name: str
    version: str
    languages: tuple[str, ...]
    start: str
    person: str
    filler: str
    nodes: Mapping[str, Node]
    longest_minutes: int = 15

    @property
    def default_language(self) -> str:
        """The language of a caller who did not choose."""
        return self.languages[0]

    def prompts(self) -> frozenset[str]:
        """Every prompt the flow can say."""
        return frozenset(key for node in self.nodes.values() for key in node.prompts()) | {self.filler}

    def queues(self) -> frozenset[str]:
        """Every queue the flow can hand a caller to."""
        return frozenset(node.queue for node in self.nodes.values() if isinstance(node, QueueNode))


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    flow: NodeName
    languages: Annotated[tuple[Language, ...], msgspec.Meta(min_length=1)]
    start: NodeName
    person: NodeName
    filler: PromptKey
    nodes: dict[NodeName, dict[str, Any]]
    longest_minutes: Annotated[int, msgspec.Meta(ge=1, le=120)] = 15


def load(name_or_path: str) -> Flow:
    """A shipped flow by name, or any flow by file. Raises FlowError naming file, line and reason."""
    path = Path(name_or_path)
    if path.suffix not in {".yaml", ".yml"}:
        path = SHIPPED / f"{name_or_path}.yaml"
    try:
        return parse(path.read_bytes(), path)
    except FileNotFoundError:
        shipped = ", ".join(sorted(p.stem for p in SHIPPED.glob("*.yaml")))
        raise FlowError(f"no such flow; shipped are: {shipped}", path=path) from None
    except OSError as error:
        raise FlowError(error.strerror or str(error), path=path) from error


def parse(text: bytes, path: Path) -> Flow:
    """A flow from its YAML. Raises FlowError naming file, line and reason."""
    tree = _read(text, path)
    lines = _node_lines(text)
    try:
        file = msgspec.convert(tree, _File, strict=False)
    except msgspec.ValidationError as error:
        raise FlowError(str(error), path=path) from None
    flow = Flow(
        name=file.flow,
        version=hashlib.sha256(text).hexdigest()[:12],
        languages=file.languages,
        start=file.start,
        person=file.person,
        filler=file.filler,
        nodes={name: _node(name, body, path, lines.get(name)) for name, body in file.nodes.items()},
        longest_minutes=file.longest_minutes,
    )
    _check(flow, path, lines)
    return flow


def _read(text: bytes, path: Path) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise FlowError(f"not YAML: {error.problem}", path=path, line=line) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FlowError(f"not YAML: {error}", path=path) from None


def _node_lines(text: bytes) -> dict[str, int]:
    """The line each node begins at, for errors."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        return {}
    for key, value in root.value:
        if key.value == "nodes" and isinstance(value, yaml.MappingNode):
            return {name.value: name.start_mark.line + 1 for name, _ in value.value}
    return {}


def _node(name: str, body: dict[str, Any], path: Path, line: int | None) -> Node:
    try:
        return msgspec.convert(body, Node, strict=False)  # type: ignore[no-any-return]
    except msgspec.ValidationError as error:
        raise FlowError(f"node {name}: {error}", path=path, line=line) from None


def _check(flow: Flow, path: Path, lines: Mapping[str, int]) -> None:
    for what, name in (("start", flow.start), ("person", flow.person)):
        if name not in flow.nodes:
            raise FlowError(f"{what}: no node is called {name!r}", path=path)
    if not isinstance(flow.nodes[flow.person], QueueNode):
        raise FlowError(f"person: {flow.person!r} is no queue", path=path, line=lines.get(flow.person))
    for name, node in flow.nodes.items():
        for way, target in node.ways_out():
            if target not in flow.nodes:
                raise FlowError(f"node {name}, {way}: no node is called {target!r}", path=path, line=lines.get(name))
        _check_languages(flow, name, node, path, lines)
    for name in flow.nodes.keys() - _reachable(flow):
        raise FlowError(f"node {name} cannot be reached", path=path, line=lines.get(name))


def _check_languages(flow: Flow, name: str, node: Node, path: Path, lines: Mapping[str, int]) -> None:
    if isinstance(node, LanguageNode):
        for language in node.keys.values():
            if language not in flow.languages:
                raise FlowError(f"node {name}: language {language!r} is not offered", path=path, line=lines.get(name))


def _reachable(flow: Flow) -> set[str]:
    seen: set[str] = set()
    ahead = [flow.start, flow.person]
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead += [target for _, target in flow.nodes[name].ways_out()]
    return seen
