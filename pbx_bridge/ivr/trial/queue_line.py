"""What the queues of a simulated call are like: told by the case, else nobody waits in them. Pure."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import msgspec

from pbx_bridge.ivr.known import QueueFacts
from pbx_bridge.ivr.questions import Question, StandingOfQueue
from pbx_bridge.ivr.standing import STEP_S, priority_of, standing


class QueueLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The queues of a case.

    Attributes:
        waiting: callers in it now, all of priority 0. wait: expected, in seconds; None: not known.
        before: how the caller fared in the last hour: `cut_off`, `again`, or nothing of that sort.
    """

    waiting: Annotated[int, msgspec.Meta(ge=0, le=999)] = 0
    wait: Annotated[int, msgspec.Meta(ge=0, le=86_400)] | None = None
    before: Literal["", "cut_off", "again"] = ""


NOBODY_WAITS = QueueLine()


class SimulatedQueues:
    """Answers StandingOfQueue for a simulation."""

    def __init__(self, line: QueueLine) -> None:
        self._line = line

    async def answer(self, question: Question) -> QueueFacts:
        """See Lookups."""
        if not isinstance(question, StandingOfQueue):
            raise TypeError(f"{question.what!r} is not about a queue")
        before = self._line.before if question.again else ""
        priority, because = priority_of(question, before)
        facts = standing([0] * self._line.waiting, priority=priority, because=because, pace=None)
        return msgspec.structs.replace(facts, wait=self._wait)

    @property
    def _wait(self) -> int | None:
        wait = self._line.wait
        return None if wait is None else math.ceil(wait / STEP_S) * STEP_S
