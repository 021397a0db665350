"""Charts as SVG, drawn at the server: bars, lines, a heat map, a funnel. Pure.

No script and no style of their own: `reports.css` colours their classes. Right to left they are mirrored: what is
first is on the right. A chart is a picture with a name; its numbers stand in the table beside it, so it says them in
its `title`s only for those who point at them. Text in it is escaped here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from markupsafe import Markup, escape

WIDTH = 720
_ROW, _GAP = 26, 8
_LABEL, _VALUE = 190, 96  # room beside the bars
_LEFT, _TOP, _PLOT, _FOOT = 56, 12, 200, 28  # of a line chart
_CELL, _DAYS, _HOURS = 26, 84, 22  # of a heat map
_LEVELS = 6
_LINES = 4  # across a line chart
_MOST_LABELS = 8
_LONGEST = 30  # letters of a label


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar.

    Attributes:
        shown: its value as text.
        share: of `value`, drawn in another tone: who left, who was late.
        tone: a class: `good`, `warn`, `bad`, `note`; empty: the brand's.
    """

    label: str
    value: float
    shown: str
    share: float = 0.0
    tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line; None is a gap. `shown` are the values as text."""

    name: str
    values: Sequence[float | None]
    shown: Sequence[str]
    tone: str = ""


def bars(items: Sequence[Bar], *, name: str, mirrored: bool = False, top: float = 0.0) -> Markup:
    """Bars below each other, each with its label before and its value behind. `top`: what a full bar is."""
    most = top or max((item.value for item in items), default=0) or 1
    plot = WIDTH - _LABEL - _VALUE
    pieces: list[Markup] = []
    for row, item in enumerate(items):
        y = row * (_ROW + _GAP)
        length, part = plot * max(item.value, 0) / most, plot * min(max(item.share, 0), item.value) / most
        pieces += [
            _text(_LABEL - 10, y + 18, _short(item.label), "label", "end", mirrored),
            _rect(_LABEL, y, length, _ROW, f"fill {item.tone}", mirrored, f"{item.label}: {item.shown}"),
            *([_rect(_LABEL, y, part, _ROW, "fill part", mirrored)] if part else []),
            _text(_LABEL + length + 8, y + 18, item.shown, "value", "start", mirrored),
        ]
    return _picture(name, max(len(items) * (_ROW + _GAP) - _GAP, _ROW), pieces)


def lines(
    series: Sequence[Line],
    labels: Sequence[str],
    *,
    name: str,
    mirrored: bool = False,
    show: Callable[[int], str] = str,
    top: float = 0.0,
) -> Markup:
    """Lines over what the labels name; the first is drawn above the others.

    Args:
        show: tells the numbers of the scale.
        top: where the scale ends; above the largest value unless told.
    """
    values = [value for line in series for value in line.values if value is not None]
    top = top or _round_up(max(values, default=0.0))
    pieces = [*_grid(top, show, mirrored), *_feet(labels, mirrored)]
    for line in reversed(series):
        pieces += _drawn(line, labels, top, mirrored)
    return _picture(name, _TOP + _PLOT + _FOOT, pieces)


def heat(
    rows: Sequence[tuple[str, Sequence[int]]], heads: Sequence[str], *, name: str, mirrored: bool = False
) -> Markup:
    """A row for each day, a cell for each hour, the darker the more."""
    most = max((value for _, values in rows for value in values), default=0)
    pieces = [
        _text(_DAYS + _CELL * (column + 0.5), _HOURS - 8, head, "tick", "middle", mirrored)
        for column, head in enumerate(heads)
    ]
    for row, (day, values) in enumerate(rows):
        y = _HOURS + row * _CELL
        pieces.append(_text(_DAYS - 8, y + 18, day, "label", "end", mirrored))
        for column, value in enumerate(values):
            x, level = _DAYS + column * _CELL, _level(value, most)
            pieces.append(
                _rect(
                    x + 1, y + 1, _CELL - 2, _CELL - 2, f"heat l{level}", mirrored, f"{day} {heads[column]}: {value}"
                )
            )
    return _picture(name, _HOURS + len(rows) * _CELL, pieces)


def funnel(items: Sequence[Bar], *, name: str, mirrored: bool = False) -> Markup:
    """Steps below each other, each as wide as it is often passed, in the middle; `share` is who left there."""
    most = max((item.value for item in items), default=0) or 1
    plot = WIDTH - _LABEL - _VALUE
    pieces: list[Markup] = []
    for row, item in enumerate(items):
        y, length = row * (_ROW + _GAP), plot * item.value / most
        x, part = _LABEL + (plot - length) / 2, plot * min(item.share, item.value) / most
        pieces += [
            _text(_LABEL - 10, y + 18, _short(item.label), "label", "end", mirrored),
            _rect(x, y, length, _ROW, f"fill {item.tone}", mirrored, f"{item.label}: {item.shown}"),
            *([_rect(x + length - part, y, part, _ROW, "fill part", mirrored)] if part else []),
            _text(WIDTH - _VALUE + 8, y + 18, item.shown, "value", "start", mirrored),
        ]
    return _picture(name, max(len(items) * (_ROW + _GAP) - _GAP, _ROW), pieces)


def _picture(name: str, height: float, pieces: Iterable[Markup]) -> Markup:
    inside = Markup("").join(pieces)
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, _figure(height), name, inside
    )


def _rect(x: float, y: float, width: float, height: float, kind: str, mirrored: bool, title: str = "") -> Markup:
    left = WIDTH - x - width if mirrored else x
    told = Markup("<title>{}</title>").format(title) if title else Markup("")
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="3">{}</rect>').format(
        kind.strip(), _figure(left), _figure(y), _figure(width), _figure(height), told
    )


def _text(x: float, y: float, text: str, kind: str, anchor: str, mirrored: bool) -> Markup:
    if mirrored:
        x, anchor = WIDTH - x, {"start": "end", "end": "start"}.get(anchor, anchor)
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>').format(
        kind, _figure(x), _figure(y), anchor, escape(text)
    )


def _grid(top: float, show: Callable[[int], str], mirrored: bool) -> list[Markup]:
    pieces: list[Markup] = []
    for step in range(_LINES + 1):
        y, value = _TOP + _PLOT - _PLOT * step / _LINES, top * step / _LINES
        pieces.append(_rect(_LEFT, y, WIDTH - _LEFT, 1, "grid", mirrored))
        pieces.append(_text(_LEFT - 8, y + 4, show(int(value)), "tick", "end", mirrored))
    return pieces


def _feet(labels: Sequence[str], mirrored: bool) -> list[Markup]:
    every = -(-len(labels) // _MOST_LABELS) or 1
    y = _TOP + _PLOT + 20
    return [
        _text(_x(place, len(labels)), y, label, "tick", "middle", mirrored)
        for place, label in zip(count(), labels, strict=False)
        if place % every == 0
    ]


def _x(place: int, places: int) -> float:
    inner = WIDTH - _LEFT - 60
    return _LEFT + 30 + (inner * place / (places - 1) if places > 1 else inner / 2)


def _drawn(line: Line, labels: Sequence[str], top: float, mirrored: bool) -> list[Markup]:
    pieces: list[Markup] = []
    for stretch in _stretches(line.values):
        points = [
            (_flip(_x(place, len(labels)), mirrored), _TOP + _PLOT * (1 - value / top)) for place, value in stretch
        ]
        text = " ".join(f"{_figure(x)},{_figure(y)}" for x, y in points)
        pieces.append(Markup('<polyline class="line {}" points="{}"/>').format(line.tone, text))
        for (place, _), (x, y) in zip(stretch, points, strict=True):
            told = f"{line.name}, {labels[place]}: {line.shown[place]}"
            pieces.append(
                Markup('<circle class="dot {}" cx="{}" cy="{}" r="{}"><title>{}</title></circle>').format(
                    line.tone, _figure(x), _figure(y), 3 if len(labels) <= 62 else 1.5, told
                )
            )
    return pieces


def _stretches(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """The values with their places, parted at the gaps."""
    found: list[list[tuple[int, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            found.append([])
        else:
            found[-1].append((place, value))
    return [stretch for stretch in found if stretch]


def _flip(x: float, mirrored: bool) -> float:
    return WIDTH - x if mirrored else x


def _round_up(value: float) -> float:
    """The next of 4, 8, 20, 40, 80, 200 …: a scale with whole numbers at each line."""
    size = 4.0
    for factor in _factors():
        if size >= value:
            break
        size *= factor
    return size


def _factors() -> Iterable[float]:
    while True:
        yield from (2.0, 2.5, 2.0)


def _level(value: int, most: int) -> int:
    return 0 if value <= 0 else 1 + min(_LEVELS - 1, (value - 1) * _LEVELS // most)


def _figure(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
