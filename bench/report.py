"""The two forms of a run's outcome: one JSON object for machines, a table for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from bench.figure import Figure, rounded


def as_json(figures: Iterable[Figure]) -> str:
    """One object: name → {value, unit, goal, better, peer, and detail where there is more}."""
    return json.dumps({figure.name: figure.as_json() for figure in figures}, indent=2)


def as_table(figures: Sequence[Figure], facts: Sequence[str]) -> str:
    """The figures with their notes, and what they were measured on."""
    rows = [("measure", "value", "goal", "", "peer"), *map(_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = [f"  {figure.name}: {figure.note}" for figure in figures if figure.note]
    return "\n".join(["", *lines, "", *notes, *(f"  {fact}" for fact in facts)])


def _row(figure: Figure) -> tuple[str, ...]:
    sign = "≤" if figure.better == "lower" else "≥"
    peer = f"{rounded(figure.peer.value)} {figure.unit} ({figure.peer.name})" if figure.peer else ""
    return (
        figure.name,
        f"{rounded(figure.value)} {figure.unit}",
        f"{sign} {rounded(figure.goal)}",
        "met" if figure.met else "MISSED",
        peer,
    )
