"""The record held against Asterisk's files: every call there, once, whole; what is not is named."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bench.records import Record
from bench.soak.files import Told

_SAME_S = 0.001  # two times of one moment differ by no more
_STEP_S = 1.0  # from one thing heard to the next
_TALK_S = 1.1  # queue_log counts whole seconds

_UNREACHED = {"abandoned_ivr", "self_served", "abandoned_queue", "missed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known of a run.

    Attributes:
        calls: what Asterisk's files tell, by root.
        records: the calls on record, as `calls --json` prints them.
        dialled: every caller's number.
        answered: the numbers of which a caller got a 200 OK.
        strangers: linked ids that belong to no inbound call.
        silences: the longest silence of each call that was heard in full, seconds.
        unserved: the same, counted anew whenever the daemon came back: what one fault cost the caller.
        silence_limit_s: what the dead-man timer promises.
        farewell_s: how long the dialplan speaks when nobody is there.
    """

    calls: Mapping[str, Told]
    records: Sequence[Record]
    dialled: Sequence[str]
    answered: Sequence[str]
    strangers: Sequence[str]
    silences: Mapping[str, float]
    unserved: Mapping[str, float]
    silence_limit_s: float
    farewell_s: float


def problems(evidence: Evidence) -> list[str]:
    """One line for everything that is not as it should be; empty when all is well."""
    return [*_counted(evidence), *_each(evidence), *_heard(evidence)]


def _counted(evidence: Evidence) -> Iterator[str]:
    told = Counter(call.caller for call in evidence.calls.values())
    kept = Counter(record["caller"] for record in evidence.records)
    for number in sorted(told.keys() | kept.keys()):
        if kept[number] < told[number]:
            yield f"LOST: {number} called {told[number]} times, {kept[number]} on record"
        elif kept[number] > told[number]:
            yield f"DOUBLED: {number} called {told[number]} times, {kept[number]} on record"
    for number in sorted(set(evidence.answered) - kept.keys()):
        yield f"LOST: {number} was answered and is not on record"
    for number in sorted(told.keys() - set(evidence.dialled)):
        yield f"a call of {number!r}, who did not dial"
    for call_id, count in Counter(record["call_id"] for record in evidence.records).items():
        if count > 1:
            yield f"DOUBLED: {call_id} stands {count} times"
    yield from (f"linked id {name} belongs to no call from outside" for name in evidence.strangers)


def _each(evidence: Evidence) -> Iterator[str]:
    by_caller: dict[str, list[Record]] = {}
    for kept in evidence.records:
        by_caller.setdefault(kept["caller"], []).append(kept)
    for call in evidence.calls.values():
        theirs = by_caller.get(call.caller, ())
        record: Record | None = next((one for one in theirs if _same(_seconds(one["started_at"]), call.begun)), None)
        if record is None:
            yield f"LOST: no record of {call.caller} begins when {call.root} does"
        else:
            yield from (f"{call.root} of {call.caller}: {words}" for words in _compare(call, record))


def _compare(call: Told, record: Record) -> Iterator[str]:
    if record["ended_at"] is None or record["outcome"] is None:
        yield "still open"
        return
    if record["end_estimated"] != (call.ended is None):
        yield f"end_estimated is {record['end_estimated']}, by the files it ended at {call.ended}"
    if call.ended is not None and not call.ended - _SAME_S < _seconds(record["ended_at"]) < call.over + _SAME_S:
        yield f"ended {record['ended_at']}, by the files between {call.ended} and {call.over}"
    if record["outcome"] not in expected_outcomes(call):
        yield f"outcome {record['outcome']}, queue_log says {call.queue}"
    if record["fallback"] != call.fallback:
        yield f"fallback is {record['fallback']}, by the files {call.fallback}"
    if call.talk is not None and abs(record["talk_s"] - call.talk) > _TALK_S:
        yield f"talk {record['talk_s']} s, queue_log says {call.talk} s"


def expected_outcomes(call: Told) -> set[str]:
    """What a record of this call may say."""
    if "CONNECT" in call.queue:
        return {"answered"}
    if call.ended is None:
        return {"lost", "self_served"}
    if "ABANDON" in call.queue:
        return {"abandoned_queue"}
    if "ENTERQUEUE" in call.queue:
        return {"missed", "abandoned_queue"}
    return _UNREACHED


def _heard(evidence: Evidence) -> Iterator[str]:
    for root, silence in evidence.unserved.items():
        if silence > evidence.silence_limit_s:
            yield f"DEAD AIR: {root} heard nothing for {silence:.1f} s"
    for call in evidence.calls.values():
        if max(call.left, default=0.0) > _STEP_S:
            yield f"DEAD AIR: {call.root} stood {max(call.left):.1f} s between the flow and what came next"
        if max(call.farewell, default=0.0) > evidence.farewell_s + _STEP_S:
            yield f"DEAD AIR: {call.root} was let go {max(call.farewell):.1f} s after the flow, without a word"


def summary(evidence: Evidence) -> dict[str, Any]:
    """The counts of a run, for people and machines."""
    silences = sorted(evidence.silences.values())
    return {
        "dialled": len(evidence.dialled),
        "answered": len(evidence.answered),
        "calls_in_files": len(evidence.calls),
        "calls_on_record": len(evidence.records),
        "interrupted": sum(record["end_estimated"] for record in evidence.records),
        "fallback": sum(record["fallback"] for record in evidence.records),
        "outcomes": dict(sorted(Counter(str(record["outcome"]) for record in evidence.records).items())),
        "heard_in_full": len(silences),
        "silence_p50_s": round(_quantile(silences, 0.5), 2),
        "silence_p99_s": round(_quantile(silences, 0.99), 2),
        "silence_worst_s": round(max(silences, default=0.0), 2),
        "silence_of_one_fault_worst_s": round(max(evidence.unserved.values(), default=0.0), 2),
    }


def _quantile(values: Sequence[float], share: float) -> float:
    return values[math.ceil(len(values) * share) - 1] if values else 0.0


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


def _same(one: float, other: float) -> bool:
    return abs(one - other) < _SAME_S
