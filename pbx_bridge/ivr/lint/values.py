"""Values that a flow says before anything can have made them known; such a prompt would be passed over. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import get_args, get_type_hints

import msgspec

from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.lint.speech import said
from pbx_bridge.ivr.nodes import ReturnNode
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.reading.decode import did_you_mean
from pbx_bridge.ivr.reading.finding import Finding, Severity
from pbx_bridge.ivr.run import Kept, Run

_KEPT = "kept."


def unknown_values(flow: Flow, book: PromptBook) -> Iterator[Finding]:
    """Placeholders of values that do not exist, or that are not known where they are said."""
    said_where: dict[tuple[str, str, str], list[str]] = {}
    there_are = (*_facts(), *_kept(flow))
    for node, at, name in _placeholders(flow, book):
        if name in there_are:
            said_where.setdefault((_source_of(name), node, at), []).append(name)
        else:
            yield flow.finding("unknown-value", f"there is no value {name!r}", at, did_you_mean(name, there_are))
    if not any(isinstance(node, ReturnNode) for node in flow.nodes.values()):  # else whoever calls it may know them
        yield from _not_known(flow, said_where)


def _not_known(flow: Flow, said_where: Mapping[tuple[str, str, str], list[str]]) -> Iterator[Finding]:
    reach = {what: (_without(flow, what), _after(flow, what)) for what, _, _ in said_where}
    for (what, node, at), names in said_where.items():
        without, after = reach[what]
        told = ", ".join(sorted(names))
        if not node or (node in without and node not in after):
            text, do = f"never known here, so the prompt cannot be said: {told}", f"come here by {_source(what)}"
            yield flow.finding("value-not-known", text, at, do)
        elif node in without:
            text, do = f"not known on every way here: {told}", f"come here only by {_source(what)}"
            yield replace(flow.finding("value-not-known", text, at, do), severity=Severity.WARNING)


def _placeholders(flow: Flow, book: PromptBook) -> Iterator[tuple[str, str, str]]:
    """Every (node, place, value) that is said, each once."""
    seen: set[tuple[str, str]] = set()
    for node, at, key, languages in said(flow):
        told = (book.prompt(key, language).names for language in languages if key in book.keys(language))
        for name in sorted(frozenset().union(*told)):
            if (at, name) not in seen:
                seen.add((at, name))
                yield node, at, name


@cache
def _facts() -> tuple[str, ...]:
    """Every value of the facts that a run may know."""
    told: list[str] = []
    for name, hint in get_type_hints(Run).items():
        for part in get_args(hint):
            if isinstance(part, type) and issubclass(part, msgspec.Struct) and part is not Kept:
                told += [f"{name}.{field.name}" for field in msgspec.structs.fields(part)]
    return tuple(told)


def _kept(flow: Flow) -> tuple[str, ...]:
    """The names under which the flow itself keeps values."""
    made = {name for node in flow.nodes.values() for names in node.makes_known().values() for name in names}
    return tuple(sorted(name for name in made if name.startswith(_KEPT)))


def _source_of(name: str) -> str:
    """What a value comes from: `ticket` for `ticket.status`; what the flow keeps stands alone."""
    return name if name.startswith(_KEPT) else name.partition(".")[0]


def _source(what: str) -> str:
    sources = {
        "ticket": "`found` of an ask of tracking",
        "customer": "`found` of a caller or of an ask of customer_code",
        "contract": "`valid`, `ending` or `ended` of a contract",
        "opening": "`closed` or `holiday` of an hours",
    }
    return sources.get(what, f"a node that looks up the {what}")


def _without(flow: Flow, what: str) -> frozenset[str]:
    """The nodes that callers can come to without it being known."""
    seen: set[str] = set()
    ahead = [flow.start, flow.person]
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            known = flow.nodes[name].makes_known()
            ahead += [target for way, target in flow.nodes[name].ways_out() if what not in known.get(way, ())]
    return frozenset(seen)


def _after(flow: Flow, what: str) -> frozenset[str]:
    """The nodes that callers can come to with it known."""
    first = [
        target
        for name in flow.reachable()
        for way, target in flow.nodes[name].ways_out()
        if what in flow.nodes[name].makes_known().get(way, ())
    ]
    return flow.reachable(*first) if first else frozenset()
