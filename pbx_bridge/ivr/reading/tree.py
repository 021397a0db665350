"""A flow file as plain values with the line of every key. Pure; knows no node.

Values are read as YAML 1.2 reads them: `no` and `16:30` are text, and the keys of a mapping are text as written. A
key given twice, which YAML loaders drop in silence, is a finding. Size, depth and number of values are limited, so
that no file (each alias counts as often as it is used) can take the memory or the time of whoever reads it.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from pbx_bridge.ivr.reading.finding import Finding

MAX_BYTES = 256 * 1024  # some seventy times the shipped flow
MAX_VALUES = 20_000
MAX_DEPTH = 12

_MOST_FINDINGS = 100  # who has more mends these first
_TAG = "tag:yaml.org,2002:"
_PLAIN = frozenset(f"{_TAG}{name}" for name in ("null", "bool", "int", "float", "timestamp", "merge", "value"))
_INT = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{0,18}")
_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowFile:
    """What a file holds.

    Attributes:
        tree: dicts, lists, text, numbers, true, false and None; None where the file cannot be read.
        lines: from 1, by place, e.g. `nodes.menu.keys.2`.
        findings: what is wrong with it as a file.
    """

    tree: Any = None
    lines: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def read(text: bytes) -> FlowFile:
    """A file's values, lines and faults."""
    if len(text) > MAX_BYTES:
        return _refused("too-large", f"the file has {len(text)} bytes; a flow has {MAX_BYTES} at most")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)  # not libyaml's: deep nesting kills the process there
        reader = _Reader()
        tree = None if root is None else reader.value(root, "", 0)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        return _refused("not-yaml", f"not YAML: {error.problem}", line)
    except yaml.YAMLError as error:
        return _refused("not-yaml", f"not YAML: {' '.join(str(error).split())}")
    except RecursionError:
        return _too_deep(None)
    except _TooMuchError as error:
        return FlowFile(findings=(error.finding,))
    return FlowFile(tree=tree, lines=reader.lines, findings=tuple(reader.findings))


def line_of(lines: Mapping[str, int], at: str) -> int | None:
    """The line of a place, or of what it stands in; None for the file as a whole."""
    while at and at not in lines:
        at = at.rpartition(".")[0]
    return lines.get(at)


def quoted(name: object) -> str:
    """A name from a file as a message may show it: short, and nothing in it acts on a terminal."""
    text = str(name)
    return repr(text if len(text) <= 60 else f"{text[:59]}…")


class _TooMuchError(Exception):
    def __init__(self, finding: Finding) -> None:
        self.finding = finding


class _Reader:
    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self.findings: list[Finding] = []
        self._values = 0

    def value(self, node: yaml.Node, at: str, depth: int) -> Any:
        self._count(node, depth)
        match node:
            case yaml.MappingNode():
                return self._mapping(node, at, depth)
            case yaml.SequenceNode():
                return [self._item(item, _inside(at, i), depth) for i, item in enumerate(node.value)]
            case _:
                return self._scalar(node, at)

    def _count(self, node: yaml.Node, depth: int) -> None:
        self._values += 1
        line = _line(node)
        if depth > MAX_DEPTH:
            raise _TooMuchError(_too_deep(line).findings[0])
        if self._values > MAX_VALUES:
            text = f"the file has more than {MAX_VALUES} values, aliases counted as often as they are used"
            raise _TooMuchError(Finding(code="too-large", text=text, line=line))

    def _mapping(self, node: yaml.MappingNode, at: str, depth: int) -> dict[Hashable, Any]:
        told: dict[Hashable, Any] = {}
        first: dict[str, int] = {}
        for key, value in node.value:
            name, line = self._key(key, at), _line(key)
            place = _inside(at, name)
            if name in told:
                text = f"{quoted(name)} is given twice, here and in line {first[name]}"
                self._find("given-twice", text, place, key, "remove one of them, or give it another name")
                continue
            first[name] = self.lines[place] = line
            told[name] = self.value(value, place, depth + 1)
        return told

    def _key(self, node: yaml.Node, at: str) -> str:
        if isinstance(node, yaml.ScalarNode):
            return str(node.value)
        self._find("wrong-type", "a name must stand before the colon", at, node)
        return ""

    def _item(self, node: yaml.Node, at: str, depth: int) -> Any:
        self.lines[at] = _line(node)
        return self.value(node, at, depth + 1)

    def _scalar(self, node: yaml.Node, at: str) -> Any:
        text = str(node.value)
        if node.tag == f"{_TAG}str":
            return text
        if node.tag not in _PLAIN:
            self._find("wrong-type", f"a tag such as {quoted(node.tag)} means nothing here", at, node)
            return text
        return _plain(text)

    def _find(self, code: str, text: str, at: str, node: yaml.Node, do: str = "") -> None:
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append(Finding(code=code, text=text, do=do, at=shown(at), line=_line(node)))


def shown(at: str) -> str:
    """A place as a message may show it."""
    return at if at.isprintable() and len(at) <= 120 else quoted(at)


def _plain(text: str) -> object:
    """An unquoted word: a number, true, false, nothing, or else text. What begins with 0 or + is a code: text."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _inside(at: str, name: object) -> str:
    return f"{at}.{name}" if at else str(name)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _refused(code: str, text: str, line: int | None = None) -> FlowFile:
    return FlowFile(findings=(Finding(code=code, text=text, line=line),))


def _too_deep(line: int | None) -> FlowFile:
    return _refused("too-large", f"the file is nested deeper than {MAX_DEPTH} levels", line)
