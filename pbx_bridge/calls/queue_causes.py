"""Why a wait in a queue ended and why an agent's phone stopped ringing, as queue_log tells it.

queue_log has whole seconds: it gives causes, never times. An event of second S happened in [S, S+1).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pbx_bridge.calls.facts import QueueEvent
from pbx_bridge.calls.timeline import Visit, peer_name

# An event's second, and a little: queue_log reads a coarser clock than CEL does.
_SECOND = timedelta(seconds=1, milliseconds=20)

# How a caller left without a person: queue_log's word → ours.
EXITS = {
    "ABANDON": "abandoned",
    "EXITWITHTIMEOUT": "timeout",
    "EXITEMPTY": "empty",
    "EXITWITHKEY": "key",
}
_RINGS = {"RINGNOANSWER": "no_answer", "RINGCANCELED": "cancelled"}


def in_order(events: Iterable[QueueEvent]) -> tuple[QueueEvent, ...]:
    """Each event once, in the order they were written."""
    ordered = sorted(events, key=lambda e: (e.at, e.file, e.offset))
    return tuple({(e.at, e.uniqueid, e.queue, e.agent, e.event, e.args): e for e in ordered}.values())


def visit_results(visits: Sequence[Visit], events: Sequence[QueueEvent]) -> list[tuple[str, bool]]:
    """For each visit of a queue, in time order: how queue_log says it ended, and whether in so many words.

    `empty` also when the queue let nobody in, which queue_log tells by silence; empty text when the visit goes on or
    its end has not been told yet.
    """
    entries = [e for e in events if e.event == "ENTERQUEUE"]
    exits = [e for e in events if e.event in EXITS]
    return [_visit_result(visit, entries, exits) for visit in visits]


def _visit_result(visit: Visit, entries: list[QueueEvent], exits: list[QueueEvent]) -> tuple[str, bool]:
    entry = _take(visit, entries)
    if entry is None:
        return ("" if visit.ended_at is None else "empty"), False
    told = _take(visit, exits)
    return (EXITS[told.event], True) if told is not None else ("", False)


def _take(visit: Visit, events: list[QueueEvent]) -> QueueEvent | None:
    # Each event explains one visit, so what is taken is removed: two visits of one queue may share a second.
    queue = visit.data.partition(",")[0]
    for index, event in enumerate(events):
        started = event.queue == queue and event.at + _SECOND > visit.started_at
        if started and (visit.ended_at is None or event.at <= visit.ended_at):
            return events.pop(index)
    return None


def ring_result(party: str, stopped_at: datetime, events: Iterable[QueueEvent]) -> str:
    """`no_answer`, `cancelled`, or empty when queue_log does not speak of this phone at this moment."""
    for event in events:
        near = -_SECOND * 2 < stopped_at - event.at < _SECOND * 2
        if near and event.event in _RINGS and peer_name(event.agent) == party:
            return _RINGS[event.event]
    return ""
