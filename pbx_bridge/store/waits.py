"""What the record knows for a caller who is about to wait: how fast a queue moved lately, how they fared before."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from pbx_bridge.calls.call import Call, Outcome, Segment, SegmentKind
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.store import call_body
from pbx_bridge.store.database import Database
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us

LATELY = timedelta(hours=1)
FEWEST = 3  # answered waits, below which nothing is told

_LONGEST_CALL = timedelta(hours=1)  # what began before may be answered in the hour, too
_MOST_WAITS = 200  # the newest of a busy hour tell enough, and more would take long to read
_MOST_CALLS = 10
_FAR = (SegmentKind.WAIT, SegmentKind.TALK, SegmentKind.HOLD)


class Waits:
    """Reads only."""

    def __init__(self, reader: Database, region: str = "IR") -> None:
        self._reader, self._region = reader, region

    async def pace(self, queue: str, now: datetime) -> float | None:
        """Seconds of waiting for each place in a queue, as in its last hour; None: too few were answered to tell.

        Raises StoreError.
        """
        values = {**_between(now - LATELY - _LONGEST_CALL, now), "limit": _MOST_WAITS}
        calls = await self._calls("waits_between", values)
        visits = [part for call in calls for part in call.segments if part.kind is SegmentKind.WAIT]
        return pace_of([visit for visit in visits if visit.party == queue], since=now - LATELY)

    async def broken_off(self, number: str, now: datetime) -> str:
        """What a caller's last hour entitles them to: `cut_off`, `again`, or empty.

        cut_off: their last call ended while they waited, or talked, and not by the other's hanging up. again: they
        called, and spoke with nobody. `number` is as it came. Raises StoreError.
        """
        key = call_body.number_key(number, self._region)
        if not key:
            return ""  # hidden: that is nobody, and everybody
        values = {**_between(now - LATELY, now), "number": key, "limit": _MOST_CALLS}
        rows = await self._reader.rows(SQL["calls_of_caller_between"], **values)
        if not rows:
            return ""
        if was_cut_off(call_body.decode(rows[0][1])):
            return "cut_off"
        return "" if any(outcome == Outcome.ANSWERED for outcome, _ in rows) else "again"

    async def _calls(self, name: str, values: dict[str, Any]) -> Sequence[Call]:
        # Decoded in the database's thread: it takes longer than the reading.
        return await self._reader.read(
            lambda db: [call_body.decode(body) for (body,) in db.execute(SQL[name], values).fetchall()]
        )


def pace_of(visits: Iterable[Segment], *, since: datetime) -> float | None:
    """Seconds of waiting for each place, from a queue's visits: what was answered since then, by its place at entry.

    Somebody who was third waited for two others as well, so all the waits together are divided by all the places.
    """
    visits = list(visits)
    begins = sorted(visit.started_at for visit in visits)
    ends = sorted(visit.ended_at for visit in visits if visit.ended_at is not None)
    waited, places, count = timedelta(), 0, 0
    for visit in visits:
        if visit.result == "answered" and visit.ended_at is not None and visit.ended_at >= since:
            waited += visit.ended_at - visit.started_at
            places += 1 + bisect_left(begins, visit.started_at) - bisect_right(ends, visit.started_at)
            count += 1
    return waited.total_seconds() / places if count >= FEWEST else None


def was_cut_off(call: Call) -> bool:
    """Whether a call that is over ended while its caller waited or talked, without anybody's wanting it so.

    Who gave up waiting counts as well; whom the flow took leave of does not.
    """
    if call.outcome is Outcome.ABANDONED_QUEUE or call.end_estimated:
        return True
    taken_leave = bool(call.steps) and call.steps[-1].kind == StepKind.ENDED
    last = max(call.segments, key=_end, default=None)
    return call.ended_by == "system" and not taken_leave and last is not None and last.kind in _FAR


def _end(segment: Segment) -> datetime:
    return segment.ended_at or segment.started_at


def _between(since: datetime, until: datetime) -> dict[str, int]:
    return {"since_us": to_us(since), "until_us": to_us(until)}
