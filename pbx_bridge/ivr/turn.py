"""One turn of a run: what it changes and what it wants done, collected while the engine decides."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.flow import Flow, Node
from pbx_bridge.ivr.run import Effect, Part, Play, Run, StartTimer, StopPlaying, WriteStep


class Turn:
    """Lives for one call of `engine.advance`. `chain` counts the nodes entered without waiting."""

    def __init__(self, flow: Flow, run: Run, now: datetime) -> None:
        self.flow, self.run, self.now = flow, run, now
        self.effects: list[Effect] = []
        self.chain = 0

    @property
    def node(self) -> Node:
        """The flow node the run stands at."""
        return self.flow.nodes[self.run.at]

    @property
    def language(self) -> str:
        """The caller's language, or the flow's default while it is unknown."""
        return self.run.language or self.flow.default_language

    def play(self, prompts: tuple[str, ...], *, listens: bool, serves: bool = False) -> None:
        """Say these prompts in the caller's language; instead of what is being said, which must have been stopped."""
        self.play_parts(tuple(Part(key, self.language) for key in prompts), listens=listens, serves=serves)

    def play_parts(self, parts: tuple[Part, ...], *, listens: bool, serves: bool = False) -> None:
        """Say these prompts, each in its own language."""
        number = self.next()
        self.set(playback=number)
        values = self.run.values()
        self.effects.append(Play(playback=number, parts=parts, values=values, listens=listens, serves=serves))

    def stop_playing(self) -> None:
        """Cut short what is being said, if anything is."""
        if self.run.playback:
            self.effects.append(StopPlaying(self.run.playback))
            self.set(playback=0)

    def start_timer(self, seconds: float) -> None:
        """Be told after so many seconds; an earlier timer no longer counts."""
        number = self.next()
        self.set(timer=number)
        self.effects.append(StartTimer(number, seconds))

    def next(self) -> int:
        """A number for a playback, a timer or a lookup."""
        self.set(counter=self.run.counter + 1)
        return self.run.counter

    def step(self, kind: StepKind, **data: Any) -> None:
        """Write a step for the record."""
        self.effects.append(WriteStep(self.run.steps, kind, self.run.at, data))
        self.set(steps=self.run.steps + 1)

    def set(self, **changes: Any) -> None:
        """Change the run."""
        self.run = msgspec.structs.replace(self.run, **changes)
