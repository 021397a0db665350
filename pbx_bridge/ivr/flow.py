"""Flows as data: YAML, decoded into frozen typed nodes, versioned by content.

A flow is what callers meet. It names nodes; every node names where to go next. Nothing here runs anything: the
engine does, the linter and the drawings read the same types.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from pbx_bridge.errors import FlowError
from pbx_bridge.ivr.nodes import LanguageNode, Node, QueueNode
from pbx_bridge.ivr.nodes.base import Language, NodeName, PromptKey
from pbx_bridge.ivr.nodes.call import Argument, ArgumentName
from pbx_bridge.ivr.opening.holidays import HolidayBook
from pbx_bridge.ivr.reading import beside as flow_beside
from pbx_bridge.ivr.reading import calls as flow_calls
from pbx_bridge.ivr.reading import decode as flow_decode
from pbx_bridge.ivr.reading import tree as flow_file
from pbx_bridge.ivr.reading.beside import NOTHING, Beside, TakenIn
from pbx_bridge.ivr.reading.calls import Above
from pbx_bridge.ivr.reading.finding import Finding
from pbx_bridge.values.dates import TEHRAN

SHIPPED = Path(__file__).parent / "flows"

_MOST_FINDINGS = 100  # of one sort; who has more mends these first


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """A flow that can be run: every node it names exists.

    Attributes:
        version: the first 12 hex digits of the SHA-256 of the file and of what it takes from files beside it.
        languages: offered ones, the default first.
        person: the queue node for a caller whom we cannot help otherwise.
        filler: the prompt for a lookup that takes long; unavailable: said before `person` when one fails.
        longest_minutes: a caller still in the menus after this is taken to a person.
        lines: where each key stands in the file, by place, e.g. `nodes.menu.keys.2`.
        zone: the company's, whose clock `hours` nodes go by. region: whose phone numbers need no country code.
        holidays: by the names that `hours` nodes have for them.
        beside: the files that must lie beside its own: holidays, and flows that it calls.
    """

    name: str
    version: str
    languages: tuple[str, ...]
    start: str
    person: str
    filler: str
    nodes: Mapping[str, Node]
    longest_minutes: int = 15
    lines: Mapping[str, int] = {}
    zone: ZoneInfo = TEHRAN
    region: str = "IR"
    holidays: Mapping[str, HolidayBook] = {}
    beside: tuple[str, ...] = ()

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

    def reachable(self, *first: str) -> frozenset[str]:
        """The nodes that callers can come to from these; unset: from the start, or given up."""
        seen: set[str] = set()
        ahead = list(first or (self.start, self.person))
        while ahead:
            name = ahead.pop()
            if name not in seen:
                seen.add(name)
                ahead += [target for _, target in self.nodes[name].ways_out()]
        return frozenset(seen)

    def unreachable(self) -> Iterator[Finding]:
        """The nodes that no caller can come to."""
        for name in sorted(self.nodes.keys() - self.reachable(), key=lambda name: self.line(f"nodes.{name}") or 0):
            do = "lead a way out to it, or remove it"
            yield self.finding("unreachable", f"node {name} cannot be reached", f"nodes.{name}", do)

    def place_of_way(self, name: str, way: str) -> str:
        """Where a way out stands in the file, e.g. `nodes.menu.keys.2` for the way `2` of the node `menu`."""
        start, way = f"nodes.{name}", self.nodes[name].place_of(way)
        if f"{start}.{way}" in self.lines:
            return f"{start}.{way}"
        fields = {field.encode_name for field in msgspec.structs.fields(self.nodes[name])}
        if way in fields:
            return f"{start}.{way}"
        return next((f"{start}.{f}.{way}" for f in sorted(fields) if f"{start}.{f}.{way}" in self.lines), start)

    def line(self, at: str) -> int | None:
        """The line of a place in the file, e.g. `nodes.menu.too_many`, or of what it stands in."""
        return flow_file.line_of(self.lines, at)

    def finding(self, code: str, text: str, at: str, do: str = "") -> Finding:
        """An error at a place of the file."""
        return Finding(code=code, text=text, do=do, at=at, node=self._node_at(at), line=self.line(at))

    def _node_at(self, at: str) -> str:
        """The node that a place is in; those of called flows have dots in their names."""
        name = at.removeprefix("nodes.") if at.startswith("nodes.") else ""
        while name and name not in self.nodes:
            name = name.rpartition(".")[0]
        return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What became of a flow file: the flow, or else what is wrong. A node that cannot be reached is not yet wrong."""

    flow: Flow | None = None
    findings: tuple[Finding, ...] = ()


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    flow: NodeName
    languages: Annotated[tuple[Language, ...], msgspec.Meta(min_length=1)]
    start: NodeName
    person: NodeName
    filler: PromptKey
    nodes: dict[NodeName, Node]
    arguments: dict[ArgumentName, Argument] = {}
    longest_minutes: Annotated[int, msgspec.Meta(ge=1, le=120)] = 15


def load(name_or_path: str, zone: ZoneInfo = TEHRAN, region: str = "IR") -> Flow:
    """A shipped flow by name, or any by file, its hours in `zone`. Raises FlowError naming file, line and reason."""
    path = find(name_or_path)
    flow = parse(read_bytes(path), path, Beside(path.parent), zone)
    return msgspec.structs.replace(flow, region=region)


