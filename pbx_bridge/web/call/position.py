"""Where in a recording the parts of its call are heard. Pure.

A recording holds what was said while its channel was joined with another: talks, and what cut into them. Nothing is
written between them, so a part's place is what was heard before it. It is right to a second or so: a recording
begins with its answer, and a bridge is joined a moment later.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pbx_bridge.calls.call import Call, Segment, SegmentKind
from pbx_bridge.spool.sounds import Sound
from pbx_bridge.web.show import microseconds

_OFF_US, _OFF_SHARE = 5_000_000, 0.1  # between a recording and its parts: more, and it holds something else
HEARD = frozenset({SegmentKind.TALK, SegmentKind.HOLD, SegmentKind.CONSULT, SegmentKind.PARK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A part of the call in a recording; microseconds from the recording's beginning."""

    segment: Segment
    start_us: int
    end_us: int

    @property
    def start_s(self) -> float:
        """Seconds, to a tenth."""
        return round(self.start_us / 1_000_000, 1)


def stretches(call: Call, sound: Sound, now: datetime) -> tuple[Stretch, ...]:
    """The parts of a call that are heard in one of its recordings, in order.

    None of a message; nor of a recording that is not as long as they are together: it was paused, or holds what an
    agent asked a colleague.
    """
    if sound.message:
        return ()
    found = sorted((s for s in call.segments if s.kind in HEARD), key=lambda s: s.started_at)
    made: list[Stretch] = []
    heard_us, reached = 0, sound.started_at
    for segment in found:
        begin, end = max(segment.started_at, reached), segment.ended_at or call.ended_at or now
        if end <= begin:
            continue
        # Those who talk at the same time are heard once.
        last_us = heard_us + microseconds(end - begin)
        made.append(Stretch(segment=segment, start_us=heard_us, end_us=min(last_us, sound.length_us)))
        heard_us, reached = last_us, end
    if abs(heard_us - sound.length_us) > max(_OFF_US, sound.length_us * _OFF_SHARE):
        return ()
    return tuple(stretch for stretch in made if stretch.start_us < sound.length_us)
