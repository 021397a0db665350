"""What is heard live, held together for the board: AMI's queues and channels, and where our callers stand in a flow.

The composition root feeds it; whoever looks asks it, and is woken by what they gave to `listen`. Never waits, never
fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pbx_bridge.ami.agents import AgentTable
from pbx_bridge.ami.channels import ChannelTable
from pbx_bridge.ami.events import AmiEvent
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.ivr.run import Phase, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a caller stands in a flow since when (aware UTC). `given`: the dialplan has them."""

    run: Run
    since: datetime

    @property
    def given(self) -> bool:
        """See the class."""
        return self.run.phase is Phase.QUEUED


class LiveFeed:
    """What one PBX tells.

    Args:
        node: its systemname.
        agents, channels: AMI's tables; whoever owns them feeds them before `heard`.
    """

    def __init__(
        self,
        node: str = "",
        agents: AgentTable | None = None,
        channels: ChannelTable | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self.node = node
        self.agents = agents if agents is not None else AgentTable()
        self.channels = channels if channels is not None else ChannelTable()
        self._listeners: list[Callable[[], None]] = []
        self._clock = clock
        self._standings: dict[str, Standing] = {}

    @property
    def standings(self) -> Mapping[str, Standing]:
        """Where each caller stands, by channel."""
        return self._standings

    def listen(self, listener: Callable[[], None]) -> None:
        """Be told of every change from now on, until `unlisten`."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        """Be told no more."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def touched(self) -> None:
        """Something may have changed: everybody who listens is told."""
        for listener in self._listeners:
            listener()

    def heard(self, _event: AmiEvent) -> None:
        """The tables took an event."""
        self.touched()

    def stands(self, run: Run) -> None:
        """A caller's run as it stands now."""
        before = self._standings.get(run.channel)
        if run.phase is Phase.OVER:
            self._standings.pop(run.channel, None)
        elif before is not None and (before.run.at, before.given) == (run.at, run.phase is Phase.QUEUED):
            self._standings[run.channel] = Standing(run=run, since=before.since)
        else:
            self._standings[run.channel] = Standing(run=run, since=self._clock())
        self.touched()

    def remember(self, runs: Iterable[Run]) -> None:
        """The runs that an earlier life of the daemon left; since when they stand where they do is not known."""
        for run in runs:
            if run.phase is not Phase.OVER:
                self._standings[run.channel] = Standing(run=run, since=run.entered_at)
        self.touched()

    def gone(self, channels: Iterable[str]) -> None:
        """These callers left while nobody looked."""
        for channel in channels:
            self._standings.pop(channel, None)
        self.touched()
