"""A flow as SVG: one file that stands alone, for a screen by day or night, for print and for screen readers. Pure.

Nothing in it is taken from elsewhere and nothing is a program. Whatever came out of a file is cleaned and escaped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

from pbx_bridge.ivr.drawing import labels, words
from pbx_bridge.ivr.drawing.graph import Box, Edge, Graph, graph_of
from pbx_bridge.ivr.drawing.labels import Look, Piece
from pbx_bridge.ivr.drawing.layout import Item, Layout, Link, Place, Route, lay_out
from pbx_bridge.ivr.drawing.looks import SLANT, family_of, headroom, number, outline, path, style
from pbx_bridge.ivr.drawing.plain import lines, shortened, width
from pbx_bridge.ivr.drawing.texts import Texts
from pbx_bridge.ivr.drawing.traffic import Counted
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.values.hostile import clean

_BOX = 196.0  # a box's width; pixels, as all that follows
_KIND, _NAME, _TEXT = 10.5, 13.5, 11.5  # sizes of letters
_LEAST = 10.0  # of a name too long for its box
_HEAD, _LINE, _FOOT = 42.0, 16.0, 9.0  # kind and name, a line of the prompt, what is left below
_MARGIN, _TITLE, _LEGEND = 32.0, 92.0, 40.0
_THIN, _THICK = 1.3, 7.0

_STYLE = (
    "text{font-family:Vazirmatn,Vazir,'Noto Sans Arabic','Segoe UI',Tahoma,'DejaVu Sans',sans-serif}"
    "text{text-anchor:middle}"
    ".name{font-weight:600}.paper,.halo{fill:#fff;stroke:none}.ink{fill:#1c252c}.dim{fill:#55626c}"
    ".shape{stroke-width:1.4}.helper .shape{stroke-width:3.2}.unread .shape{stroke-dasharray:3 3}"
    ".line{fill:none;stroke:#53616b}.head{fill:#53616b}.bad .line{stroke:#8a5a52;stroke-dasharray:5 4}"
    ".bad .head{fill:#8a5a52}.never .line,.never .head{opacity:.45}"
    ".cap{fill:#fff;stroke:#53616b}.count{fill:#2f4858}.figure{fill:#fff;font-weight:600}.lost{fill:#a12622}"
)
_NIGHT = (
    ".paper,.halo{fill:#14191d}.ink{fill:#e8edf0}.dim{fill:#a3b0b9}.line{stroke:#93a3ae}.head{fill:#93a3ae}"
    ".bad .line{stroke:#cf9d94}.bad .head{fill:#cf9d94}.cap{fill:#222b31;stroke:#93a3ae}"
    ".count{fill:#bcd3e0}.figure{fill:#14191d}.lost{fill:#f0938c}"
)


def svg(flow: Flow, texts: Texts, language: str, counted: Counted | None = None) -> str:
    """The drawing.

    Args:
        texts: the prompts of that language.
        language: `fa` (its layout is mirrored: the first way is at the right) or `en`.
        counted: how often each edge was taken, and in which period.
    """
    return _Picture(graph_of(flow), texts, language, counted).document()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """What is written into a box, `above` so many pixels below its top. `missing`: its prompt has no text."""

    kind: str
    name: str
    lines: Sequence[str]
    missing: bool = False
    above: float = 0.0

    @property
    def height(self) -> float:
        """Of the box."""
        return self.above + _HEAD + _LINE * len(self.lines) + _FOOT


class _Picture:
    """Lives for one drawing."""

    def __init__(self, graph: Graph, texts: Texts, language: str, counted: Counted | None) -> None:
        self.graph, self.texts, self.language, self.counted = graph, texts, language, counted
        self.rtl = language == "fa"
        self.inside = [self._inside(box) for box in graph.boxes]
        self.labels = self._labels()
        self.layout = self._layout()
        self.most = max(counted.edges.values(), default=0) if counted else 0

    # --- what is written ---

    def _inside(self, box: Box) -> _Text:
        kind = [words.kind(box.kind, self.language)]
        kind += [words.phrase("person", self.language)] if box.is_person else []
        if self.counted:
            kind.append(words.number(self.counted.visits.get(box.name, 0), self.language))
        room = _BOX - 2 * SLANT - 8
        said, missing = self._said(box)
        return _Text(
            kind=shortened(" · ".join(kind), _KIND, room),
            name=clean(box.name),
            lines=lines(said, _TEXT, room, 2),
            missing=missing,
            above=headroom(family_of(box.kind)),
        )

    def _said(self, box: Box) -> tuple[str, bool]:
        if box.prompt is None:
            return "", False
        text = self.texts(box.prompt)
        if text is None:
            return words.phrase("no_text", self.language, key=clean(box.prompt)), True
        return clean(text), False

    def _labels(self) -> list[tuple[Piece, ...]]:
        leaving = Counter(edge.source for edge in self.graph.edges)
        return [
            labels.label(edge, self.language, alone=leaving[edge.source] == 1, count=self._count(edge))
            for edge in self.graph.edges
        ]

    def _count(self, edge: Edge) -> int | None:
        return None if self.counted is None else self.counted.edges.get((edge.source, edge.target), 0)

    def _layout(self) -> Layout:
        items = [
            Item(name=box.name, width=_BOX, height=text.height)
            for box, text in zip(self.graph.boxes, self.inside, strict=True)
        ]
        links = [
            Link(source=e.source, target=e.target, width=labels.room(told), height=labels.HEIGHT if told else 0.0)
            for e, told in zip(self.graph.edges, self.labels, strict=True)
        ]
        layout = lay_out(items, links, self.graph.start)
        return layout.mirrored() if self.rtl else layout

    # --- the document ---

    def document(self) -> str:
        """The whole file."""
        title, under = self._heading()
        widest = max(width(title, 22), *(width(line, 12.5) for line in [*under, self._legend()]))
        w, h = max(self.layout.width, widest) + 2 * _MARGIN, self.layout.height + _TITLE + _LEGEND + 2 * _MARGIN
        left = (w - self.layout.width) / 2
        body = [*self._edges(), *self._boxes()]
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" role="img" lang="{self.language}" width="{number(w)}" '
                f'height="{number(h)}" viewBox="0 0 {number(w)} {number(h)}">',
                f"<title>{escape(' · '.join([title, *under]))}</title>",
                f"<desc>{escape(self._described())}</desc>",
                f"<style>{_STYLE}{style(night=False)}"
                f"@media screen and (prefers-color-scheme:dark){{{_NIGHT}{style(night=True)}}}</style>",
                f'<rect class="paper" width="{number(w)}" height="{number(h)}"/>',
                self._words(title, w / 2, _MARGIN + 12, 22, "ink name"),
                *(self._words(line, w / 2, _MARGIN + 34 + 19 * n, 12.5, "dim") for n, line in enumerate(under)),
                f'<g transform="translate({number(left)} {number(_TITLE + _MARGIN)})">',
                *body,
                "</g>",
                self._words(self._legend(), w / 2, h - _MARGIN + 4, 12, "dim"),
                "</svg>\n",
            ]
        )

    def _heading(self) -> tuple[str, list[str]]:
        language, counted = self.language, self.counted
        title = words.phrase("title", language, name=clean(self.graph.name, 40))
        under = [words.phrase("version", language, version=clean(self.graph.version, 20))]
        if counted:
            told = [words.calls(counted.calls, language), words.period(counted.start, counted.end, language)]
            if counted.other_versions:
                others = words.number(counted.other_versions, language)
                told.append(words.phrase("other_versions", language, n=others))
            under.append(" · ".join(told))
        return title, under

    def _legend(self) -> str:
        return words.phrase("legend" if self.counted else "legend_plain", self.language)

    def _described(self) -> str:
        numbers = {"boxes": len(self.graph.boxes), "edges": len(self.graph.edges)}
        first = words.phrase(
            "described", self.language, **{key: words.number(n, self.language) for key, n in numbers.items()}
        )
        told = (
            f"{clean(edge.source)} → {', '.join(piece.text for piece in pieces) or '→'} → {clean(edge.target)}"
            for edge, pieces in zip(self.graph.edges, self.labels, strict=True)
        )
        return "\n".join([first, *told])

    def _boxes(self) -> Iterator[str]:
        for box, text, place in zip(self.graph.boxes, self.inside, self.layout.places, strict=True):
            yield from self._box(box, text, place)

    def _box(self, box: Box, text: _Text, place: Place) -> Iterator[str]:
        family, (x, _), top = family_of(box.kind), place.middle, place.y + text.above
        marks = ("helper " if box.is_person else "") + ("unread " if text.missing else "")
        yield f'<g class="{marks}node">'
        yield f"<title>{escape(': '.join(filter(None, [clean(box.name), self._said(box)[0]])))}</title>"
        if box.is_start:
            yield from _beginning(x, place.y)
        yield f'<path class="shape {family}" d="{outline(family, place)}"/>'
        if box.is_end:
            bar = Place(x=x - 34, y=place.y + place.height + 6, width=68, height=4)
            yield _rect(bar, "head")
        yield self._words(text.kind, x, top + 17, _KIND, "dim")
        room = place.width - 2 * SLANT - 8
        size = max(_LEAST, min(_NAME, _NAME * room / max(1.0, width(text.name, _NAME))))
        yield _latin(shortened(text.name, size, room), x, top + 34, size, "ink name")
        for n, line in enumerate(text.lines):
            yield self._words(line, x, top + _HEAD + 11 + _LINE * n, _TEXT, "lost" if text.missing else "ink")
        yield "</g>"

    def _edges(self) -> Iterator[str]:
        every = list(zip(self.graph.edges, self.labels, self.layout.routes, strict=True))
        for edge, _, route in every:
            yield from self._edge(edge, route)
        for _, pieces, route in every:
            yield from self._label(pieces, route.label)

    def _edge(self, edge: Edge, route: Route) -> Iterator[str]:
        count = self._count(edge)
        thick = _THIN + (_THICK - _THIN) * (count / self.most) ** 0.5 if count else _THIN
        bad = all(way in words.TROUBLE for way in edge.ways)
        marks = ("bad " if bad else "") + ("never " if count == 0 else "")
        yield f'<g class="{marks}edge" data-edge={quoteattr(f"{edge.source} {edge.target}")}>'
        yield f'<path class="line" stroke-width="{number(thick)}" d="{_line(route, self.rtl, 5 + thick)}"/>'
        yield f'<path class="head" d="{_arrow(route, self.rtl, 5 + thick)}"/>'
        yield "</g>"

    def _label(self, pieces: Sequence[Piece], place: Place) -> Iterator[str]:
        if not pieces:
            return
        yield _rect(replace(place, x=place.x - 2, width=place.width + 4), "halo")
        y = place.y + place.height / 2
        for piece, x in labels.places(pieces, place.x, rightwards=not self.rtl):
            yield from self._piece(piece, x, y)

    def _piece(self, piece: Piece, x: float, y: float) -> Iterator[str]:
        size, look = labels.SIZE, "dim"
        if piece.look is not Look.WORDS:
            look = "ink name" if piece.look is Look.CAP else "figure"
            around = Place(x=x - piece.width / 2, y=y - 9, width=piece.width, height=18)
            yield _rect(around, piece.look.value, radius=4 if piece.look is Look.CAP else 9)
        yield self._words(piece.text, x, y + 4, size, look)

    def _words(self, text: str, x: float, y: float, size: float, look: str) -> str:
        if not self.rtl:
            return _latin(text, x, y, size, look)
        return (
            f'<text class="{look}" x="{number(x)}" y="{number(y)}" font-size="{number(size)}" direction="rtl" '
            f'unicode-bidi="embed">{escape(text)}</text>'
        )


def _latin(text: str, x: float, y: float, size: float, look: str) -> str:
    return (
        f'<text class="{look}" x="{number(x)}" y="{number(y)}" font-size="{number(size)}" direction="ltr" '
        f'unicode-bidi="embed">{escape(text)}</text>'
    )


def _rect(place: Place, look: str, *, radius: float = 2) -> str:
    return (
        f'<rect class="{look}" x="{number(place.x)}" y="{number(place.y)}" width="{number(place.width)}" '
        f'height="{number(place.height)}" rx="{number(radius)}"/>'
    )


def _beginning(x: float, y: float) -> Iterator[str]:
    """The dot and arrow that say where a call begins."""
    yield f'<circle class="head" cx="{number(x)}" cy="{number(y - 26)}" r="6"/>'
    yield f'<path class="line" stroke-width="2" d="{path("M", x, y - 26, "V", y - 6)}"/>'
    yield f'<path class="head" d="{path("M", x, y, "l", -5, -9, "h", 10, "z")}"/>'


def _line(route: Route, rtl: bool, head: float) -> str:
    """The line, which ends where the arrow's head begins."""
    points = list(route.points)
    if route.loop:
        (x, y), (_, end) = points
        out, side = (-52, -head) if rtl else (52, head)
        return path("M", x, y, "C", x + out, y - 8, x + out, end, x + side, end)
    x, y = points[-1]
    points[-1] = (x, y + head if route.up else y - head)
    parts: list[str | float] = ["M", *points[0]]
    for (x1, y1), (x2, y2) in pairwise(points):
        middle = (y1 + y2) / 2
        parts += ["V", y2] if x1 == x2 else ["C", x1, middle, x2, middle, x2, y2]
    return path(*parts)


def _arrow(route: Route, rtl: bool, size: float) -> str:
    (x, y), half = route.points[-1], size * 0.6
    if route.loop:
        return path("M", x, y, "l", -size if rtl else size, -half, "v", 2 * half, "z")
    return path("M", x, y, "l", -half, size if route.up else -size, "h", 2 * half, "z")
