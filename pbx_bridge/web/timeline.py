"""A call's segments as bars on lanes, one lane a kind. Pure; the template draws them as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pbx_bridge.calls.call import Call, Segment, SegmentKind, Transfer
from pbx_bridge.web.show import microseconds

WIDTH = 1000  # of the drawing, in its own units
_LEAST = 3.0  # so that a moment is still seen
_TICKS = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)  # seconds
_MOST_TICKS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One segment: `x` and `width` in units of the drawing, from the side where reading begins."""

    segment: Segment
    x: float
    width: float
    offset_us: int
    length_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Every segment of one kind, and how long they last together."""

    kind: SegmentKind
    bars: tuple[Bar, ...]
    total_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on the time axis."""

    x: float
    offset_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A moment of the call at which it was handed on."""

    transfer: Transfer
    x: float
    offset_us: int


def lanes(call: Call, now: datetime, *, mirrored: bool) -> tuple[Lane, ...]:
    """The lanes in the order callers meet them. `mirrored`: time runs from right to left, as Persian is read."""
    end = _end(call, now)
    bars = [_bar(segment, call.started_at, end, now, mirrored=mirrored) for segment in _ordered(call.segments)]
    made = []
    for kind in SegmentKind:
        own = tuple(bar for bar in bars if bar.segment.kind is kind)
        if own:
            made.append(Lane(kind=kind, bars=own, total_us=_union(own)))
    return tuple(made)


def ticks(call: Call, now: datetime, *, mirrored: bool) -> tuple[Tick, ...]:
    """Round moments of the call for the axis: at most seven."""
    length = (_end(call, now) - call.started_at).total_seconds()
    step = next((s for s in _TICKS if length / s <= _MOST_TICKS), max(_TICKS[-1], int(length // _MOST_TICKS) + 1))
    offsets = range(0, int(length) + 1, step)
    return tuple(Tick(x=_place(s / length, mirrored=mirrored), offset_us=s * 1_000_000) for s in offsets)


def marks(call: Call, now: datetime, *, mirrored: bool) -> tuple[Mark, ...]:
    """Where the call was handed on, by time."""
    length = _end(call, now) - call.started_at
    made = []
    for transfer in sorted(call.transfers, key=lambda t: t.at):
        share = min(1.0, max(0.0, (transfer.at - call.started_at) / length))
        offset_us = max(0, microseconds(transfer.at - call.started_at))
        made.append(Mark(transfer=transfer, x=_place(share, mirrored=mirrored), offset_us=offset_us))
    return tuple(made)


def now_place(call: Call, now: datetime, *, mirrored: bool) -> float | None:
    """Where now is on the drawing of a call that goes on; None: it is over."""
    if call.ended_at is not None:
        return None
    length = _end(call, now) - call.started_at
    return _place(min(1.0, max(0.0, (now - call.started_at) / length)), mirrored=mirrored)


def _ordered(segments: Sequence[Segment]) -> list[Segment]:
    return sorted(segments, key=lambda s: s.started_at)


def _end(call: Call, now: datetime) -> datetime:
    told = [call.ended_at or now, *(s.ended_at or call.ended_at or now for s in call.segments)]
    return max(*told, call.started_at + timedelta(seconds=1))


def _bar(segment: Segment, start: datetime, end: datetime, now: datetime, *, mirrored: bool) -> Bar:
    length = end - start
    began, ended = max(segment.started_at, start), min(segment.ended_at or end, end)
    width = max(_LEAST, (ended - began) / length * WIDTH)
    x = min((began - start) / length * WIDTH, WIDTH - width)
    return Bar(
        segment=segment,
        x=round(WIDTH - x - width if mirrored else x, 2),
        width=round(width, 2),
        offset_us=microseconds(began - start),
        length_us=max(0, microseconds(ended - began)),
    )


def _place(share: float, *, mirrored: bool) -> float:
    return round((1 - share if mirrored else share) * WIDTH, 2)


def _union(bars: Sequence[Bar]) -> int:
    total, reached = 0, 0
    for bar in bars:
        begin, finish = max(bar.offset_us, reached), bar.offset_us + bar.length_us
        total += max(0, finish - begin)
        reached = max(reached, finish)
    return total
