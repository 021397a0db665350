"""`queue`: to a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.known import QueueFacts
from pbx_bridge.ivr.nodes.base import Key, NodeName, PromptKey, QueueName
from pbx_bridge.ivr.nodes.handing import HandingToPerson
from pbx_bridge.ivr.questions import StandingOfQueue
from pbx_bridge.ivr.run import Phase, Place, Run

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn

Tier = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
Priority = Annotated[int, msgspec.Meta(ge=0, le=1000)]
TellSeconds = Annotated[int, msgspec.Meta(ge=0, le=3600)]

_NOBODY = frozenset({"JOINEMPTY", "LEAVEEMPTY", "JOINUNAVAIL", "LEAVEUNAVAIL", "FULL", "INVALID", ""})
_KEY = "KEY"  # what the dialplan says of a caller who left with the key


class QueueNode(HandingToPerson, frozen=True, kw_only=True, tag="queue"):
    """Hands the caller to a queue of people. The ways out are for a caller nobody spoke with.

    With `tell`, `tell_wait`, `ahead` or `again` it asks first how the queue stands. No caller waits for that answer
    longer than a moment: without it they join the queue as if nothing had been asked.

    Attributes:
        tell: said when somebody waits before the caller, or the expected wait is above `tell_from` seconds.
        tell_wait: said after it, if the expected wait is known.
        key: lets a caller leave the queue, and the words before it, by `key_pressed`.
        ahead: priority by the customer's tier. again: priority of who was cut off, or calls again within the hour.
    """

    place: ClassVar[Place] = Place.QUEUE
    excuses: ClassVar[bool] = False

    queue: QueueName
    nobody: NodeName
    timeout: NodeName
    tell: PromptKey | None = None
    tell_wait: PromptKey | None = None
    tell_from: TellSeconds = 30
    key: Key | None = None
    key_pressed: NodeName | None = None
    ahead: dict[Tier, Priority] = msgspec.field(default_factory=dict)
    again: Priority = 0

    @property
    def target(self) -> str:
        """See HandingOver."""
        return self.queue

    @property
    def asks(self) -> bool:
        """Whether it wants to know how the queue stands."""
        return bool(self.tell or self.tell_wait or self.ahead or self.again)

    @property
    def looks_up(self) -> str:
        """See Kind."""
        return StandingOfQueue.what if self.asks else ""

    def tells(self) -> Mapping[str, tuple[str, ...]]:
        """See Kind."""
        told = ("queue.waiting", "queue.position")
        return {"tell": told, "tell_wait": (*told, "queue.wait")}

    def settings(self, run: Run) -> Mapping[str, str]:
        """See HandingOver."""
        told = {"key": self.key} if self.key else {}
        if (facts := self._facts(run)) and facts.priority:
            told["prio"] = str(facts.priority)
        return told

    def way_back(self, status: str) -> str:
        """See HandingOver. `status` is Asterisk's QUEUESTATUS, or the dialplan's word for a caller's key."""
        if status == _KEY and self.key_pressed:
            return self.key_pressed
        return self.nobody if status in _NOBODY else self.timeout

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        turn.set(queue=None)
        if not self.asks:
            self._speak(turn)
            return
        question = StandingOfQueue(
            queue=self.queue,
            channel=turn.run.channel,
            caller=turn.run.caller,
            vip=self._of_tier(turn.run),
            again=self.again,
        )
        turn.look_up(question)

    def on_answer(self, turn: Turn, answer: object) -> None:
        """See Kind."""
        turn.set(queue=answer if isinstance(answer, QueueFacts) else None)
        self._speak(turn)

    def on_no_answer(self, turn: Turn) -> None:
        """See Kind."""
        self._speak(turn)

    def on_key(self, turn: Turn) -> None:
        """See Kind. The words may tell of the key: who presses it into them need not wait for the queue."""
        if self.key_pressed and turn.run.keyed[-1:] == self.key:
            turn.set(keyed="")
            turn.step(StepKind.KEYS, keys=self.key, result="match")
            turn.enter(self.key_pressed)
        else:
            self.hand_over(turn)

    def note_given(self, turn: Turn) -> None:
        """See HandingOver."""
        facts = self._facts(turn.run)
        ahead: dict[str, Any] = {}
        if facts is not None and facts.priority:
            ahead = {"priority": facts.priority, "because": facts.because}
        turn.step(StepKind.QUEUE, queue=self.queue, **ahead)

    def note_back(self, turn: Turn, to: str, status: str) -> None:
        """See HandingOver."""
        turn.step(StepKind.QUEUE_RETURN, queue=to or self.queue, status=status)

    def _speak(self, turn: Turn) -> None:
        said = tuple(self._words(self._facts(turn.run)))
        if said:
            turn.set(phase=Phase.SAYING)
            turn.play(said, listens=False)
        else:
            self.hand_over(turn)

    def _words(self, facts: QueueFacts | None) -> Iterator[str]:
        if self.prompt is not None:
            yield self.prompt
        if facts is None or not (facts.position > 1 or (facts.wait or 0) > self.tell_from):
            return
        if self.tell is not None:
            yield self.tell
        if self.tell_wait is not None and facts.wait:
            yield self.tell_wait

    def _of_tier(self, run: Run) -> int:
        tiers = {tier.casefold(): priority for tier, priority in self.ahead.items()}
        return tiers.get(run.customer.tier.strip().casefold(), 0) if run.customer else 0

    def _facts(self, run: Run) -> QueueFacts | None:
        """What was learnt; of a caller brought here in trouble it may be from another queue of the flow."""
        return run.queue if self.asks else None
