"""Conditions of `choose` nodes that look at what does not exist, or whose outcome is settled beforehand. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date, time
from functools import cache
from typing import Any, get_args, get_type_hints

import msgspec

from pbx_bridge.ivr import condition
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.known import Kept
from pbx_bridge.ivr.lint.values import kept_names
from pbx_bridge.ivr.nodes import ChooseNode
from pbx_bridge.ivr.nodes.choose import OF_THE_RUN, OTHERWISE, When
from pbx_bridge.ivr.reading.decode import did_you_mean
from pbx_bridge.ivr.reading.finding import Finding, Severity
from pbx_bridge.ivr.run import Run

_SAMPLES: Mapping[type, Any] = {
    bool: True,
    int: 0,
    str: "",
    date: date(2026, 3, 21),
    time: time(),
}


def conditions(flow: Flow) -> Iterator[Finding]:
    """What is wrong with the conditions of a flow."""
    kept = kept_names(flow)
    for name, node in flow.nodes.items():
        if isinstance(node, ChooseNode) and node.when:
            yield from _of_node(flow, name, node, kept)


def _of_node(flow: Flow, name: str, node: ChooseNode, kept: Collection[str]) -> Iterator[Finding]:
    always: When | None = None
    for number, when in enumerate(node.when):
        at = f"nodes.{name}.when.{number}.if"
        if always is not None or when.condition in [before.condition for before in node.when[:number]]:
            because = "always true" if always else "the same"
            text = f"no caller comes to this condition: one before it is {because}"
            yield _warning(flow.finding("condition-never", text, at, "remove it"))
            continue
        yield from _of_condition(flow, when, at, kept)
        always = when if condition.settled(when.condition) is True else None
    if always is not None:
        text = f"no caller is taken this way: {always.text!r} is always true"
        yield _warning(flow.finding("condition-never", text, f"nodes.{name}.{node.place_of(OTHERWISE)}"))


def _of_condition(flow: Flow, when: When, at: str, kept: Collection[str]) -> Iterator[Finding]:
    told = {**dict.fromkeys(kept), **_facts()}
    for name in condition.names(when.condition):
        if name not in told:
            yield flow.finding("unknown-value", f"there is no value {name!r}", at, did_you_mean(name, told))
    if condition.settled(when.condition) is False:
        yield _warning(flow.finding("condition-never", "this condition is never true", at, "remove it"))
    for held, sign, constant in condition.pairs(when.condition):
        sample = told.get(held.name)
        if sample is not None and not condition.could_hold(sample, sign, constant):
            what = "text has no order" if isinstance(sample, str) and isinstance(constant, str) else _expected(sample)
            yield _warning(
                flow.finding("condition-never", f"{held.name} {sign} {constant!r} is never true: {what}", at)
            )


def _expected(sample: Any) -> str:
    words = {bool: "it is true or false", int: "it is a number", str: "it is text", date: "it is a day, '2026-03-21'"}
    return words.get(type(sample), "it is a time of day, '16:30'")


@cache
def _facts() -> Mapping[str, Any]:
    """Every value that conditions may look at, with one of its sort."""
    hints = get_type_hints(Run)
    told = {name: _sample(hints[name]) for name in OF_THE_RUN}
    for name, hint in hints.items():
        for part in get_args(hint):
            if isinstance(part, type) and issubclass(part, msgspec.Struct) and part is not Kept:
                told[name] = None
                inner = get_type_hints(part)
                told |= {f"{name}.{field}": _sample(inner[field]) for field in part.__struct_fields__}
    return told


def _sample(hint: Any) -> Any:
    return next((_SAMPLES[one] for one in (hint, *get_args(hint)) if one in _SAMPLES), None)


def _warning(finding: Finding) -> Finding:
    return replace(finding, severity=Severity.WARNING)
