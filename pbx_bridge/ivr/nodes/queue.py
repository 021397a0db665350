"""`queue`: to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.nodes.base import NodeName, QueueName
from pbx_bridge.ivr.nodes.handing import HandingOver
from pbx_bridge.ivr.run import Place

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn


_NOBODY = frozenset({"JOINEMPTY", "LEAVEEMPTY", "JOINUNAVAIL", "LEAVEUNAVAIL", "FULL", "INVALID", ""})


class QueueNode(HandingOver, frozen=True, kw_only=True, tag="queue"):
    """Hands the caller to a queue of people. The ways out are for a caller nobody spoke with."""

    place: ClassVar[Place] = Place.QUEUE

    queue: QueueName
    nobody: NodeName
    timeout: NodeName

    @property
    def target(self) -> str:
        """See HandingOver."""
        return self.queue

    def way_back(self, status: str) -> str:
        """See HandingOver. `status` is Asterisk's QUEUESTATUS."""
        return self.nobody if status in _NOBODY else self.timeout

    def note_given(self, turn: Turn) -> None:
        """See HandingOver."""
        turn.step(StepKind.QUEUE, queue=self.queue)

    def note_back(self, turn: Turn, to: str, status: str) -> None:
        """See HandingOver."""
        turn.step(StepKind.QUEUE_RETURN, queue=to or self.queue, status=status)
