"""The record as the operator reads it: `pbx-bridge calls --json`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from bench.figure import CannotMeasure
from bench.system import System

Record = dict[str, Any]

_MOST = "100000"
_POLL_S = 1.0


async def records(system: System, since: datetime) -> Sequence[Record]:
    """The calls begun since then."""
    words = ("calls", "--json", "--since", since.isoformat(), "--limit", _MOST)
    return [json.loads(line) for line in (await system.running.command(*words)).splitlines()]


async def records_of(system: System, since: datetime, callers: Collection[str], limit_s: float) -> Sequence[Record]:
    """One closed record for each of these callers, as soon as all are there. Raises CannotMeasure."""
    deadline = asyncio.get_running_loop().time() + limit_s
    while True:
        found = [record for record in await records(system, since) if record["caller"] in callers]
        closed = [record for record in found if record["ended_at"]]
        if len(closed) >= len(callers) or asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(_POLL_S)
    seen = {record["caller"] for record in closed}
    if len(found) != len(callers) or len(seen) != len(callers):
        raise CannotMeasure(
            f"{len(callers)} calls gave {len(found)} records, {len(closed)} of them closed, of {len(seen)} callers"
        )
    return closed
