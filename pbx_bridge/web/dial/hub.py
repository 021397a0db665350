"""Everybody's phone as it stands now, worked out once for all who look, and who is woken when that changes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from pbx_bridge.ari_handlers.progress import Progress
from pbx_bridge.ari_handlers.telephone import Hand
from pbx_bridge.health import Clock
from pbx_bridge.web.board.crew import view_of
from pbx_bridge.web.board.model import Heard, LiveAgent
from pbx_bridge.web.dial.ports import DialParts
from pbx_bridge.web.ports import Agents

GAP_S = 0.3  # between two looks at the phones for one page, however much happens
_OLD_S = 1.0  # wrap-ups end without an event
_NAMES_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Phones:
    """All phones at one moment. `agents`, `hands`: by extension; `known`: whether AMI tells of the present."""

    agents: Mapping[str, LiveAgent]
    hands: Mapping[str, Hand]
    known: bool


class PhoneHub:
    """Looks at the phones while somebody asks."""

    def __init__(self, parts: DialParts, agents: Agents, clock: Clock) -> None:
        self._parts, self._agents, self._clock = parts, agents, clock
        self._names: Mapping[str, str] = {}
        self._named_at = self._looked_at = float("-inf")
        self._phones: Phones | None = None
        self.version = 0  # of the phones: grows with every change
        self._news = asyncio.Event()
        self.closed = False
        parts.feed.listen(self.touch)
        parts.dialler.listen(self.touch)

    def touch(self) -> None:
        """Something may have changed. Never waits."""
        self._phones = None
        self.version += 1
        self._news.set()
        self._news = asyncio.Event()

    def close(self) -> None:
        """Let whoever waits go."""
        self.closed = True
        self._parts.feed.unlisten(self.touch)
        self._parts.dialler.unlisten(self.touch)
        self.touch()

    async def look(self) -> Phones:
        """All phones as they stand. Raises StoreError, before it ever knew the names."""
        now = asyncio.get_running_loop().time()
        if now - self._named_at > _NAMES_S:
            self._names, self._named_at = await self._agents.names(), now
        if self._phones is None or now - self._looked_at > _OLD_S:
            self._phones, self._looked_at = self._look(), now
        return self._phones

    def _look(self) -> Phones:
        feed = self._parts.feed
        known = feed.agents.fresh
        heard = Heard(
            now=self._clock(),
            node=feed.node,
            groups=feed.channels.groups() if known and feed.channels.fresh else None,
            members=feed.agents.agents(),
            names=self._names,
            wrap_up_s=self._parts.wrap_up_s,
        )
        agents = {agent.extension: agent for agent in view_of(heard).agents}
        return Phones(agents=agents, hands=self._parts.phones.hands(), known=known)

    def going_on(self, extension: str) -> Progress | None:
        """The call that this phone was asked to make, while it goes on."""
        found = [one for one in self._parts.dialler.going_on.values() if one.dial.extension == extension]
        return found[-1] if found else None

    async def wait(self, version: int, limit_s: float) -> None:
        """Return when something changed since that version, a moment after the last time or more; or in `limit_s`."""
        if not self.closed:
            await asyncio.sleep(GAP_S)
        if version == self.version and not self.closed:
            with suppress(TimeoutError):
                async with asyncio.timeout(limit_s):
                    await self._news.wait()
