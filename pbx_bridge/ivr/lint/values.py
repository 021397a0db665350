"""Values that a flow says before anything can have made them known; such a prompt would be passed over. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import get_args, get_type_hints

import msgspec

from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.free_text import MADE_AHEAD
from pbx_bridge.ivr.known import Kept
from pbx_bridge.ivr.lint.speech import said
from pbx_bridge.ivr.nodes import ChooseNode, ReturnNode
from pbx_bridge.ivr.nodes.base import KEPT, source_of
from pbx_bridge.ivr.prompt_text import sentences
from pbx_bridge.ivr.prompts import Prompt, PromptBook
from pbx_bridge.ivr.reading.decode import did_you_mean
from pbx_bridge.ivr.reading.finding import Finding, Severity
from pbx_bridge.ivr.run import Run


def unknown_values(flow: Flow, book: PromptBook) -> Iterator[Finding]:
    """Placeholders of values that do not exist, or that are not known where they are said."""
    said_where: dict[tuple[str, str, str], list[str]] = {}
    there_are = (*_facts(), *kept_names(flow))
    for node, at, name in (*_placeholders(flow, book), *_read(flow)):
        if name in _learnt_there(flow, node, at):
            continue
        if name in there_are:
            said_where.setdefault((source_of(name), node, at), []).append(name)
        else:
            yield flow.finding("unknown-value", f"there is no value {name!r}", at, did_you_mean(name, there_are))
    if not any(isinstance(node, ReturnNode) for node in flow.nodes.values()):  # else whoever calls it may know them
        yield from _not_known(flow, said_where)


def _read(flow: Flow) -> Iterator[tuple[str, str, str]]:
    """Every (node, place, value) that a node needs beside those of its prompts."""
    for name, node in flow.nodes.items():
        for field, value in node.reads():
            yield name, f"nodes.{name}.{field}", value


def _learnt_there(flow: Flow, node: str, at: str) -> tuple[str, ...]:
    """What a node has learnt itself by the time it says the prompt of that place."""
    return flow.nodes[node].tells().get(at.rpartition(".")[2], ()) if node else ()


def free_texts(flow: Flow, book: PromptBook) -> Iterator[Finding]:
    """Free text that nobody makes ahead, and prompts of which nothing may be left; each prompt once."""
    seen: set[tuple[str, str]] = set()
    for _, at, key, languages in said(flow):
        for language in languages:
            if key in book.keys(language) and (key, language) not in seen:
                seen.add((key, language))
                yield from _free_texts(flow, book.prompt(key, language), at)


def _free_texts(flow: Flow, prompt: Prompt, at: str) -> Iterator[Finding]:
    for slot in prompt.free:
        if slot.name not in MADE_AHEAD:
            text, do = f"no voice has {slot.name!r} as {slot.kind}", f"made ahead are only: {', '.join(MADE_AHEAD)}"
            yield flow.finding("not-made-ahead", text, at, do)
    if prompt.free and all(any(slot in one for slot in prompt.free) for one in sentences(prompt.parts)):
        text = f"nothing of prompt {prompt.key!r} is left in {prompt.language!r} when there is no such text"
        do = "say it beside another sentence, or come here by a choose"
        yield replace(flow.finding("may-be-silent", text, at, do), severity=Severity.WARNING)


def _not_known(flow: Flow, said_where: Mapping[tuple[str, str, str], list[str]]) -> Iterator[Finding]:
    read = {(name, at) for _, at, name in _read(flow)}
    reach = {what: (_without(flow, what), _after(flow, what)) for what, _, _ in said_where}
    for (what, node, at), names in said_where.items():
        without, after = reach[what]
        told = ", ".join(sorted(names))
        if not node or (node in without and node not in after):
            cannot = "the prompt cannot be said" if (told, at) not in read else "nothing is asked or told"
            text, do = f"never known here, so {cannot}: {told}", f"come here by {_source(what)}"
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


def kept_names(flow: Flow) -> tuple[str, ...]:
    """The names under which the flow itself keeps values."""
    keeping = (node for node in flow.nodes.values() if not isinstance(node, ChooseNode))  # that only looks
    made = {name for node in keeping for names in node.makes_known().values() for name in names}
    return tuple(sorted(name for name in made if name.startswith(KEPT)))


def _source(what: str) -> str:
    sources = {
        "ticket": "`found` of an ask of tracking or of a find, or `opened` of a ticket",
        "customer": "`found` of a caller, of a find or of an ask of customer_code",
        "contract": "`valid`, `ending` or `ended` of a contract, or `found` of a find",
        "complaint": "`opened` of a complaint",
        "callback": "a callback",
        "recording": "`next` of a record",
        "opening": "`closed` or `holiday` of an hours",
        "queue": "`tell` of a queue, or `tell_wait` for its wait: they alone can say it",
    }
    return sources.get(what, f"a node that keeps {what.removeprefix(KEPT)}")


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
