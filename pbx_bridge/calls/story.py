"""One call's facts, put in order, with who is who: what segments, transfers and outcome are told from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pbx_bridge.calls.call import Direction
from pbx_bridge.calls.facts import Live, QueueEvent, Step
from pbx_bridge.calls.people import Names
from pbx_bridge.calls.timeline import Leg, Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One group's facts, each once, by kind and in order.

    Attributes:
        customer: the leg on whose side talk is counted.
        boots: when the node's Asterisk came up, in order.
        called: as in Call.
    """

    timeline: Timeline
    events: tuple[QueueEvent, ...]
    steps: tuple[Step, ...]
    live: tuple[Live, ...]
    boots: tuple[datetime, ...]
    called: str
    direction: Direction
    customer: Leg
    names: Names
