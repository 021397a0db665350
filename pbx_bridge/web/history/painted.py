"""Rows of the history as HTML. Many look at the same calls: a row is painted once for all who see it alike.

A row is remembered by all that it is made of, so nothing that is remembered can be out of date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from markupsafe import Markup

from pbx_bridge.store import CallLine
from pbx_bridge.web.history.rows import Row, row_of
from pbx_bridge.web.rendering import render
from pbx_bridge.web.viewer import Viewer

_REMEMBERED = 1000  # rows, of some 5 kB: the newest pages of some searches


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sight:
    """All that decides how a call that is over looks in the list. `row` is made of the rest, but for its moment."""

    line: CallLine
    name: str
    look: str
    row: Row = field(compare=False)


def painted(lines: Iterable[CallLine], who: Viewer, agents: Mapping[str, str]) -> list[Markup]:
    """A row for each call. `agents`: names by extension."""
    look = f"{who.look} {who.show.zone} {who.show.region}"
    rows = [row_of(line, who, agents) for line in lines]
    return [
        _paint(row)  # one that goes on lasts longer with every look
        if row.line.ended_at_us is None
        else _remembered(_Sight(line=row.line, name=row.name, look=look, row=row))
        for row in rows
    ]


@lru_cache(maxsize=_REMEMBERED)
def _remembered(sight: _Sight) -> Markup:
    return _paint(sight.row)


def _paint(row: Row) -> Markup:
    return Markup(render(row.who.language, "history/_row.html", {"row": row}))  # noqa: S704 - a template's, escaped
