"""What only AMI tells and the record wants: hold, resume and parking become facts as they are heard.

AMI replays nothing to a client that was away, so the record is right without them, if poorer. An Unhold without a
Hold comes at every park and transfer (asterisk-proved.md 12.5): it is written down as it is heard; the fold knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from pbx_bridge.ami.events import AmiEvent, Held, Parked
from pbx_bridge.calls.fact_text import live_fact
from pbx_bridge.calls.facts import LiveKind, RawFact
from pbx_bridge.health import Clock, utc_now

log = structlog.get_logger()

Post = Callable[[Sequence[RawFact]], asyncio.Future[None]]


class LiveFacts:
    """A listener of the AMI link.

    Args:
        node: the PBX's systemname.
        post: queues facts for the journal without waiting.
    """

    def __init__(self, node: str, post: Post, clock: Clock = utc_now) -> None:
        self._node, self._post, self._clock = node, post, clock

    def heard(self, event: AmiEvent) -> None:
        """Journal the event, if it is one of those; never waits."""
        fact = self._fact(event)
        if fact is not None:
            self._post([fact]).add_done_callback(_tell_failure)

    def _fact(self, event: AmiEvent) -> RawFact | None:
        match event:
            case Held(held=held):
                kind, data = (LiveKind.HOLD if held else LiveKind.UNHOLD), {}
            case Parked(slot=slot):
                kind, data = LiveKind.PARKED, {"slot": slot}
            case _:
                return None
        if not event.channel:
            return None
        at = event.at or self._clock()
        return live_fact(node=self._node, channel=event.channel, at=at, event=kind, data=data)


def _tell_failure(done: asyncio.Future[None]) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        log.warning("live_fact_lost", reason=str(error))
