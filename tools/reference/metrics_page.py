"""docs/reference/metrics.md: every metric, found where the code makes it.

gauge("name", "help", samples)   total("name", "help", value)   Tally("name", "help", labels)   Meter("name", "help")
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.reference import page

CODE = Path(__file__).parents[2] / "pbx_bridge"
_MAKERS = {"gauge": "gauge", "total": "counter", "Tally": "counter", "Meter": "histogram"}
_ABOUT = """
What `/metrics` tells Prometheus ([who may read it](../operations.md#metrics)). A histogram `NAME` is told as
`NAME_bucket`, `NAME_sum` and `NAME_count`. Alert rules: `tools/monitoring/alerts.yaml`; a Grafana board:
`tools/monitoring/grafana.json`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric."""

    name: str
    kind: str
    labels: tuple[str, ...]
    what: str


def metrics() -> list[Metric]:
    """Every metric, by name."""
    found = {one.name: one for path in sorted(CODE.rglob("*.py")) for one in _in_file(path)}
    return [found[name] for name in sorted(found)]


def _in_file(path: Path) -> Iterator[Metric]:
    source = path.read_text(encoding="utf-8")
    if not any(f"{maker}(" in source for maker in _MAKERS):
        return
    tree = ast.parse(source)
    for scope in ast.walk(tree):
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for node in ast.walk(scope):
                if isinstance(node, ast.Call) and (metric := _metric(node, scope)):
                    yield metric


def _metric(call: ast.Call, scope: ast.AST) -> Metric | None:
    kind = _MAKERS.get(call.func.id) if isinstance(call.func, ast.Name) else None
    name = _text(call.args[0], scope) if kind and call.args else None
    if kind is None or name is None:
        return None
    what = _text(call.args[1], scope)
    if what is None:
        raise ValueError(f"{name}: its help text is not written where it is made")
    return Metric(name=name, kind=kind, labels=tuple(_labels(call.args[2:], scope)), what=what)


def _text(node: ast.expr, scope: ast.AST) -> str | None:
    match _behind(node, scope):
        case ast.Constant(value=str(text)):
            return text
    return None


def _behind(node: ast.expr, scope: ast.AST) -> ast.expr:
    """What was put under a name in the same function."""
    if isinstance(node, ast.Name):
        for one in ast.walk(scope):
            if isinstance(one, ast.Assign) and any(isinstance(t, ast.Name) and t.id == node.id for t in one.targets):
                return one.value
    return node


def _labels(args: list[ast.expr], scope: ast.AST) -> Iterator[str]:
    """The words of a tuple, or the keys of the first samples' dictionary."""
    for arg in args[:1]:
        told = _behind(arg, scope)
        if isinstance(told, ast.Tuple):
            yield from (
                one.value for one in told.elts if isinstance(one, ast.Constant) and isinstance(one.value, str)
            )
            return
        for node in ast.walk(told):
            if isinstance(node, ast.Dict):
                yield from (
                    key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
                )
                return


def render() -> str:
    """The page."""
    rows = [
        (page.code(one.name), one.kind, ", ".join(map(page.code, one.labels)) or page.NONE, one.what)
        for one in metrics()
    ]
    return page.head("Metrics", _ABOUT) + "\n" + page.table(("metric", "kind", "labels", "what"), rows)
