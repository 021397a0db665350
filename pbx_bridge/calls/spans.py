"""Spans of time: from, and to (None: still open)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from operator import itemgetter

Span = tuple[datetime, datetime | None]

_start: Callable[[Span], datetime] = itemgetter(0)

_MICROSECOND = timedelta(microseconds=1)


def overlap(one: Span, other: Span) -> Span | None:
    """The time both cover; None if they do not meet for a moment at least."""
    start = max(one[0], other[0])
    end = one[1]
    if end is None or (other[1] is not None and other[1] < end):
        end = other[1]
    return (start, end) if end is None or start < end else None


def overlaps(one: Iterable[Span], others: Iterable[Span]) -> list[Span]:
    """The time covered by both collections."""
    many = tuple(others)
    return union(both for a in one for b in many if (both := overlap(a, b)) is not None)


def union(spans: Iterable[Span], gap: timedelta = timedelta(0)) -> list[Span]:
    """The same time as spans that do not touch, in order; gaps no longer than `gap` are closed."""
    several = list(spans)
    if len(several) < 2:
        return several
    joined: list[Span] = []
    for start, end in sorted(several, key=_start):
        if joined and _reaches(joined[-1][1], start, gap):
            joined[-1] = (joined[-1][0], _later(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """What is left of the spans when the others are cut out."""
    left = union(spans)
    for start, end in union(taken):
        left = [piece for span in left for piece in _cut(span, start, end)]
    return left


def length_us(spans: Iterable[Span], until: datetime) -> int:
    """Microseconds covered by at least one span; an open one counts to `until`."""
    closed = [(start, max(start, until) if end is None else end) for start, end in spans]
    if len(closed) < 2:  # as most: one talk, one wait
        return sum((end - start) // _MICROSECOND for start, end in closed)
    return sum((end - start) // _MICROSECOND for start, end in union(closed) if end is not None)


def _reaches(end: datetime | None, start: datetime, gap: timedelta) -> bool:
    return end is None or end + gap >= start


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else max(one, other)


def _cut(span: Span, start: datetime, end: datetime | None) -> list[Span]:
    if overlap(span, (start, end)) is None:
        return [span]
    before: list[Span] = [(span[0], start)] if span[0] < start else []
    if end is not None and (span[1] is None or end < span[1]):
        before.append((end, span[1]))
    return before
