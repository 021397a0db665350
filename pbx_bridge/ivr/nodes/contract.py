"""`contract`: how the support contract stands today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import msgspec

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.known import ContractFacts
from pbx_bridge.ivr.nodes.base import Kind, NodeName
from pbx_bridge.ivr.questions import ContractOfCustomer

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn


class ContractNode(Kind, frozen=True, kw_only=True, tag="contract"):
    """How the customer's contract stands today, in the customer's zone. `unknown`: no customer yet."""

    valid: NodeName
    ending: NodeName
    ended: NodeName
    none: NodeName
    unknown: NodeName
    unavailable: NodeName
    ending_days: Annotated[int, msgspec.Meta(ge=0, le=366)] = 30

    @property
    def looks_up(self) -> str:
        """See Kind."""
        return ContractOfCustomer.what

    def makes_known(self) -> Mapping[str, tuple[str, ...]]:
        """See Kind."""
        return dict.fromkeys(("valid", "ending", "ended"), ("contract",))

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        if turn.run.customer is None:
            turn.enter(self.unknown)
        else:
            turn.look_up(ContractOfCustomer(turn.run.customer.code))

    def on_answer(self, turn: Turn, answer: object) -> None:
        """See Kind."""
        if not isinstance(answer, ContractFacts):
            turn.step(StepKind.LOOKUP, what="contract", result="none")
            turn.enter(self.none)
            return
        turn.set(contract=answer)
        standing = "ended" if answer.days_left < 0 else "ending" if answer.days_left <= self.ending_days else "valid"
        told = {"number": answer.number, "ends_on": answer.ends_on.isoformat(), "standing": standing}
        turn.step(StepKind.LOOKUP, what="contract", result="found", **told)
        turn.enter({"ended": self.ended, "ending": self.ending, "valid": self.valid}[standing])

    def on_no_answer(self, turn: Turn) -> None:
        """See Kind."""
        turn.enter(self.unavailable)
