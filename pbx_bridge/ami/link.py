"""The AMI link: keeps one connection alive for ever and hands its events on in order.

After each connect it subscribes first and takes a snapshot second. The snapshot's rows come through the same
queue as live events, so what is older stays older.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import stamina
import structlog

from pbx_bridge.ami.agents import AgentTable
from pbx_bridge.ami.channels import ChannelTable
from pbx_bridge.ami.connection import AmiConnection
from pbx_bridge.ami.events import AmiEvent, FullyBooted, Reloaded, ShuttingDown, SnapshotEnd, decode
from pbx_bridge.errors import AmiRefused, AmiUnavailable, AsteriskError
from pbx_bridge.health import Health, LinkState
from pbx_bridge.tls import Trust
from pbx_bridge.values.number_rules import PLAIN, NumberRules

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The link's times in seconds.

    Attributes:
        deadline: for connecting and for each answer.
        ping: silence after which the far end is asked for a sign of life.
        first, longest: wait before the first and between later tries to connect; jitter comes on top.
        refused: wait after a wrong password, which only a person can put right.
        steady: a connection that lasted that long was a good one: the waits start anew.
        again: after so long everything is asked for anew, should anything have been missed.
    """

    deadline: float = 5.0
    ping: float = 5.0
    first: float = 0.2
    longest: float = 1.0
    jitter: float = 0.2
    refused: float = 30.0
    steady: float = 10.0
    again: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Where AMI is and who we are there. `trust`: whom we believe to be there, over TLS; None: no TLS."""

    host: str
    port: int
    user: str
    secret: str = field(repr=False)
    trust: Trust | None = None


class AmiLink:
    """The link. Run `run()` as a task named `ami`; it ends only when cancelled.

    Args:
        on_event: called with each event, in order, after `agents` and `channels` took it; it must not wait.
        numbers: what the house does to numbers.
    """

    def __init__(
        self,
        login: Login,
        health: Health,
        on_event: Callable[[AmiEvent], None],
        pace: Pace | None = None,
        numbers: NumberRules = PLAIN,
    ) -> None:
        self.agents, self.channels = AgentTable(), ChannelTable(numbers=numbers)
        self._login, self._health, self._on_event = login, health, on_event
        self._pace = pace if pace is not None else Pace()
        self._connection: AmiConnection | None = None
        self._refused = False  # to see the channels; told once
        self._why_down = ""

    async def run(self) -> None:
        """Connect, serve, connect again, for ever."""
        pace = self._pace
        while True:
            tries = stamina.retry_context(
                on=self._wait_after,
                attempts=None,
                timeout=None,
                wait_initial=pace.first,
                wait_max=pace.longest,
                wait_jitter=pace.jitter,
            )
            async for attempt in tries:
                with attempt:
                    await self._session()

    async def send(self, action: str, deadline_s: float | None = None, **fields: str) -> dict[str, str]:
        """Send an action; its answer's fields, names in lower case. It is never sent twice.

        Raises:
            AmiUnavailable: no connection, or it was lost, or no answer in time.
            AsteriskError: Asterisk answered with an error.
            ValueError: a value holds CR, LF or NUL.
        """
        if self._connection is None:
            raise AmiUnavailable("there is no AMI connection")
        return await self._connection.send(action, fields, deadline_s)

    def _wait_after(self, error: Exception) -> bool | float:
        """Which ends of a session are tried again, and after how long."""
        if isinstance(error, AmiRefused):
            self._down(f"wrong password for user {self._login.user}")
            return self._pace.refused
        if isinstance(error, AsteriskError):
            self._down(str(error))
            return True
        return False

    def _down(self, reason: str) -> None:
        if reason != self._why_down:  # each try fails alike while Asterisk is away
            log.warning("ami_down", reason=reason)
        self._why_down = reason
        self._health.report("ami", LinkState.DOWN, reason)

    def _up(self) -> None:
        if self._why_down:
            log.info("ami_connected")
        self._why_down = ""
        self._health.report("ami", LinkState.UP)

    async def _session(self) -> None:
        """One connection from open to lost. Returns if it had lasted, raises AsteriskError if it had not."""
        login, loop = self._login, asyncio.get_running_loop()
        connection = await AmiConnection.open(
            login.host, login.port, login.user, login.secret, deadline_s=self._pace.deadline, trust=login.trust
        )
        self._health.report("ami", LinkState.DEGRADED, "waiting for Asterisk to be fully booted")
        begun, self._connection = loop.time(), connection
        try:
            await self._serve(connection)
        finally:
            self._connection = None
            self.agents.stale()
            self.channels.stale()
            connection.close()
        self._down("the connection was lost")
        if loop.time() - begun < self._pace.steady:
            raise AmiUnavailable("the connection was lost")

    async def _serve(self, connection: AmiConnection) -> None:
        loop = asyncio.get_running_loop()
        asked = loop.time()
        while True:
            if self.agents.fresh and loop.time() - asked > self._pace.again:
                asked = loop.time()
                await self._ask_snapshot(connection)
            try:
                async with asyncio.timeout(self._pace.ping):
                    told = await connection.event()
            except TimeoutError:
                if not await self._alive(connection):
                    return
                continue
            if told is None:
                return
            event = decode(told)
            if event is not None:
                self._take(event)
                if isinstance(event, FullyBooted | Reloaded):
                    await self._ask_snapshot(connection)

    async def _alive(self, connection: AmiConnection) -> bool:
        try:
            await connection.send("Ping")
        except AmiUnavailable:
            return False
        return True

    async def _ask_snapshot(self, connection: AmiConnection) -> None:
        """Ask for all members, callers and channels; they come as events, `SnapshotEnd` the last."""
        try:
            self.channels.expect_snapshot()
            await connection.send("CoreShowChannels")
        except AmiUnavailable:
            raise
        except AsteriskError as error:  # a user of a PBX that is not ours may not be let see them
            self.channels.stale()
            if not self._refused:
                log.warning("ami_channels_refused", reason=str(error))
            self._refused = True
        self.agents.expect_snapshot()
        await connection.send("QueueStatus")

    def _take(self, event: AmiEvent) -> None:
        self.agents.apply(event)
        self.channels.apply(event)
        match event:
            case SnapshotEnd():
                self._up()
            case ShuttingDown():
                self._down("Asterisk is shutting down")
            case _:
                pass
        try:
            self._on_event(event)
        except Exception:
            # One consumer's fault must cost one event, not the link.
            log.exception("ami_event_failed", kind=type(event).__name__)
