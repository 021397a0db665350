"""A toy Asterisk for the dialler: takes calls, tells which channels live, fails or kills us where it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from store_facts import NODE

from pbx_bridge.ami.agents import AgentTable
from pbx_bridge.ami.channels import ChannelTable
from pbx_bridge.ami.events import AgentState, ChannelSeen, ChannelsEnd, Presence, SnapshotEnd
from pbx_bridge.ari_handlers import wire
from pbx_bridge.ari_handlers.dial_rules import DialRules
from pbx_bridge.ari_handlers.dialler import Dialler, Live
from pbx_bridge.ari_handlers.originate import Asked
from pbx_bridge.ari_handlers.progress import Phase
from pbx_bridge.errors import AriUnavailable, AsteriskError
from pbx_bridge.health import utc_now
from pbx_bridge.store import Store
from pbx_bridge.store.dials import Dial


class Died(BaseException):
    """The daemon is killed here."""


@dataclass
class Toy:
    """Asterisk: which channels it was asked for, in order, and which live."""

    sent: list[str] = field(default_factory=list)
    living: dict[str, str] = field(default_factory=dict)
    fail: AsteriskError | None = None
    dies: str = ""

    def at(self, point: str) -> None:
        if self.dies == point:
            self.dies = ""
            raise Died

    async def place(self, asked: Asked) -> None:
        self.at("place:before")
        if self.fail is not None and not isinstance(self.fail, AriUnavailable):
            raise self.fail
        assert asked.channel not in self.sent
        self.sent.append(asked.channel)
        self.living[asked.channel] = f"PJSIP/{asked.agent}-0000000{len(self.sent)}"
        self.at("place:after")
        if self.fail is not None:
            raise self.fail

    async def channels(self) -> list[wire.Channel]:
        return [wire.Channel(id=channel, name=name) for channel, name in self.living.items()]

    async def hang_up(self, channel: str) -> None:
        self.living.pop(channel, None)


class Book:
    """The store's, with death before and after what it does."""

    def __init__(self, store: Store, toy: Toy) -> None:
        self._book, self._toy = store.dials, toy

    def __getattr__(self, name: str) -> Any:
        async def do(*args: Any) -> Any:
            self._toy.at(f"{name}:before")
            answer = await getattr(self._book, name)(*args)
            self._toy.at(f"{name}:after")
            return answer

        return do


@dataclass
class Daemon:
    """One life of the dialler."""

    dialler: Dialler
    live: Live
    toy: Toy

    def seen(self) -> None:
        """AMI lists what lives."""
        self.live.channels.expect_snapshot()
        for channel, name in self.toy.living.items():
            self.live.channels.apply(
                ChannelSeen(
                    channel=channel, linkedid=channel, name=name, number="", number_name="", exten="", at=utc_now()
                )
            )
        self.live.channels.apply(ChannelsEnd())
        self.dialler.touch()

    async def phase(self, dial_id: str, wanted: Phase) -> Dial:
        """The dial, once it is in that phase."""
        async with asyncio.timeout(10):
            while True:
                found = await self.dialler.progress(dial_id)
                assert found is not None
                if found.phase is wanted:
                    return found.dial
                await asyncio.sleep(0.01)


@asynccontextmanager
async def daemon(store: Store, toy: Toy, *, phone: Presence = Presence.IDLE) -> AsyncIterator[Daemon]:
    live = Live(channels=ChannelTable(), agents=AgentTable())
    live.agents.apply(
        AgentState(
            queue="support", interface="PJSIP/101", name="101", presence=phone, phone="PJSIP/101",
            paused=False, paused_reason="", calls_taken=0, last_call_at=None,
        )
    )  # fmt: skip
    live.agents.apply(SnapshotEnd())

    async def found(channel: str) -> None:
        return None

    async def agents() -> Sequence[str]:
        return ("101", "102")

    dialler = Dialler(
        node=NODE,
        book=Book(store, toy),
        originator=toy,
        ari=toy,
        live=live,
        found=found,
        agents=agents,
        rules=DialRules.parse(["*"], ["+9890*"]),
    )
    one = Daemon(dialler, live, toy)
    one.seen()
    task = asyncio.create_task(dialler.run())
    try:
        yield one
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
