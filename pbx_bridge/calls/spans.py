"""Spans of time: from, and to (None: still open)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

Span = tuple[datetime, datetime | None]

_MICROSECOND = timedelta(microseconds=1)


def overlap(one: Span, other: Span) -> Span | None:
    """The time both cover; None if they do not meet for a moment at least."""
    start = max(one[0], other[0])
    end = min((end for end in (one[1], other[1]) if end is not None), default=None)
    return (start, end) if end is None or start < end else None


def length_us(spans: Iterable[Span], until: datetime) -> int:
    """Microseconds covered by at least one span; an open one counts to `until`."""
    return sum((end - start) // _MICROSECOND for start, end in _union(spans, until))


def _union(spans: Iterable[Span], until: datetime) -> Iterator[tuple[datetime, datetime]]:
    closed = sorted((start, until if end is None else end) for start, end in spans)
    current: tuple[datetime, datetime] | None = None
    for start, end in closed:
        if current is None or start > current[1]:
            if current is not None:
                yield current
            current = (start, max(start, end))
        else:
            current = (current[0], max(current[1], end))
    if current is not None:
        yield current
