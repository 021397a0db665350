"""The channels as they stand now, and who is with whom: a table fed by events in their order. Pure.

Channels belong to one call when they share a linkedid or a bridge: a transfer brings together what had two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pbx_bridge.ami.events import (
    AmiEvent,
    BridgeEntered,
    BridgeLeft,
    ChannelGone,
    ChannelSeen,
    ChannelsEnd,
    Dialled,
    Held,
    Parked,
)
from pbx_bridge.calls.as_told import number_of_channel
from pbx_bridge.health import utc_now
from pbx_bridge.values.number_rules import PLAIN, NumberRules

_INNER = "Local/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One channel.

    Attributes:
        phone: what Asterisk dials, e.g. `PJSIP/101`. number, number_name, exten: as in ChannelSeen, the number as we
            keep it.
        began_at: aware UTC, as all times here.
        bridge: where it is with others, since `bridged_at` (None: since before we looked); empty: nowhere.
        rings_since: its phone rings for another channel of the call; None: it does not.
        held: on hold for the others, or the others for it. parked: the slot it is parked in.
    """

    channel: str
    linkedid: str
    phone: str
    number: str
    number_name: str
    exten: str
    began_at: datetime
    bridge: str = ""
    bridged_at: datetime | None = None
    rings_since: datetime | None = None
    held: bool = False
    parked: str = ""

    @property
    def inner(self) -> bool:
        """Whether it only leads to another channel: nobody is at its end."""
        return self.phone.startswith(_INNER)


Group = tuple[Channel, ...]
"""The channels of one call, the first to begin first."""


class ChannelTable:
    """Every channel. Known only from the first `ChannelsEnd` on."""

    def __init__(self, clock: Callable[[], datetime] = utc_now, numbers: NumberRules = PLAIN) -> None:
        self._clock, self.numbers = clock, numbers
        self._channels: dict[str, Channel] = {}
        self._together = False  # since this was last looked at, a channel came to others; they may be gone
        self._seen: set[str] | None = None
        self.fresh = False  # whether the table tells the present; false while the link is down

    def all(self) -> Sequence[Channel]:
        """Every channel, the first to begin first."""
        return sorted(self._channels.values(), key=lambda one: (one.began_at, one.channel))

    def groups(self) -> list[Group]:
        """The channels by call, in order of their beginning."""
        return groups(self.all())

    @property
    def any_together(self) -> bool:
        """Whether any channel is with others."""
        self._together = self._together and any(one.bridge for one in self._channels.values())
        return self._together

    def expect_snapshot(self) -> None:
        """A list of all was asked for: what is not named until its end will be dropped."""
        self._seen = set()

    def stale(self) -> None:
        """The link is down: what stands here was true until now."""
        self.fresh, self._seen = False, None

    def apply(self, event: AmiEvent) -> bool:
        """Take one event; whether it changed anything."""
        self._together = self._together or (isinstance(event, ChannelSeen | BridgeEntered) and bool(event.bridge))
        match event:
            case ChannelSeen():
                self._begin(event)
            case ChannelGone():
                return self._channels.pop(event.channel, None) is not None
            case Dialled() if event.channel != event.dialled:
                return self._change(event.dialled, rings_since=event.at or self._clock())
            case BridgeEntered():
                return self._enter(event)
            case BridgeLeft():
                return self._leave(event)
            case Held():
                return self._change(event.channel, held=event.held)
            case Parked():
                return self._change(event.channel, parked=event.slot or "?")
            case ChannelsEnd():
                self._drop_unseen()
            case _:
                return False
        return True

    def _begin(self, event: ChannelSeen) -> None:
        known = self._channels.get(event.channel)
        if self._seen is not None:
            self._seen.add(event.channel)
        if known is not None:
            self._listed_again(event)
            return
        began = event.at or self._clock() - timedelta(seconds=event.age_s)
        self._channels[event.channel] = Channel(
            channel=event.channel,
            linkedid=event.linkedid or event.channel,
            phone=event.name.rpartition("-")[0] or event.name,
            number=number_of_channel(self.numbers, event.name, event.number),
            number_name=event.number_name,
            exten=event.exten,
            began_at=began,
            bridge=event.bridge,
            rings_since=began if event.ringing else None,
        )

    def _listed_again(self, event: ChannelSeen) -> None:
        """What a list says of a channel we know: its times are kept, where it is may have been missed."""
        known = self._channels[event.channel]
        if event.listed and event.bridge != known.bridge:
            at = self._clock() if event.bridge else None
            known = replace(known, bridge=event.bridge, bridged_at=at, held=False, parked="")
        rings = (known.rings_since or self._clock()) if event.ringing else None
        self._channels[event.channel] = replace(known, linkedid=event.linkedid or known.linkedid, rings_since=rings)

    def _enter(self, event: BridgeEntered) -> bool:
        known = self._channels.get(event.channel)
        linkedid = event.linkedid or (known.linkedid if known else "")
        at = event.at or self._clock()
        return self._change(event.channel, linkedid=linkedid, bridge=event.bridge, bridged_at=at, rings_since=None)

    def _leave(self, event: BridgeLeft) -> bool:
        known = self._channels.get(event.channel)
        if known is None or known.bridge != event.bridge:
            return False  # it has gone on to the next before this was told
        return self._change(event.channel, bridge="", bridged_at=None, held=False, parked="")

    def _change(self, channel: str, **fields: object) -> bool:
        known = self._channels.get(channel)
        if known is None:
            return False
        self._channels[channel] = replace(known, **fields)  # type: ignore[arg-type]
        return self._channels[channel] != known

    def _drop_unseen(self) -> None:
        if self._seen is not None:
            self._channels = {name: one for name, one in self._channels.items() if name in self._seen}
        self._seen, self.fresh = None, True


def groups(channels: Sequence[Channel]) -> list[Group]:
    """Channels by call: those that share a linkedid or a bridge, directly or through others."""
    of_key: dict[str, list[Channel]] = {}
    for one in channels:
        keys = {f"linkedid {one.linkedid}", *({f"bridge {one.bridge}"} if one.bridge else ())}
        met = {id(found): found for key in keys if (found := of_key.get(key)) is not None}
        group = [one, *(channel for found in met.values() for channel in found)]
        for channel in group:
            of_key[f"linkedid {channel.linkedid}"] = group
            if channel.bridge:
                of_key[f"bridge {channel.bridge}"] = group
    several = {id(group): group for group in of_key.values()}
    ordered = [tuple(sorted(group, key=lambda one: (one.began_at, one.channel))) for group in several.values()]
    return sorted(ordered, key=lambda group: (group[0].began_at, group[0].channel))
