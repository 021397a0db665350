"""`ticket`: open a ticket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.known import ComplaintFacts, TicketFacts
from pbx_bridge.ivr.nodes.base import Kind, NodeName
from pbx_bridge.ivr.nodes.request import KeptValue, Subject, kept_in, leave, origin_of, text_of
from pbx_bridge.ivr.questions import OpenTicket, Question
from pbx_bridge.ivr.run import Run

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn


class OpeningTicket(Kind, frozen=True, kw_only=True):
    """Opens a ticket of some sort for the customer. `unknown`: no customer is known."""

    question: ClassVar[type[Question]]
    sort: ClassVar[str]

    subject: Subject
    opened: NodeName
    unknown: NodeName
    unavailable: NodeName
    message: KeptValue | None = None

    @property
    def looks_up(self) -> str:
        """See Kind."""
        return self.question.what

    def reads(self) -> Iterator[tuple[str, str]]:
        """See Kind."""
        yield from kept_in(message=self.message)

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        if turn.run.customer is None:
            turn.enter(self.unknown)
        else:
            leave(turn, self.asked(turn.run, turn.run.customer.code), self.unavailable)

    def asked(self, run: Run, customer_code: str) -> Question:
        """What opens it."""
        raise NotImplementedError

    def on_answer(self, turn: Turn, answer: object) -> None:
        """See Kind."""
        match answer:
            case TicketFacts():
                turn.set(ticket=answer)
            case ComplaintFacts():
                turn.set(complaint=answer)
            case _:
                turn.enter(self.unknown)
                return
        turn.set(requests=turn.run.requests + 1)
        told = {"tracking_number": answer.tracking_number, "message": text_of(turn.run, self.message or "")}
        turn.step(StepKind.TICKET_OPENED, sort=self.sort, **told)
        turn.enter(self.opened)

    def on_no_answer(self, turn: Turn) -> None:
        """See Kind."""
        turn.enter(self.unavailable)


class TicketNode(OpeningTicket, frozen=True, kw_only=True, tag="ticket"):
    """Opens a ticket. Its number is `ticket.tracking_number`."""

    question: ClassVar[type[Question]] = OpenTicket
    sort: ClassVar[str] = "request"

    def makes_known(self) -> Mapping[str, tuple[str, ...]]:
        """See Kind."""
        return {"opened": ("ticket",)}

    def asked(self, run: Run, customer_code: str) -> Question:
        """See OpeningTicket."""
        message = text_of(run, self.message or "")
        return OpenTicket(origin=origin_of(run), customer_code=customer_code, subject=self.subject, message=message)
