"""`say`: something is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.nodes.base import Kind, NodeName, PromptKey
from pbx_bridge.ivr.nodes.hang_up import HangUpNode
from pbx_bridge.ivr.run import Phase

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn


class SayNode(Kind, frozen=True, kw_only=True, tag="say"):
    """Something said. A key cuts it short and counts for the next node.

    `serves`: heard to its end, it is an answer that the caller came for.
    """

    prompt: PromptKey
    next: NodeName
    serves: bool = False

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        turn.set(phase=Phase.SAYING)
        turn.play((self.prompt,), listens=False, serves=self.serves)

    def on_key(self, turn: Turn) -> None:
        """See Kind."""
        turn.enter(self.next)

    def on_said(self, turn: Turn, playback: int, heard: bool) -> None:
        """See Kind."""
        if heard:
            turn.step(StepKind.HEARD, prompt=self.prompt, playback=playback, serves=self.serves)
        turn.enter(self.next)

    def is_last_word(self, turn: Turn) -> bool:
        """See Kind."""
        return isinstance(turn.flow.nodes[self.next], HangUpNode)
