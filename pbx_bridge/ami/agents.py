"""The agents and waiting callers of the queues as they stand now: a table fed by events in their order. Pure."""

from __future__ import annotations

from typing import assert_never

from pbx_bridge.ami.events import (
    AgentRemoved,
    AgentState,
    AmiEvent,
    CallerJoined,
    CallerLeft,
    FullyBooted,
    Held,
    Parked,
    Presence,
    Reloaded,
    ShuttingDown,
    SnapshotEnd,
)

_Key = tuple[str, str]


class AgentTable:
    """Live state per queue and member, and who waits. Known only from the first `SnapshotEnd` on."""

    def __init__(self) -> None:
        self._agents: dict[_Key, AgentState] = {}
        self._waiting: dict[_Key, CallerJoined] = {}
        self._seen: set[_Key] | None = None
        self.fresh = False  # whether the table tells the present; false while the link is down

    def agents(self, queue: str | None = None) -> tuple[AgentState, ...]:
        """The members of a queue, or of all, by queue and name."""
        chosen = (a for a in self._agents.values() if queue is None or a.queue == queue)
        return tuple(sorted(chosen, key=lambda a: (a.queue, a.name, a.interface)))

    def waiting(self, queue: str | None = None) -> tuple[CallerJoined, ...]:
        """The callers waiting in a queue, or in all, by queue and position of entry."""
        chosen = (c for c in self._waiting.values() if queue is None or c.queue == queue)
        return tuple(sorted(chosen, key=lambda c: (c.queue, c.position)))

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
                self._waiting[self._note(event.queue, event.channel)] = event
            case CallerLeft():
                self._waiting.pop((event.queue, event.channel), None)
            case SnapshotEnd():
                self._drop_unseen()
            case FullyBooted() | Reloaded() | ShuttingDown() | Held() | Parked():
                pass
            case _ as never:
                assert_never(never)

    def _note(self, queue: str, who: str) -> _Key:
        key = (queue, who)
        if self._seen is not None:
            self._seen.add(key)
        return key

    def _drop_unseen(self) -> None:
        if self._seen is not None:
            self._agents = {key: a for key, a in self._agents.items() if key in self._seen}
            self._waiting = {key: c for key, c in self._waiting.items() if key in self._seen}
        self._seen, self.fresh = None, True
