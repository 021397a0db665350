"""The measures, each a module with `measure(system, quick) -> Figures`; `ALL` is their order in a run.

Memory comes first, while the daemon is young; what fills its caches comes last.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from bench.figure import Figure
from bench.measures import cpu, events, keys, memory, page
from bench.system import System

Measure = Callable[[System, bool], Awaitable[Sequence[Figure]]]

ALL: Mapping[tuple[str, ...], Measure] = {
    memory.NAMES: memory.measure,
    keys.NAMES: keys.measure,
    cpu.NAMES: cpu.measure,
    events.NAMES: events.measure,
    page.NAMES: page.measure,
}
