"""A flow as Mermaid flowchart text, for pages that draw it themselves. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pbx_bridge.ivr.drawing import words
from pbx_bridge.ivr.drawing.graph import Box, Edge, Graph, graph_of
from pbx_bridge.ivr.drawing.looks import Family, family_of
from pbx_bridge.ivr.drawing.texts import Texts
from pbx_bridge.ivr.drawing.traffic import Counted
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.values.hostile import clean

_MOST = 48  # letters of a prompt
_SHAPES = {
    Family.SAY: ("(", ")"),
    Family.KEYS: ("{{", "}}"),
    Family.DIGITS: ("[/", "/]"),
    Family.FACTS: ("[(", ")]"),
    Family.FORK: ("{", "}"),
    Family.PERSON: ("([", "])"),
    Family.NOTE: (">", "]"),
    Family.FLOW: ("[[", "]]"),
    Family.END: ("(((", ")))"),
    Family.OTHER: ("[", "]"),
}


def mermaid(flow: Flow, texts: Texts, language: str, counted: Counted | None = None) -> str:
    """The drawing's text; `counted` as for the SVG."""
    return "\n".join(_lines(graph_of(flow), texts, language, counted)) + "\n"


def _lines(graph: Graph, texts: Texts, language: str, counted: Counted | None) -> Iterator[str]:
    yield "flowchart TD"
    yield f"    %% {clean(graph.name, 40)} {clean(graph.version, 20)}"
    if counted:
        yield f"    %% {words.calls(counted.calls, language)} · {words.period(counted.start, counted.end, language)}"
    # Ids of our own: a node may be called `end`, which Mermaid keeps for itself.
    ids = {box.name: f"n{place}" for place, box in enumerate(graph.boxes)}
    for box in graph.boxes:
        yield f"    {ids[box.name]}{_box(box, texts, language)}"
    yield f"    begin(( )) --> {ids[graph.start]}"
    leaving = Counter(edge.source for edge in graph.edges)
    for edge in graph.edges:
        alone = leaving[edge.source] == 1
        yield f"    {ids[edge.source]} {_arrow(edge, language, counted, alone=alone)} {ids[edge.target]}"
    for box in graph.boxes:
        if box.is_person:
            yield f"    style {ids[box.name]} stroke-width:4px"


def _box(box: Box, texts: Texts, language: str) -> str:
    kind = words.kind(box.kind, language)
    kind += f" · {words.phrase('person', language)}" if box.is_person else ""
    told = [clean(box.name), kind]
    if box.prompt is not None:
        text = texts(box.prompt)
        told.append(clean(text, _MOST) if text else words.phrase("no_text", language, key=clean(box.prompt)))
    before, after = _SHAPES[family_of(box.kind)]
    return f'{before}"{"<br/>".join(_escaped(line) for line in told)}"{after}'


def _arrow(edge: Edge, language: str, counted: Counted | None, *, alone: bool) -> str:
    keys = [words.figures(way, language) for way in sorted(filter(words.is_key, edge.ways))]
    others = [words.way(way, language) for way in edge.ways if not words.is_key(way)]
    if edge.ways == ("next",) and alone and counted is None:
        return "-->"
    label = ("، " if language == "fa" else ", ").join([*keys, *others])
    if counted:
        label += f" · {words.number(counted.edges.get((edge.source, edge.target), 0), language)}"
    line = "-.->" if all(way in words.TROUBLE for way in edge.ways) else "-->"
    return f'{line}|"{_escaped(label)}"|'


def _escaped(text: str) -> str:
    """As Mermaid writes what it would else read: every sign but letters, digits and harmless ones by its number."""
    return "".join(c if c.isalnum() or c in " _.,،؛؟:·…-\u200c" or ord(c) > 127 else f"#{ord(c)};" for c in text)
