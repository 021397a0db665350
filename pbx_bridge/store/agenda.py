"""Which dirty groups are folded when: a call that may be over in a moment, a call in progress now and then.

A call in progress costs as much to fold as one that is over, so it is folded soon after its start, then rarely,
and only so many of them in a second. In memory only: every dirty mark is also on disk.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from pbx_bridge.store.transaction import Mark, Transaction

_TOGETHER_S = 0.05  # what is due so soon is folded with what is due now
_AT_ONCE = 100  # groups folded at most in one transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often calls are folded.

    Attributes:
        over_s: after a sign that a call may be over; what comes meanwhile is folded with it.
        first_s: after a call's first fact.
        open_s: between later folds of a call in progress.
        open_rate: calls in progress folded at most in one second.
    """

    over_s: float = 0.2
    first_s: float = 5.0
    open_s: float = 30.0
    open_rate: int = 2


class Agenda:
    """The dirty groups and when each is due, in seconds of a monotonic clock.

    Changed between transactions only; read by the writer's thread during one.
    """

    def __init__(self, pace: Pace | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace, self._clock = pace or Pace(), clock
        self._over: dict[int, float] = {}
        self._open: dict[int, float] = {}
        self._in_progress: set[int] = set()  # folded before, and not over
        self._promised: dict[int, float] = {}  # what was due when, before another process wrote
        self._next_open = 0.0
        self._changed = asyncio.Event()
        self.stale = True  # the dirty marks on disk are to be read

    def holds(self, group: int) -> bool:
        """True for a group that is known to be marked dirty."""
        return group in self._open or group in self._over

    def forget(self) -> None:
        """Another process wrote: nothing is known any more. Only what was due when still holds for what is found
        again: while a rebuild writes all the time, a call that is over must not be put off each time.
        """
        self._promised = {**self._over, **self._promised}
        self._over.clear()
        self._open.clear()
        self._in_progress.clear()
        self.stale = True
        self._changed.set()

    def note(self, transaction: Transaction) -> None:
        """Take over the marks of a committed transaction."""
        now = self._clock()
        if transaction.recalled:
            self.stale = False
        # First what was folded: else facts that came in the same transaction have it folded over and over.
        for marks in (transaction.folded, transaction.marks):
            for group, mark in marks.items():
                self._note(group, mark, now)
        if transaction.recalled:
            self._promised.clear()

    def due(self) -> list[int]:
        """What is to be folded now."""
        now = self._clock()
        over = [group for group, at in self._over.items() if at <= now + _TOGETHER_S][:_AT_ONCE]
        if now < self._next_open:
            return over
        waiting = sorted((at, group) for group, at in self._open.items() if at <= now)
        return over + [group for _, group in waiting[: self._pace.open_rate]]

    async def wait(self) -> None:
        """Until something is due, or stale."""
        while not self.stale and (delay := self._delay()) != 0.0:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._changed.wait()

    def _delay(self) -> float | None:
        moments = [min(self._over.values())] if self._over else []
        if self._open:
            moments.append(max(min(self._open.values()), self._next_open))
        return max(0.0, min(moments) - self._clock()) if moments else None

    def _note(self, group: int, mark: Mark, now: float) -> None:
        match mark:
            case Mark.NEW:
                self._plan(self._open, group, now + self._pace.first_s)
            case Mark.MORE if group in self._in_progress:
                self._plan(self._open, group, now + self._pace.open_s)
            case Mark.MORE if group in self._open:
                pass
            case Mark.MORE | Mark.CLOSING:  # what comes after the end belongs to the call that is on the page
                self._open.pop(group, None)
                due = now + self._pace.over_s
                self._plan(self._over, group, min(due, self._promised.get(group, due)))
            case Mark.OPEN | Mark.OVER | Mark.BROKEN | Mark.GONE:
                self._folded(group, mark, now)

    def _plan(self, when: dict[int, float], group: int, at: float) -> None:
        if group not in self._over and group not in when:
            when[group] = at
            self._changed.set()

    def _folded(self, group: int, mark: Mark, now: float) -> None:
        if self._open.pop(group, None) is not None and mark is Mark.OPEN:
            self._next_open = now + 1.0
        self._over.pop(group, None)
        if mark is Mark.OPEN:
            self._in_progress.add(group)
        else:
            self._in_progress.discard(group)
