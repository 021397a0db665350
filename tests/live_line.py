"""A support line as AMI and ARI tell of it: the board's feed, and what happens on it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import msgspec
from demo_history import NOON

from pbx_bridge.ami.agents import AgentTable
from pbx_bridge.ami.channels import ChannelTable
from pbx_bridge.ami.events import (
    AgentState,
    AmiEvent,
    BridgeEntered,
    CallerJoined,
    CallerLeft,
    ChannelGone,
    ChannelSeen,
    ChannelsEnd,
    Dialled,
    Presence,
    SnapshotEnd,
)
from pbx_bridge.ivr.known import CustomerFacts
from pbx_bridge.ivr.run import Phase, Run
from pbx_bridge.web.board.feed import LiveFeed
from pbx_bridge.web.board.ports import BoardParts, Parts

NODE = "pbx1"


@dataclass
class CountedWaits:
    """Today's waits, as told."""

    waits: Parts = field(default_factory=dict)

    async def days(self, name: str, first: date, last: date) -> dict[date, Parts]:
        assert name == "wait"
        return {first: self.waits}


class LiveLine:
    """The line. `now` is the time of whatever happens next."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now
        agents, channels = AgentTable(lambda: self.now), ChannelTable(lambda: self.now)
        self.feed = LiveFeed(NODE, agents, channels, lambda: self.now)
        self.waits = CountedWaits()
        self._runs: dict[str, Run] = {}
        self._linkedids: dict[str, str] = {}

    @property
    def parts(self) -> BoardParts:
        """The board's parts, with this line."""
        return BoardParts(feed=self.feed, tallies=self.waits, words=lambda _, node, language: node, wrap_up_s=5)

    def tell(self, *events: AmiEvent) -> None:
        """AMI tells these."""
        for event in events:
            self.feed.agents.apply(event)
            self.feed.channels.apply(event)
            self.feed.heard(event)

    def connect(self) -> None:
        """AMI was lost and is back: both lists come, of what stood last."""
        self.tell(ChannelsEnd(), SnapshotEnd())

    def lose(self) -> None:
        """AMI is lost."""
        self.feed.agents.stale()
        self.feed.channels.stale()
        self.feed.touched()

    def member(self, extension: str, presence: Presence = Presence.IDLE, **told: object) -> AgentState:
        """A member of `support`, told of."""
        interface = f"PJSIP/{extension}"
        state = AgentState(
            queue="support",
            interface=interface,
            name=extension,
            presence=presence,
            paused=False,
            paused_reason="",
            calls_taken=0,
            last_call_at=None,
            phone=interface,
        )
        state = replace(state, **told)  # type: ignore[arg-type]
        self.tell(state)
        return state

    def calls(self, channel: str, number: str = "09121234567", name: str = "") -> None:
        """Somebody calls from outside."""
        self.tell(self._channel(channel, channel, "PJSIP/trunk-01", number, name))

    def in_menu(self, channel: str, at: str, customer: str = "", number: str = "09121234567") -> None:
        """The caller stands in the flow at that node."""
        facts = CustomerFacts(code="C-1", name=customer) if customer else None
        known = self._runs.get(channel) or Run(
            node=NODE,
            channel=channel,
            caller=number,
            caller_name="",
            called="100",
            flow="support",
            version="v1",
            entered_at=self.now,
            at=at,
        )
        self._runs[channel] = msgspec.structs.replace(known, at=at, phase=Phase.SAYING, customer=facts)
        self.feed.stands(self._runs[channel])

    def waits_in(self, channel: str, queue: str = "support", position: int = 1) -> None:
        """The flow gives the caller to a queue."""
        if channel in self._runs:
            self._runs[channel] = msgspec.structs.replace(self._runs[channel], phase=Phase.QUEUED)
            self.feed.stands(self._runs[channel])
        joined = CallerJoined(queue=queue, channel=channel, position=position, caller="", caller_name="", at=self.now)
        self.tell(joined)

    def rings(self, channel: str, extension: str) -> str:
        """An agent's phone rings for the caller; the phone's channel."""
        phone = f"{channel}-{extension}"
        self.tell(
            self._channel(phone, channel, f"PJSIP/{extension}-01", extension, ""),
            Dialled(channel=channel, dialled=phone, at=self.now),
        )
        return phone

    def talks(self, channel: str, phone: str, queue: str = "support") -> None:
        """The agent answers."""
        bridge, linkedid = f"bridge-{channel}", self._linkedids.get(channel, channel)
        self.tell(
            CallerLeft(queue=queue, channel=channel, at=self.now),
            *(BridgeEntered(channel=one, linkedid=linkedid, bridge=bridge, at=self.now) for one in (phone, channel)),
        )

    def hangs_up(self, *channels: str) -> None:
        """These are gone."""
        for channel in channels:
            self.tell(ChannelGone(channel=channel))
            if channel in self._runs:
                self.feed.stands(msgspec.structs.replace(self._runs.pop(channel), phase=Phase.OVER))

    def later(self, seconds: float) -> None:
        """Time goes by."""
        self.now += timedelta(seconds=seconds)

    def _channel(self, channel: str, linkedid: str, name: str, number: str, number_name: str) -> ChannelSeen:
        self._linkedids[channel] = linkedid
        return ChannelSeen(
            channel=channel,
            linkedid=linkedid,
            name=name,
            number=number,
            number_name=number_name,
            exten="100",
            at=self.now,
        )
