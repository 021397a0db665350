"""What the board shows, and what it is worked out of, as values. Pure.

AMI's channels say which calls there are; a call in progress on record that has no channel any more is over, and the
record is only a little behind. While AMI is away the record and the flow runs alone say it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pbx_bridge.ami.channels import Group
from pbx_bridge.ami.events import AgentState, CallerJoined
from pbx_bridge.calls.call import Call
from pbx_bridge.web.board.feed import Standing


class Doing(enum.StrEnum):
    """What goes on in a call."""

    MENU = "menu"
    QUEUE = "queue"
    RING = "ring"
    TALK = "talk"
    HOLD = "hold"
    PARK = "park"
    VOICEMAIL = "voicemail"
    OTHER = "other"


class State(enum.StrEnum):
    """What an agent does."""

    FREE = "free"
    RING = "ring"
    TALK = "talk"
    HOLD = "hold"
    BUSY = "busy"  # on the phone, with whom is not known
    WRAP_UP = "wrap_up"
    PAUSED = "paused"
    AWAY = "away"  # no phone of theirs is there
    NO_QUEUE = "no_queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Today's service level of a queue: of `all` who waited and were answered or gave up, `in_time` were answered."""

    in_time: int
    all: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What is known at one moment.

    Attributes:
        groups: the channels by call; None: AMI does not tell.
        calls: those in progress on record, of every node.
        node: whose channels, runs and agents these are.
        names: agents by extension; an empty name where only the extension is known.
        wrap_up_s: after a call, where the member itself does not tell.
    """

    now: datetime
    node: str
    groups: Sequence[Group] | None
    waiting: Sequence[CallerJoined] = ()
    members: Sequence[AgentState] = ()
    standings: Mapping[str, Standing] = field(default_factory=dict)
    calls: Sequence[Call] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, Level] = field(default_factory=dict)
    wrap_up_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCall:
    """One call now.

    Attributes:
        key: its call_id. recorded: whether its page is there already.
        caller, name, called: hostile text. direction: empty while only the channels tell of it.
        since: when what goes on began; None: not known.
        queue, place: where it waits; place 0: not known.
        others: extensions and numbers that ring, or talk with the caller.
        at: flow version and node where it stands in a flow; empty: nowhere.
    """

    key: str
    started_at: datetime
    recorded: bool
    caller: str
    name: str
    called: str
    direction: str
    doing: Doing
    since: datetime | None
    queue: str = ""
    place: int = 0
    others: tuple[str, ...] = ()
    at: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveQueue:
    """One queue now. `first_at`: since when the longest waiting waits. `free` and `there` count agents."""

    name: str
    waiting: int
    first_at: datetime | None
    free: int
    there: int
    members: int
    level: Level | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAgent:
    """One agent now. `other`: whom they talk with or who rings them; `reason`: of the pause, as they gave it."""

    extension: str
    name: str
    state: State
    since: datetime | None
    other: str = ""
    other_name: str = ""
    paused: bool = False
    reason: str = ""
    queues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The board. `names`: agents by extension, for whom calls tell."""

    calls: tuple[LiveCall, ...]
    queues: tuple[LiveQueue, ...]
    agents: tuple[LiveAgent, ...]
    names: tuple[tuple[str, str], ...] = ()
