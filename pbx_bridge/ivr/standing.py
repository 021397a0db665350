"""How a queue stands for a caller who is about to join it: their place, the expected wait, whether they go ahead."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from pbx_bridge.health import Clock, utc_now
from pbx_bridge.ivr.known import QueueFacts
from pbx_bridge.ivr.questions import Question, StandingOfQueue
from pbx_bridge.store.waits import Waits

VIP = "vip"
STEP_S = 30  # what expected waits are rounded up to; finer would be a promise

_PACE_KEPT = timedelta(seconds=30)  # a queue's pace is not worked out anew for every caller
_MOST_GIVEN = 500


class Now(Protocol):
    """The queues as they stand now: told from memory, at once. Knows nobody while it cannot know."""

    def waiting_now(self, queue: str) -> Mapping[str, int]:
        """The channels that wait in a queue, each with its priority where that is known, else 0."""

    def somebody_free(self, queue: str) -> bool:
        """Whether an agent of the queue has nothing to do."""


class QueueStandings:
    """Answers StandingOfQueue from the record and who waits now."""

    def __init__(self, waits: Waits, queues: Now, clock: Clock = utc_now) -> None:
        self._waits, self._queues, self._clock = waits, queues, clock
        self._paces: dict[str, tuple[datetime, float | None]] = {}
        self._given: dict[str, int] = {}

    async def answer(self, question: Question) -> QueueFacts:
        """See Lookups. Raises StoreError."""
        if not isinstance(question, StandingOfQueue):
            raise TypeError(f"{question.what!r} is not about a queue")
        now = self._clock()
        past = await self._waits.broken_off(question.caller, now) if question.again else ""
        priority, because = priority_of(question, past)
        pace = await self._pace(question.queue, now)
        others = [self._priority(channel, told) for channel, told in self._others(question)]
        self._give(question.channel, priority)
        facts = standing(others, priority=priority, because=because, pace=pace)
        # Their phone rings as soon as the caller is there: how long it took lately says nothing.
        at_once = facts.position == 1 and self._queues.somebody_free(question.queue)
        return msgspec.structs.replace(facts, wait=None) if at_once else facts

    async def _pace(self, queue: str, now: datetime) -> float | None:
        at, pace = self._paces.get(queue, (None, None))
        if at is None or not timedelta() <= now - at < _PACE_KEPT:
            pace = await self._waits.pace(queue, now)
            self._paces[queue] = now, pace
        return pace

    def _others(self, question: StandingOfQueue) -> list[tuple[str, int]]:
        waiting = self._queues.waiting_now(question.queue)
        return [(channel, told) for channel, told in waiting.items() if channel != question.channel]

    def _priority(self, channel: str, told: int) -> int:
        # Asterisk tells it of those whom it lists, not of those it sees joining: these we have sent ourselves.
        return max(told, self._given.get(channel, 0))

    def _give(self, channel: str, priority: int) -> None:
        self._given[channel] = priority
        while len(self._given) > _MOST_GIVEN:
            del self._given[next(iter(self._given))]


def priority_of(question: StandingOfQueue, past: str) -> tuple[int, str]:
    """A caller's priority and why: that of the customer's tier, and that of their last hour on top."""
    reasons = {VIP: question.vip, past: question.again if past else 0}
    return sum(reasons.values()), " ".join(reason for reason, priority in reasons.items() if priority)


def standing(others: list[int], *, priority: int, because: str, pace: float | None) -> QueueFacts:
    """The facts for a caller among others of these priorities; those of the same one stay before them.

    Args:
        pace: seconds of waiting for each place; None: not known.
    """
    position = 1 + sum(1 for other in others if other >= priority)
    wait = None if pace is None else math.ceil(position * pace / STEP_S) * STEP_S
    return QueueFacts(waiting=len(others), position=position, wait=wait, priority=priority, because=because)
