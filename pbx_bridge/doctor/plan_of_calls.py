"""The dialplan as a value: from the lines of extensions.conf, or from what AMI's ShowDialPlan lists. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pbx_bridge.doctor.conf import Conf

_EXTEN = re.compile(r"([^,]+),\s*([^,]+),\s*(.*)", re.S)
_APP = re.compile(r"\s*([\w-]+)\s*(?:\((.*)\))?\s*", re.S)


@dataclass(frozen=True, slots=True)
class Line:
    """An application and what it is given."""

    app: str
    data: str


@dataclass(slots=True)
class Context:
    """A context: its extensions' lines in their order, and what it includes."""

    extensions: dict[str, list[Line]] = field(default_factory=dict)
    includes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialplan:
    """Every context by its name."""

    contexts: Mapping[str, Context]

    def lines(self, app: str) -> Iterator[tuple[str, str, int, Line]]:
        """Where an application is called: context, extension, the place in it, the line."""
        for name, context in self.contexts.items():
            for exten, lines in context.extensions.items():
                for place, line in enumerate(lines):
                    if line.app.lower() == app.lower():
                        yield name, exten, place, line

    def included(self, name: str) -> frozenset[str]:
        """All contexts that one includes, however indirectly."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            context = self.contexts.get(waiting.pop())
            new = set(context.includes) - found if context else set()
            found |= new
            waiting += new
        return frozenset(found)


def from_conf(conf: Conf) -> Dialplan:
    """extensions.conf's."""
    contexts: dict[str, Context] = {}
    for section in conf.sections:
        if section.name in ("general", "globals"):
            continue
        context, exten = contexts.setdefault(section.name, Context()), ""
        for key, value in section.options:
            if key == "include":
                context.includes.append(value.partition(",")[0].strip())
            elif key == "exten" and (told := _EXTEN.fullmatch(value)):
                exten = told[1].strip()
                _add(context, exten, told[3])
            elif key == "same" and exten and (told := _EXTEN.fullmatch(f"{exten},{value}")):
                _add(context, exten, told[3])
    return Dialplan(contexts=contexts)


def _add(context: Context, exten: str, call: str) -> None:
    if told := _APP.fullmatch(call):
        context.extensions.setdefault(exten, []).append(Line(told[1], told[2] or ""))


def from_events(events: Iterable[Mapping[str, str]]) -> Dialplan:
    """AMI's `ListDialplan` events, in the order of their priorities."""
    contexts: dict[str, Context] = {}
    for event in events:
        context = contexts.setdefault(event.get("context", ""), Context())
        if included := event.get("includecontext"):
            context.includes.append(included)
        elif app := event.get("application"):
            lines = context.extensions.setdefault(event.get("extension", ""), [])
            lines.append(Line(app, event.get("appdata", "")))
    return Dialplan(contexts=contexts)
