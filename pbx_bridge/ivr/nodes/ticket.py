"""`ticket`: open a ticket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.nodes.base import Kind, NodeName
from pbx_bridge.ivr.nodes.request import KeptName, Subject, kept_in, leave, origin_of, text_of
from pbx_bridge.ivr.questions import OpenTicket
from pbx_bridge.ivr.run import TicketFacts

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn


class TicketNode(Kind, frozen=True, kw_only=True, tag="ticket"):
    """Opens a ticket for the customer. `unknown`: no customer is known. Its number is `ticket.tracking_number`."""

    subject: Subject
    opened: NodeName
    unknown: NodeName
    unavailable: NodeName
    message: KeptName | None = None

    @property
    def looks_up(self) -> str:
        """See Kind."""
        return OpenTicket.what

    def makes_known(self) -> Mapping[str, tuple[str, ...]]:
        """See Kind."""
        return {"opened": ("ticket",)}

    def reads(self) -> Iterator[tuple[str, str]]:
        """See Kind."""
        yield from kept_in(message=self.message)

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        run = turn.run
        if run.customer is None:
            turn.enter(self.unknown)
            return
        message = text_of(run, self.message or "")
        code = run.customer.code
        question = OpenTicket(origin=origin_of(run), customer_code=code, subject=self.subject, message=message)
        leave(turn, question, self.unavailable)

    def on_answer(self, turn: Turn, answer: object) -> None:
        """See Kind."""
        if not isinstance(answer, TicketFacts):
            turn.enter(self.unknown)
            return
        turn.set(ticket=answer, requests=turn.run.requests + 1)
        told = {"tracking_number": answer.tracking_number, "message": text_of(turn.run, self.message or "")}
        turn.step(StepKind.TICKET_OPENED, sort="request", **told)
        turn.enter(self.opened)

    def on_no_answer(self, turn: Turn) -> None:
        """See Kind."""
        turn.enter(self.unavailable)
