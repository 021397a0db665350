"""What stands on an edge: its keys as key caps, its other ways in words, and how often it was taken. Pure."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pbx_bridge.ivr.drawing import words
from pbx_bridge.ivr.drawing.graph import Edge
from pbx_bridge.ivr.drawing.plain import width

HEIGHT = 20.0  # pixels
SIZE = 11.5  # of its letters
_GAP, _CAP = 5.0, 18.0


class Look(enum.Enum):
    """How a piece of a label looks."""

    CAP = "cap"
    WORDS = "words"
    COUNT = "count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One piece, and its width in pixels."""

    look: Look
    text: str
    width: float


def label(edge: Edge, language: str, *, alone: bool, count: int | None = None) -> tuple[Piece, ...]:
    """The pieces in reading order. `alone`: the node has no other edge, so that its `next` goes without saying."""
    return tuple(_pieces(edge, language, alone=alone, count=count))


def _pieces(edge: Edge, language: str, *, alone: bool, count: int | None) -> Iterator[Piece]:
    for name in sorted(filter(words.is_key, edge.ways)):
        yield Piece(look=Look.CAP, text=words.figures(name, language), width=_CAP)
    others = [words.way(way, language) for way in edge.ways if not words.is_key(way)]
    if others and not (alone and edge.ways == ("next",)):
        yield _words(Look.WORDS, ("، " if language == "fa" else ", ").join(others))
    if count is not None:
        yield _words(Look.COUNT, words.number(count, language))


def _words(look: Look, text: str) -> Piece:
    return Piece(look=look, text=text, width=width(text, SIZE) + (10 if look is Look.COUNT else 6))


def room(pieces: Sequence[Piece]) -> float:
    """How wide a label is; 0 without pieces."""
    return sum(piece.width for piece in pieces) + _GAP * max(0, len(pieces) - 1)


def places(pieces: Sequence[Piece], x: float, *, rightwards: bool) -> list[tuple[Piece, float]]:
    """Each piece with its middle, for a label whose left edge is at x; in Persian the first is at the right."""
    found = []
    for piece in pieces if rightwards else pieces[::-1]:
        found.append((piece, x + piece.width / 2))
        x += piece.width + _GAP
    return found
