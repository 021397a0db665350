"""Who is who on a call: the person outside, the people of ours, and what each is called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from pbx_bridge.calls.call import Direction
from pbx_bridge.calls.facts import Live, LiveKind
from pbx_bridge.calls.timeline import Leg, Timeline, Visit, peer_name

# Where calls from outside enter: asterisk-conf/extensions.conf.j2's context, and those of FreePBX and Issabel.
INBOUND_CONTEXTS = frozenset(
    {"from-trunk", "from-pstn", "from-did-direct", "from-digital", "from-zaptel", "from-dahdi", "from-analog"}
)
OUTSIDE_DIGITS = 7  # a number this long is no extension
_DIALLED = re.compile(r"/(\+?\d+)@")  # PJSIP/09121234567@trunk


def is_outside(leg: Leg) -> bool:
    """The leg is a trunk's: whoever is there is none of ours. A trunk leg that we rang starts in its context too."""
    return leg.came_in or leg.first.context in INBOUND_CONTEXTS


def direction_of(timeline: Timeline, called: str, live: Sequence[Live] = ()) -> Direction:
    """Seen from the company."""
    if is_outside(timeline.root):
        return Direction.INBOUND
    asked = any(fact.event is LiveKind.ORIGINATE for fact in live)
    outside = asked or any(is_outside(leg) for leg in timeline.others())
    digits = sum(char.isdigit() for char in called)
    return Direction.OUTBOUND if outside or digits >= OUTSIDE_DIGITS else Direction.INTERNAL


def customer_of(timeline: Timeline, direction: Direction) -> Leg:
    """The leg on whose side talk is counted: the person outside; of an internal call, whoever called."""
    if direction is not Direction.OUTBOUND:
        return timeline.root
    outside = [leg for leg in timeline.others() if is_outside(leg)]
    answered = (leg for leg in outside if leg.answered_at is not None)
    return next(answered, outside[-1] if outside else timeline.root)


class Names:
    """What the parties of a call are called: an extension of ours, a number outside."""

    def __init__(self, timeline: Timeline, called: str) -> None:
        self._timeline, self._called = timeline, called

    def of(self, leg: Leg, channel_name: str = "") -> str:
        """The leg's party; `channel_name` is what it was called at that moment, if not as in the beginning."""
        if is_outside(leg):
            return self._number(leg)
        return peer_name(channel_name) if channel_name else leg.party

    def of_channel(self, channel_name: str) -> str:
        """The party of a channel that a transfer names."""
        leg = next((leg for leg in self._timeline.legs if channel_name in leg.names), None)
        return peer_name(channel_name) if leg is None else self.of(leg, channel_name)

    def _number(self, leg: Leg) -> str:
        if not leg.is_dialled:
            return leg.first.num
        return next(self._dialled(leg), self._called)

    def _dialled(self, leg: Leg) -> Iterator[str]:
        # Its own rows show our number, or nothing: who rang it says what was dialled.
        for visit in _dials(self._timeline.legs):
            told = _DIALLED.search(visit.data)
            over = visit.ended_at is not None and visit.ended_at < leg.started_at
            if told is not None and visit.started_at <= leg.started_at and not over:
                yield told.group(1)


def _dials(legs: Iterable[Leg]) -> list[Visit]:
    return sorted(
        (visit for leg in legs for visit in leg.visits if visit.app == "Dial"),
        key=lambda v: v.started_at,
        reverse=True,
    )
