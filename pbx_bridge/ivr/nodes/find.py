"""`find`: something is looked up, in the CRM or at a service of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.fields import Field, ServiceAnswer
from pbx_bridge.ivr.known import ContractFacts, CustomerFacts, TicketFacts
from pbx_bridge.ivr.nodes.arguments import KeptName, ServiceName, Telling
from pbx_bridge.ivr.nodes.base import NodeName
from pbx_bridge.ivr.questions import AskService, ContractOfCustomer, CustomerOfCaller, NewestTicketOf, Question
from pbx_bridge.ivr.run import Run

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn


class FindNode(Telling, frozen=True, kw_only=True, tag="find"):
    """Looks something up without asking the caller.

    Attributes:
        what: of the CRM: the customer of the caller's number, the contract or the newest open ticket of the customer.
        service: or else a service of the settings. gives: what of its answer is kept, and as what: see `Field`.
    """

    found: NodeName
    none: NodeName
    unavailable: NodeName
    what: Literal["customer", "ticket", "contract"] | None = None
    service: ServiceName | None = None
    gives: dict[KeptName, Field] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what asks for nothing, or for two things."""
        if (self.what is None) == (self.service is None):
            raise ValueError("a find has either a what, of the CRM, or a service, of the settings")
        if self.what is not None and (self.with_ or self.gives):
            raise ValueError("with and gives are a service's: what is known of the CRM has its own names")

    @property
    def looks_up(self) -> str:
        """See Kind."""
        return self.service or str(self.what)

    def makes_known(self) -> Mapping[str, tuple[str, ...]]:
        """See Kind."""
        return {"found": tuple(f"kept.{name}" for name in self.gives) if self.service else (str(self.what),)}

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        if self.what == "customer" and turn.run.customer is not None:
            turn.enter(self.found)
            return
        try:
            question = self._question(turn.run)
        except KeyError as unknown:
            self._none(turn, reason=f"{unknown.args[0]} is not known")
            return
        if question is None:
            self._none(turn)
        else:
            turn.look_up(question)

    def on_answer(self, turn: Turn, answer: object) -> None:
        """See Kind."""
        match answer:
            case ServiceAnswer(trouble="", values=values):
                for name, kept in values.items():
                    turn.keep(name, kept)
                turn.step(StepKind.LOOKUP, what=self.looks_up, result="found")
            case ServiceAnswer(trouble=trouble):
                self._unavailable(turn, trouble)
                return
            case CustomerFacts():
                turn.meet(answer, "number")
            case TicketFacts():
                turn.set(ticket=answer)
                found = {"result": "found", "tracking_number": answer.tracking_number}
                turn.step(StepKind.LOOKUP, what=self.looks_up, **found)
            case ContractFacts():
                turn.set(contract=answer)
                ends_on = answer.ends_on.isoformat()
                turn.step(StepKind.LOOKUP, what=self.looks_up, result="found", number=answer.number, ends_on=ends_on)
            case _:
                self._none(turn)
                return
        turn.enter(self.found)

    def on_no_answer(self, turn: Turn) -> None:
        """See Kind."""
        turn.enter(self.unavailable)

    def _question(self, run: Run) -> Question | None:
        """What is asked; None: of nobody there can be one. Raises KeyError naming a value that is not known."""
        if self.service is not None:
            if blank := self.blank(run):
                raise KeyError(blank)
            return AskService(service=self.service, arguments=self.arguments(run), gives=self.gives)
        if self.what == "customer":
            return CustomerOfCaller(run.caller)
        if run.customer is None:
            return None
        return NewestTicketOf(run.customer.code) if self.what == "ticket" else ContractOfCustomer(run.customer.code)

    def _none(self, turn: Turn, **why: str) -> None:
        turn.step(StepKind.LOOKUP, what=self.looks_up, result="none", **why)
        turn.enter(self.none)

    def _unavailable(self, turn: Turn, reason: str) -> None:
        turn.step(StepKind.LOOKUP, what=self.looks_up, result="unavailable", reason=reason)
        turn.enter(self.unavailable)
