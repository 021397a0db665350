"""`caller`: who is calling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.known import CustomerFacts
from pbx_bridge.ivr.nodes.base import Kind, NodeName
from pbx_bridge.ivr.questions import CustomerOfCaller

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn


class CallerNode(Kind, frozen=True, kw_only=True, tag="caller"):
    """Who is calling, by the number: sets the customer, and the language if the customer's is known."""

    found: NodeName
    unknown: NodeName
    unavailable: NodeName

    @property
    def looks_up(self) -> str:
        """See Kind."""
        return CustomerOfCaller.what

    def makes_known(self) -> Mapping[str, tuple[str, ...]]:
        """See Kind."""
        return {"found": ("customer",)}

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        turn.look_up(CustomerOfCaller(turn.run.caller))

    def on_answer(self, turn: Turn, answer: object) -> None:
        """See Kind."""
        if isinstance(answer, CustomerFacts):
            turn.meet(answer, "number")
            turn.enter(self.found)
        else:
            turn.step(StepKind.LOOKUP, what="caller", result="none")
            turn.enter(self.unknown)

    def on_no_answer(self, turn: Turn) -> None:
        """See Kind."""
        turn.enter(self.unavailable)
