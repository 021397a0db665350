"""One turn of a run: what it changes and what it wants done, collected while the engine decides."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.known import CustomerFacts, Kept
from pbx_bridge.ivr.nodes import Node, QueueNode
from pbx_bridge.ivr.questions import Question
from pbx_bridge.ivr.run import Effect, HangUp, LookUp, Part, Phase, Play, Run, StartTimer, StopPlaying, WriteStep

FILLER_AFTER = 1.5  # seconds of silence before a slow lookup is excused; the promise is 2
GIVE_UP_AFTER = 8.0  # seconds until a lookup counts as failed, the filler included

_LONGEST_CHAIN = 50


class Turn:
    """Lives for one call of `engine.advance`. `chain` counts the nodes entered without waiting."""

    __slots__ = ("chain", "effects", "flow", "now", "run")

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

    # --- where the caller is ---

    def enter(self, name: str, *, again: bool = False) -> None:
        """Go to a node; `again`: the tries there go on. A chain that never waits is cut and leads to a person."""
        self.chain += 1
        if self.chain > _LONGEST_CHAIN:
            self.give_up("the flow goes round in circles")
            return
        if self._too_long(name):
            self.give_up("the caller was in the menus for too long")
            return
        self.set(at=name, tries=self.run.tries if again else 0, timer=0, lookup=0)
        self.node.on_enter(self)

    def give_up(self, reason: str) -> None:
        """The flow cannot go on: the caller goes to a person."""
        self.step(StepKind.TROUBLE, reason=reason)
        self.set(at=self.flow.person, tries=0, keyed="", timer=0, lookup=0)
        node = self.node
        if isinstance(node, QueueNode):
            node.hand_over(self)

    def hang_up(self, by: str) -> None:
        """End the call."""
        self.stop_playing()
        self.effects.append(HangUp())
        self.over(by)

    def over(self, by: str) -> None:
        """The run has ended; `by` says through whom."""
        if self.run.phase is not Phase.QUEUED:
            self.step(StepKind.ENDED, by=by)
        self.set(phase=Phase.OVER, playback=0, timer=0, lookup=0, keyed="")

    def _too_long(self, name: str) -> bool:
        since = self.run.talked_at or self.run.entered_at  # a talk, however long it was, is no time in the menus
        if (self.now - since).total_seconds() < self.flow.longest_minutes * 60:
            return False
        target = self.flow.nodes[name]
        return not (target.leaves_menus or target.is_last_word(self))

    # --- whom we speak with ---

    def speak(self, language: str, by: str) -> None:
        """Go on in this language; `by` says how it was found."""
        self.set(language=language)
        self.step(StepKind.LANGUAGE, language=language, by=by)

    def meet(self, customer: CustomerFacts, by: str) -> None:
        """This is the customer; `by` says how that was found. Their language is taken if none was chosen."""
        before = self.run.customer
        verified = self.run.verified and before is not None and before.code == customer.code
        self.set(customer=customer, verified=verified)
        self.step(StepKind.CUSTOMER, code=customer.code, name=customer.name, by=by)
        if not self.run.language and customer.language in self.flow.languages:
            self.speak(customer.language, "record")

    def keep(self, name: str, kept: Kept) -> None:
        """Know this value under a name of the flow's."""
        self.set(kept={**self.run.kept, name: kept})

    # --- what is said, keyed, waited for ---

    def take_key(self) -> str:
        """The first key nobody has used yet; there must be one."""
        key, rest = self.run.keyed[0], self.run.keyed[1:]
        self.set(keyed=rest, timer=0)
        return key

    def look_up(self, question: Question) -> None:
        """Ask, and excuse it when it takes long."""
        number = self.run.counter + 1
        self.set(phase=Phase.LOOKING, lookup=number, counter=number, excused=False)
        self.effects.append(LookUp(number, question))
        self.start_timer(FILLER_AFTER)

    def play(self, prompts: tuple[str, ...], *, listens: bool, serves: bool = False) -> None:
        """Say these prompts in the caller's language; instead of what is being said, which must have been stopped."""
        self.play_parts(tuple(Part(key, self.language) for key in prompts), listens=listens, serves=serves)

    def play_parts(self, parts: tuple[Part, ...], *, listens: bool, serves: bool = False) -> None:
        """Say these prompts, each in its own language."""
        number = self.run.counter + 1
        self.set(playback=number, counter=number)
        values = self.run.values()
        self.effects.append(Play(playback=number, parts=parts, values=values, listens=listens, serves=serves))

    def stop_playing(self) -> None:
        """Cut short what is being said, if anything is."""
        if self.run.playback:
            self.effects.append(StopPlaying(self.run.playback))
            self.set(playback=0)

    def start_timer(self, seconds: float) -> None:
        """Be told after so many seconds; an earlier timer no longer counts."""
        number = self.run.counter + 1
        self.set(timer=number, counter=number)
        self.effects.append(StartTimer(number, seconds))

    def step(self, kind: StepKind, **data: Any) -> None:
        """Write a step for the record."""
        self.effects.append(WriteStep(self.run.steps, kind, self.run.at, data))
        self.set(steps=self.run.steps + 1)

    def set(self, **changes: Any) -> None:
        """Change the run."""
        self.run = replace(self.run, **changes)
