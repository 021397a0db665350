"""What every scene is made with: its place in the list, and the words of an expected record.

An expectation's times are measured at the phones. `SCENES` holds every scene by name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from harness.scene_lab import PEOPLE
from harness.scenes import Scene, Stage

Told = dict[str, Any]
Script = Callable[[Stage], Awaitable[Told]]
SCENES: dict[str, Scene] = {}

TALK_S = 1.2
SHORT_S = 0.7


def scene(*rows: str, present: tuple[int, ...] = PEOPLE) -> Callable[[Script], Script]:
    """Keep a script under its own name; see `Scene` for `rows` and `present`."""

    def keep(script: Script) -> Script:
        name = script.__name__
        SCENES[name] = Scene(name=name, script=script, present=present, rows=rows)
        return script

    return keep


def inbound(stage: Stage, what: str, outcome: str, *segments: tuple[str, str, str], **told: Any) -> Told:
    """The record of a call from outside."""
    return _told(
        direction="inbound",
        outcome=outcome,
        caller=stage.caller_number,
        caller_name=stage.name,
        called=stage.called(what),
        segments=segments,
        **told,
    )


def by_agent(stage: Stage, direction: str, called: str, outcome: str, *segments: Any, **told: Any) -> Told:
    """The record of a call that agent 1 places."""
    return _told(direction=direction, outcome=outcome, caller=stage.ext(1), called=called, segments=segments, **told)


def _told(*, segments: tuple[tuple[str, str, str], ...], **told: Any) -> Told:
    plain: Told = {"destination": "", "agents": [], "transfer": "", "left_voicemail": False, "talk_s": 0.0}
    rounded = {key: round(value, 2) if isinstance(value, float) else value for key, value in told.items()}
    return {**plain, **rounded, "segments": [list(segment) for segment in segments], "about_s": 0.4}
