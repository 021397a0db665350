"""`complaint`: file a complaint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

import msgspec

from pbx_bridge.ivr.nodes.request import kept_in, origin_of, text_of
from pbx_bridge.ivr.nodes.ticket import OpeningTicket
from pbx_bridge.ivr.questions import FileComplaint, Question
from pbx_bridge.ivr.run import Run

Reason = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(kept\.[a-z][a-z0-9_]{0,39}|(?!kept\.).{1,200})$",
        description="a text of 1 to 200 letters, or kept.NAME",
    ),
]


class ComplaintNode(OpeningTicket, frozen=True, kw_only=True, tag="complaint"):
    """Opens a ticket that is a complaint, with its deadlines.

    Attributes:
        reason: what it is about: a constant, or `kept.NAME`.
        acknowledge_within_hours: until somebody tells the customer that it is being looked at.
        answer_within_days: days after today, whatever days they are, at whose end the answer must be there.
    """

    question: ClassVar[type[Question]] = FileComplaint
    sort: ClassVar[str] = "complaint"

    reason: Reason | None = None
    acknowledge_within_hours: Annotated[int, msgspec.Meta(ge=1, le=720)] = 24
    answer_within_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 10

    def __post_init__(self) -> None:
        """Refuse deadlines in the wrong order."""
        if self.acknowledge_within_hours > self.answer_within_days * 24:
            raise ValueError("acknowledge_within_hours is later than answer_within_days: nobody answers before")

    def makes_known(self) -> Mapping[str, tuple[str, ...]]:
        """See Kind."""
        return {"opened": ("complaint",)}

    def reads(self) -> Iterator[tuple[str, str]]:
        """See Kind."""
        yield from kept_in(reason=self.reason, message=self.message)

    def asked(self, run: Run, customer_code: str) -> Question:
        """See OpeningTicket."""
        return FileComplaint(
            origin=origin_of(run),
            customer_code=customer_code,
            subject=self.subject,
            reason=text_of(run, self.reason or ""),
            acknowledge_within_hours=self.acknowledge_within_hours,
            answer_within_days=self.answer_within_days,
            message=text_of(run, self.message or ""),
        )
