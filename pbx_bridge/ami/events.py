"""What AMI tells us, as values: the few events the live board and the flows use, and nothing of AMI's spelling.

Pure and total: a message that is no event of ours, or a broken one, decodes to None.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime


class Presence(enum.IntEnum):
    """Asterisk's device state of a queue member, by its number."""

    UNKNOWN = 0
    IDLE = 1
    IN_CALL = 2
    BUSY = 3
    INVALID = 4
    UNAVAILABLE = 5
    RINGING = 6
    RINGING_IN_CALL = 7
    ON_HOLD = 8


AWAY = frozenset({Presence.UNAVAILABLE, Presence.INVALID, Presence.UNKNOWN})
"""No call can reach a phone in one of these states."""

_LONGEST_WAIT_S = 86_400 * 30  # in a queue; what tells of more tells nonsense, and dates end somewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentState:
    """A queue member as it stands now.

    Attributes:
        interface: what Asterisk dials, e.g. `PJSIP/101`. name: the member's name.
        paused_reason: as the agent gave it; empty if none.
        last_call_at: aware UTC; None if they took no call since Asterisk started.
        paused_at: aware UTC; None if they are not paused, or Asterisk does not tell since when.
        phone: the device whose state is told, `PJSIP/101` also where the interface leads there by other ways.
        wrap_up_s: of this member alone; what the queue gives to everybody is not told.
    """

    queue: str
    interface: str
    name: str
    presence: Presence
    paused: bool
    paused_reason: str
    calls_taken: int
    last_call_at: datetime | None
    paused_at: datetime | None = None
    phone: str = ""
    wrap_up_s: int = 0

    @property
    def reachable(self) -> bool:
        """Whether the queue may ring them now or when they hang up."""
        return not self.paused and self.presence not in (Presence.UNAVAILABLE, Presence.INVALID, Presence.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRemoved:
    """A member left a queue."""

    queue: str
    interface: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerJoined:
    """A caller waits in a queue. `position` is from 1; caller and caller_name are hostile text.

    `priority` and `waited_s` are told in lists only, which tell no time: 0 of whom we see joining.
    """

    queue: str
    channel: str
    position: int
    caller: str
    caller_name: str
    at: datetime | None
    priority: int = 0
    waited_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerLeft:
    """A caller waits no longer, for whatever reason."""

    queue: str
    channel: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotEnd:
    """The list of all agents and waiting callers is complete: whoever was not in it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSeen:
    """A channel began, or stands in a list (`listed`).

    Attributes:
        name: `PJSIP/101-0000002a`. number, number_name: of whom it is a channel: hostile text.
        exten: what it was made for, as the dialplan stood; the number dialled, of a caller's new channel.
        age_s: of one in a list. bridge: where it is with others, in a list; empty: nowhere.
        ringing: its phone rings, in a list.
    """

    channel: str
    linkedid: str
    name: str
    number: str
    number_name: str
    exten: str
    at: datetime | None
    listed: bool = False
    age_s: int = 0
    bridge: str = ""
    ringing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelGone:
    """A channel is hung up."""

    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialled:
    """A phone is made to ring. `channel` is the caller's, empty where Asterisk dials; `dialled` the phone's."""

    channel: str
    dialled: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeEntered:
    """A channel came together with others."""

    channel: str
    linkedid: str
    bridge: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeLeft:
    """A channel left the others."""

    channel: str
    bridge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelsEnd:
    """The list of all channels is complete: whichever was not in it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FullyBooted:
    """Asterisk is up. `uptime_s` is None from a version that does not tell."""

    uptime_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """A module, or all of them, read its configuration anew."""

    module: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShuttingDown:
    """Asterisk is leaving. `restart` tells whether it means to come back."""

    restart: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A party put the other on hold, or took it back (`held` false). An Unhold comes without a Hold at transfers."""

    channel: str
    linkedid: str
    held: bool
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A call was parked in a slot. `channel` is the parked one's uniqueid."""

    channel: str
    slot: str
    at: datetime | None


AmiEvent = (
    AgentState
    | AgentRemoved
    | CallerJoined
    | CallerLeft
    | SnapshotEnd
    | ChannelSeen
    | ChannelGone
    | Dialled
    | BridgeEntered
    | BridgeLeft
    | ChannelsEnd
    | FullyBooted
    | Reloaded
    | ShuttingDown
    | Held
    | Parked
)


def decode(told: Mapping[str, str]) -> AmiEvent | None:
    """The event in a message's fields (names in lower case); None if it is none of ours."""
    match told.get("event", "").lower():
        case "queuememberstatus" | "queuemember" | "queuememberadded" | "queuememberpause":
            return _agent(told)
        case "queuememberremoved":
            return AgentRemoved(queue=told.get("queue", ""), interface=_interface(told))
        case "queuecallerjoin" | "queueentry":
            return _joined(told)
        case "queuecallerleave":
            return CallerLeft(queue=told.get("queue", ""), channel=told.get("uniqueid", ""), at=_moment(told))
        case "queuestatuscomplete":
            return SnapshotEnd()
        case "fullybooted":
            uptime = told.get("uptime", "")
            return FullyBooted(uptime_s=_number(uptime) if uptime else None)
        case "reload":
            return Reloaded(module=told.get("module", ""))
        case "shutdown":
            return ShuttingDown(restart=told.get("restart", "").lower() in ("true", "1", "yes"))
        case "hold" | "unhold" as kind:
            return _held(told, held=kind == "hold")
        case "parkedcall":
            return Parked(channel=told.get("parkeeuniqueid", ""), slot=told.get("parkingspace", ""), at=_moment(told))
        case "coreshowchannelscomplete":
            return ChannelsEnd()
        case kind:
            return _of_channel(kind, told)


def _of_channel(kind: str, told: Mapping[str, str]) -> AmiEvent | None:
    channel, bridge = told.get("uniqueid", ""), told.get("bridgeuniqueid", "")
    match kind:
        case "dialbegin" if dialled := told.get("destuniqueid", ""):
            return Dialled(channel=channel, dialled=dialled, at=_moment(told))
        case "newchannel" | "coreshowchannel" if channel:
            return _channel(told, listed=kind == "coreshowchannel")
        case "hangup" if channel:
            return ChannelGone(channel=channel)
        case "bridgeenter" if channel and bridge:
            linkedid = told.get("linkedid", "")
            return BridgeEntered(channel=channel, linkedid=linkedid, bridge=bridge, at=_moment(told))
        case "bridgeleave" if channel:
            return BridgeLeft(channel=channel, bridge=bridge)
        case _:
            return None


def _channel(told: Mapping[str, str], *, listed: bool) -> ChannelSeen:
    return ChannelSeen(
        channel=told["uniqueid"],
        linkedid=told.get("linkedid", ""),
        name=told.get("channel", ""),
        number=_unless_unknown(told.get("calleridnum", "")),
        number_name=_unless_unknown(told.get("calleridname", "")),
        exten=told.get("exten", ""),
        at=_moment(told),
        listed=listed,
        age_s=_seconds(told.get("duration", "")),
        bridge=told.get("bridgeid", ""),
        ringing=listed and told.get("channelstate", "") == "5",
    )


def _seconds(duration: str) -> int:
    """Of 01:02:03."""
    seconds = 0
    for part in duration.split(":")[:3]:
        seconds = seconds * 60 + _number(part)
    return min(seconds, 10**9)


def _interface(told: Mapping[str, str]) -> str:
    # QueueStatus calls the interface "Location", the live events call it "Interface".
    return told.get("interface", "") or told.get("location", "")


def _agent(told: Mapping[str, str]) -> AgentState | None:
    queue, interface = told.get("queue", ""), _interface(told)
    if not queue or not interface:
        return None
    status, last_call = _number(told.get("status", "")), _number(told.get("lastcall", ""))
    paused, last_pause = told.get("paused", "0") == "1", _number(told.get("lastpause", ""))
    return AgentState(
        queue=queue,
        interface=interface,
        name=told.get("membername", "") or told.get("name", "") or interface,
        presence=Presence(status) if status in set(Presence) else Presence.UNKNOWN,
        paused=paused,
        paused_reason=told.get("pausedreason", ""),
        calls_taken=_number(told.get("callstaken", "")),
        last_call_at=_epoch(last_call) if last_call else None,
        paused_at=_epoch(last_pause) if paused and last_pause else None,
        phone=told.get("stateinterface", "") or interface,
        wrap_up_s=min(_number(told.get("wrapuptime", "")), 86400),
    )


def _joined(told: Mapping[str, str]) -> CallerJoined | None:
    queue, channel = told.get("queue", ""), told.get("uniqueid", "")
    if not queue or not channel:
        return None
    return CallerJoined(
        queue=queue,
        channel=channel,
        position=_number(told.get("position", "")),
        caller=_unless_unknown(told.get("calleridnum", "")),
        caller_name=_unless_unknown(told.get("calleridname", "")),
        at=_moment(told),
        priority=_number(told.get("priority", "")),
        waited_s=min(_number(told.get("wait", "")), _LONGEST_WAIT_S),
    )


def _held(told: Mapping[str, str], *, held: bool) -> Held:
    return Held(channel=told.get("uniqueid", ""), linkedid=told.get("linkedid", ""), held=held, at=_moment(told))


def _unless_unknown(text: str) -> str:
    return "" if text in ("<unknown>", "unknown") else text


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


def _epoch(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _moment(told: Mapping[str, str]) -> datetime | None:
    # Timestamp (timestampevents=yes) is the time of sending, 2 to 5 ms after the event: asterisk-proved.md 3.
    seconds, _, fraction = told.get("timestamp", "").partition(".")
    at = _epoch(whole) if (whole := _number(seconds)) else None
    return at.replace(microsecond=_number(fraction.ljust(6, "0")[:6])) if at is not None else None