def shipped() -> tuple[str, ...]:
    """The names of the shipped flows; beside each stand its cases, `<flow>.test.yaml`."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.yaml") if "." not in path.stem))


def find(name_or_path: str) -> Path:
    """The file of a shipped flow's name, or of a path."""
    path = Path(name_or_path)
    return path if path.suffix in {".yaml", ".yml"} else SHIPPED / f"{name_or_path}.yaml"


def read_bytes(path: Path) -> bytes:
    """A flow file's content; of one that is too large only its beginning. Raises FlowError."""
    try:
        with path.open("rb") as file:
            return file.read(flow_file.MAX_BYTES + 1)
    except FileNotFoundError:
        raise FlowError(f"no such flow; shipped are: {', '.join(shipped())}", path=path) from None
    except OSError as error:
        raise FlowError(error.strerror or str(error), path=path) from error


def parse(text: bytes, path: Path, beside: Beside = NOTHING, zone: ZoneInfo = TEHRAN) -> Flow:
    """A flow from its YAML. Raises FlowError naming file, line and the first thing that is wrong."""
    reading = read(text, beside, zone, above=Above((path,)))
    flow = reading.flow
    wrong = next(flow.unreachable(), None) if flow else reading.findings[0]
    if flow is None or wrong is not None:
        raise (wrong or reading.findings[0]).error(path)
    return flow


def read(
    text: bytes,
    beside: Beside = NOTHING,
    zone: ZoneInfo = TEHRAN,
    arguments: Mapping[str, Argument] = MappingProxyType({}),
    above: Above | None = None,
) -> Reading:
    """A flow from its YAML and the files beside it, or everything that is wrong, in the order of its lines.

    Args:
        arguments: in place of the file's own. above: the flows that call this one; unset: none does.
    """
    held = flow_file.read(text)
    if held.tree is None and held.findings:
        return Reading(findings=held.findings)
    tree, strange = flow_calls.fill_in(held.tree, arguments)
    findings = [*held.findings, *strange, *islice(flow_decode.faults(tree, _File), _MOST_FINDINGS)]
    if not findings:
        file = msgspec.convert(tree, _File)
        taken = flow_beside.take_in(file.nodes, beside, zone)
        written = flow_calls.write_out(file.nodes, held.lines, beside, above or Above(), partial(_read_called, zone))
        flow = _flow(file, text, held.lines, taken, written, zone)
        findings = [*taken.findings, *written.findings] or [*islice(_names(flow), _MOST_FINDINGS)]
        if not findings:
            return Reading(flow=flow)
    return Reading(findings=tuple(sorted(_placed(findings, held.lines), key=lambda finding: finding.line or 0)))


def _read_called(
    zone: ZoneInfo, text: bytes, beside: Beside, arguments: Mapping[str, Argument], above: Above
) -> Reading:
    return read(text, beside, zone, arguments, above)


def _flow(
    file: _File, text: bytes, lines: Mapping[str, int], taken: TakenIn, written: flow_calls.Written, zone: ZoneInfo
) -> Flow:
    called = {name: flow.version.encode() for name, flow in written.called.items()}
    others = [flow.holidays for flow in written.called.values()]
    return Flow(
        name=file.flow,
        version=flow_beside.version(text, {**taken.contents, **called}),
        languages=file.languages,
        start=file.start,
        person=file.person,
        filler=file.filler,
        nodes=written.nodes,
        longest_minutes=file.longest_minutes,
        lines={**lines, **written.lines},
        zone=zone,
        holidays=dict(ChainMap(dict(taken.holidays), *(dict(each) for each in others))),
        beside=_beside(taken, written),
    )


def _beside(taken: TakenIn, written: flow_calls.Written) -> tuple[str, ...]:
    """The files that must lie beside the flow; a shipped flow's are shipped with it."""
    own = {name: flow for name, flow in written.called.items() if name.endswith(".yaml")}
    inner = (name for flow in own.values() for name in flow.beside)
    return tuple(sorted({*own, *inner, *(name for name in taken.contents if name != flow_beside.IRAN)}))


def _placed(findings: list[Finding], lines: Mapping[str, int]) -> Iterator[Finding]:
    for finding in findings:
        line = finding.line if finding.line or finding.path else flow_file.line_of(lines, finding.at)
        _, node, *_ = (*finding.at.split("."), "")
        yield replace(finding, line=line, node=finding.node or (node if finding.at.startswith("nodes.") else ""))


def _names(flow: Flow) -> Iterator[Finding]:
    """Names of nodes and languages that do not exist."""
    for what, name in (("start", flow.start), ("person", flow.person)):
        yield from _known(flow, name, what)
    if flow.person in flow.nodes and not isinstance(flow.nodes[flow.person], QueueNode):
        yield flow.finding("person-no-queue", f"{flow.person!r} is no queue", "person", "name a node of kind queue")
    for name, node in flow.nodes.items():
        for way, target in node.ways_out():
            if target not in flow.nodes:  # its place is found only then: that takes a while
                yield from _known(flow, target, flow.place_of_way(name, way))
        if isinstance(node, LanguageNode):
            yield from _offered(flow, name, node)


def _known(flow: Flow, name: str, at: str) -> Iterator[Finding]:
    if name not in flow.nodes:
        do = flow_decode.did_you_mean(name, flow.nodes)
        yield flow.finding("no-such-node", f"no node is called {name!r}", at, do)


def _offered(flow: Flow, name: str, node: LanguageNode) -> Iterator[Finding]:
    for key, language in node.keys.items():
        if language not in flow.languages:
            text, do = f"language {language!r} is not offered", "add it to languages"
            yield flow.finding("language-not-offered", text, f"nodes.{name}.keys.{key}", do)
