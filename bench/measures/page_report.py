"""Every report over a whole year, one after the other, through the real site: from the request to its last byte."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlencode

import aiohttp

from bench.big_store import LAST_DAY
from bench.desk import Desk
from bench.figure import CannotMeasure, Figure
from bench.history import DAYS
from bench.pages_site import site_on, viewers
from bench.process import cpu_s
from pbx_bridge.web.reports.book import REPORTS

NAMES = ("page_report_ms",)

_TIMES, _QUICK_TIMES = 9, 4
_FIRST_DAY = LAST_DAY - timedelta(days=DAYS - 1)
_YEAR = urlencode({"from": _FIRST_DAY, "to": LAST_DAY})
PATHS = (*(f"/reports/{name}?{_YEAR}" for name in REPORTS), "/reports/month/2026-10")


async def measure(desk: Desk) -> Sequence[Figure]:
    """The slowest report's median."""
    folder, times = await desk.history(), _QUICK_TIMES if desk.quick else _TIMES
    took: dict[str, list[float]] = {}
    used: dict[str, float] = {}
    async with site_on(folder) as (address, pid), viewers(address, 1) as [reader]:
        desk.say(f"{len(REPORTS)} reports over a year, {times} times")
        for path in PATHS:
            before_s = cpu_s(pid)
            took[path] = [await _read(reader, path) for _ in range(times)]
            used[path] = (cpu_s(pid) - before_s) / times * 1000
    middles = {path.partition("?")[0]: sorted(some)[len(some) // 2] for path, some in took.items()}
    worst, slowest = max(middles, key=lambda path: middles[path]), max(max(some) for some in took.values())
    note = (
        f"the slowest is {worst}, its median of {times}; the slowest time of all {slowest:.0f} ms; a year of "
        f"{desk.calls:,} calls beside the year before; at most {max(used.values()):.0f} ms of CPU a report"
    )
    detail = {
        "median_ms": {path: round(ms, 1) for path, ms in middles.items()},
        "cpu_ms": {path.partition("?")[0]: round(ms) for path, ms in used.items()},
    }
    return (Figure(name=NAMES[0], value=middles[worst], unit="ms", goal=500, note=note, detail=detail),)


async def _read(reader: aiohttp.ClientSession, path: str) -> float:
    begun = time.perf_counter()
    async with reader.get(path) as answer:
        await answer.read()
        if answer.status != 200:
            raise CannotMeasure(f"{path}: HTTP {answer.status}")
    return (time.perf_counter() - begun) * 1000
