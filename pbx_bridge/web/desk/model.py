"""What a desk shows, as values. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class Stage(enum.StrEnum):
    """How a call stands at an agent's phone."""

    RING = "ring"
    CALLING = "calling"  # the agent's own call, before the other end answers
    TALK = "talk"
    HOLD = "hold"
    ENDED = "ended"  # it left the agent's hands


class Passing(enum.StrEnum):
    """How a caller who talked with a colleague came to this agent."""

    NONE = ""
    TRANSFER = "transfer"
    CONSULT = "consult"  # the colleague asks first; the caller is on hold with them
    EARLIER = "earlier"  # the colleague had hung up, and the caller went on in the menu


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """A call at an agent's phone.

    Attributes:
        call_id: as far as it is known; see store/wrap_ups.py. root: the channel it follows from.
        channel: the agent's own. since: when the stage began, aware UTC; None: not known.
        outgoing: the agent called. colleague: nobody but our own phones is in it.
        number, name, called: hostile text; number: of whoever it is with, empty if withheld or not told.
        queue: from which it rings; empty: from none.
        steps_of, steps: the channel of the caller in the menu, and how many steps were written of them.
        customer_code: as the menu found it; empty: it did not.
        by, passing: the extension of the colleague who had the caller before.
    """

    call_id: str
    node: str
    root: str
    channel: str
    stage: Stage
    since: datetime | None
    began_at: datetime
    outgoing: bool = False
    colleague: bool = False
    number: str = ""
    name: str = ""
    called: str = ""
    queue: str = ""
    steps_of: str = ""
    steps: int = 0
    customer_code: str = ""
    by: str = ""
    passing: Passing = Passing.NONE

    @property
    def is_in_hand(self) -> bool:
        """Whether the agent talks with them: from then on there is something to be told of it."""
        return self.stage in (Stage.TALK, Stage.HOLD) and not self.colleague and self.passing is not Passing.CONSULT
