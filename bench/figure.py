"""A figure: one number, what it should be, and how far it can be believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Better = Literal["lower", "higher"]


class CannotMeasure(Exception):
    """The measurement says nothing: calls failed, a program ended, something did not come. The message says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another program, measured beside us in the same run."""

    name: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of a run.

    Attributes:
        name: its key in the output.
        goal: what it should not exceed (or fall below, where higher is better).
        note: how it was measured and what belongs to it, for people.
        detail: what else a program may want to know of it.
    """

    name: str
    value: float
    unit: str
    goal: float
    better: Better = "lower"
    peer: Peer | None = None
    note: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.value <= self.goal if self.better == "lower" else self.value >= self.goal

    def as_json(self) -> dict[str, Any]:
        """The figure as the one JSON object of a run holds it, without its name."""
        peer = {"name": self.peer.name, "value": rounded(self.peer.value)} if self.peer else None
        told = {
            "value": rounded(self.value),
            "unit": self.unit,
            "goal": rounded(self.goal),
            "better": self.better,
            "peer": peer,
        }
        return told | {"detail": dict(self.detail)} if self.detail else told


def rounded(value: float) -> float | int:
    """Three significant digits, more for large numbers; whole numbers stay whole."""
    short = float(f"{value:.3g}") if abs(value) < 1000 else round(value)
    return int(short) if float(short).is_integer() else short
