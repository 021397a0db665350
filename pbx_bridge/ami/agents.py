"""The agents and waiting callers of the queues as they stand now: a table fed by events in their order. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from pbx_bridge.ami.events import (
    AgentRemoved,
    AgentState,
    AmiEvent,
    CallerJoined,
    CallerLeft,
    Presence,
    SnapshotEnd,
)
from pbx_bridge.health import utc_now

_Key = tuple[str, str]


class AgentTable:
    """Live state per queue and member, and who waits. Known only from the first `SnapshotEnd` on."""

    def __init__(self, clock: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        self._agents: dict[_Key, AgentState] = {}
        self._waiting: dict[_Key, CallerJoined] = {}
        self._lines: dict[str, list[str]] = {}  # the channels of each queue in their order, as Asterisk has it
        self._seen: set[_Key] | None = None
        self.fresh = False  # whether the table tells the present; false while the link is down

    def agents(self, queue: str | None = None) -> tuple[AgentState, ...]:
        """The members of a queue, or of all, by queue and name."""
        chosen = (a for a in self._agents.values() if queue is None or a.queue == queue)
        return tuple(sorted(chosen, key=lambda a: (a.queue, a.name, a.interface)))

    def waiting(self, queue: str | None = None) -> tuple[CallerJoined, ...]:
        """The callers waiting in a queue, or in all, by queue and place; `position` is that of now."""
        names = sorted(self._lines) if queue is None else [queue]
        return tuple(
            replace(self._waiting[name, channel], position=place)
            for name in names
            for place, channel in enumerate(self._lines.get(name, ()), 1)
        )

    def waiting_now(self, queue: str) -> dict[str, int]:
        """The channels that wait in a queue, with the priority where it was told; nobody while that is not known."""
        return {caller.channel: caller.priority for caller in self.waiting(queue)} if self.fresh else {}

    def somebody_free(self, queue: str) -> bool:
        """Whether an agent of a queue has nothing to do; false while that is not known."""
        return self.fresh and any(a.presence is Presence.IDLE and not a.paused for a in self.agents(queue))

    def expect_snapshot(self) -> None:
        """A list of everybody was asked for: whoever is not named until its end will be dropped."""
        self._seen = set()

    def stale(self) -> None:
        """The link is down: what stands here was true until now."""
        self.fresh, self._seen = False, None

    def apply(self, event: AmiEvent) -> None:
        """Take one event."""
        match event:
            case AgentState():
                self._agents[self._note(event.queue, event.interface)] = event
            case AgentRemoved():
                self._agents.pop((event.queue, event.interface), None)
            case CallerJoined():
                self._join(event)
            case CallerLeft():
                self._leave(event.queue, event.channel)
            case SnapshotEnd():
                self._drop_unseen()
            case _:
                pass

    def _join(self, event: CallerJoined) -> None:
        key = self._note(event.queue, event.channel)
        known = self._waiting.get(key)
        at = event.at or (known.at if known else None) or self._clock() - timedelta(seconds=event.waited_s)
        self._leave(event.queue, event.channel)
        self._waiting[key] = replace(event, at=at)
        # Whoever comes with a higher priority stands before others: their places move with it.
        self._lines.setdefault(event.queue, []).insert(max(event.position - 1, 0), event.channel)

    def _leave(self, queue: str, channel: str) -> None:
        if self._waiting.pop((queue, channel), None) is not None:
            self._lines[queue].remove(channel)

    def _note(self, queue: str, who: str) -> _Key:
        key = (queue, who)
        if self._seen is not None:
            self._seen.add(key)
        return key

    def _drop_unseen(self) -> None:
        if self._seen is not None:
            self._agents = {key: a for key, a in self._agents.items() if key in self._seen}
            for queue, channel in [key for key in self._waiting if key not in self._seen]:
                self._leave(queue, channel)
        self._seen, self.fresh = None, True
