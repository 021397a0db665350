"""`complaint`: file a complaint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import msgspec

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.nodes.base import Kind, NodeName
from pbx_bridge.ivr.nodes.request import KeptName, Subject, kept_in, leave, origin_of, text_of
from pbx_bridge.ivr.questions import FileComplaint
from pbx_bridge.ivr.run import ComplaintFacts

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn

Reason = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(kept\.[a-z][a-z0-9_]{0,39}|(?!kept\.).{1,200})$",
        description="a text of 1 to 200 letters, or kept.NAME",
    ),
]


class ComplaintNode(Kind, frozen=True, kw_only=True, tag="complaint"):
    """Opens a ticket that is a complaint, with its deadlines.

    Attributes:
        reason: what it is about: a constant, or `kept.NAME`.
        acknowledge_within_hours: until somebody tells the customer that it is being looked at.
        answer_within_days: days after today, whatever days they are, at whose end the answer must be there.
    """

    subject: Subject
    opened: NodeName
    unknown: NodeName
    unavailable: NodeName
    reason: Reason | None = None
    message: KeptName | None = None
    acknowledge_within_hours: Annotated[int, msgspec.Meta(ge=1, le=720)] = 24
    answer_within_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 10

    def __post_init__(self) -> None:
        """Refuse deadlines in the wrong order."""
        if self.acknowledge_within_hours > self.answer_within_days * 24:
            raise ValueError("acknowledge_within_hours is later than answer_within_days: nobody answers before")

    @property
    def looks_up(self) -> str:
        """See Kind."""
        return FileComplaint.what

    def makes_known(self) -> Mapping[str, tuple[str, ...]]:
        """See Kind."""
        return {"opened": ("complaint",)}

    def reads(self) -> Iterator[tuple[str, str]]:
        """See Kind."""
        yield from kept_in(reason=self.reason, message=self.message)

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        run = turn.run
        if run.customer is None:
            turn.enter(self.unknown)
            return
        question = FileComplaint(
            origin=origin_of(run),
            customer_code=run.customer.code,
            subject=self.subject,
            reason=text_of(run, self.reason or ""),
            acknowledge_within_hours=self.acknowledge_within_hours,
            answer_within_days=self.answer_within_days,
            message=text_of(run, self.message or ""),
        )
        leave(turn, question, self.unavailable)

    def on_answer(self, turn: Turn, answer: object) -> None:
        """See Kind."""
        if not isinstance(answer, ComplaintFacts):
            turn.enter(self.unknown)
            return
        turn.set(complaint=answer, requests=turn.run.requests + 1)
        told = {"tracking_number": answer.tracking_number, "message": text_of(turn.run, self.message or "")}
        turn.step(StepKind.TICKET_OPENED, sort="complaint", **told)
        turn.enter(self.opened)

    def on_no_answer(self, turn: Turn) -> None:
        """See Kind."""
        turn.enter(self.unavailable)
