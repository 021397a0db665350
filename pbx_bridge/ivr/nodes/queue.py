"""`queue`: to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.nodes.base import Kind, NodeName, PromptKey, QueueName
from pbx_bridge.ivr.run import Phase, ToQueue

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn


_SPOKE_WITH_PERSON = frozenset({"CONTINUE", "COMPLETE"})
_NOBODY = frozenset({"JOINEMPTY", "LEAVEEMPTY", "JOINUNAVAIL", "LEAVEUNAVAIL", "FULL", ""})


class QueueNode(Kind, frozen=True, kw_only=True, tag="queue"):
    """Hands the caller to a queue of people. The ways out are for a caller nobody spoke with."""

    leaves_menus: ClassVar[bool] = True

    queue: QueueName
    nobody: NodeName
    timeout: NodeName
    prompt: PromptKey | None = None

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        if self.prompt is None:
            self.hand_over(turn)
            return
        turn.set(phase=Phase.SAYING)
        turn.play((self.prompt,), listens=False)

    def on_key(self, turn: Turn) -> None:
        """See Kind."""
        self.hand_over(turn)

    def on_said(self, turn: Turn, playback: int, heard: bool) -> None:
        """See Kind."""
        self.hand_over(turn)

    def on_return(self, turn: Turn, status: str) -> None:
        """See Kind."""
        turn.set(phase=Phase.SAYING)
        if status in _SPOKE_WITH_PERSON:
            turn.hang_up("queue")
        else:
            turn.enter(self.nobody if status in _NOBODY else self.timeout)

    def hand_over(self, turn: Turn) -> None:
        """Now, whatever is being said."""
        turn.stop_playing()
        turn.set(phase=Phase.QUEUED, keyed="", timer=0)
        turn.step(StepKind.QUEUE, queue=self.queue)
        turn.effects.append(ToQueue(self.queue, turn.language))
