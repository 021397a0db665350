"""The measures, each a module with `measure(system, quick) -> Figures`; `ALL` is their order in a run. What needs no
Asterisk stands in `ALONE`, with `measure(desk) -> Figures`.

Memory comes first, while the daemon is young; what fills its caches comes last.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from bench.desk import Desk
from bench.figure import Figure
from bench.measures import (
    cpu,
    crowd,
    engine,
    events,
    keys,
    lists,
    live_event,
    memory,
    page,
    page_list,
    page_paint,
    page_report,
    pop,
    rate,
    rebuild,
    record,
)
from bench.system import System

Measure = Callable[[System, bool], Awaitable[Sequence[Figure]]]
Alone = Callable[[Desk], Awaitable[Sequence[Figure]]]

ALL: Mapping[tuple[str, ...], Measure] = {
    memory.NAMES: memory.measure,
    keys.NAMES: keys.measure,
    crowd.NAMES: crowd.measure,
    cpu.NAMES: cpu.measure,
    events.NAMES: events.measure,
    page.NAMES: page.measure,
    live_event.NAMES: live_event.measure,
    pop.NAMES: pop.measure,
    rate.NAMES: rate.measure,
}

ALONE: Mapping[tuple[str, ...], Alone] = {
    record.NAMES: record.measure,
    rebuild.NAMES: rebuild.measure,
    lists.NAMES: lists.measure,
    engine.NAMES: engine.measure,
    page_list.NAMES: page_list.measure,
    page_report.NAMES: page_report.measure,
    page_paint.NAMES: page_paint.measure,
}
