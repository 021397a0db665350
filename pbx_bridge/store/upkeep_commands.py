"""What `calls rebuild`, `db pack` and `db work-out` do, beside a daemon that may run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from pbx_bridge.store.calls_text import moment_of
from pbx_bridge.store.commands import Place
from pbx_bridge.store.rebuild import Rebuilt

Progress = Callable[[int, int, str], None]


async def rebuild_calls(place: Place, say: Callable[[str], None], progress: Progress, *, since: str | None) -> bool:
    """Fold calls anew; True when every one could be. Raises InputError, StoreError."""
    start = moment_of(since, place.zone)
    outcome, begun = Rebuilt(), time.monotonic()
    async with place.open_existing() as store:
        try:
            await store.rebuilder.run(outcome, since=start, progress=lambda done, total: progress(done, total, ""))
        except asyncio.CancelledError:
            say(f"interrupted; what was done stands, the rest is as it was. {_told(outcome)}")
            raise
    say(f"{_told(outcome)}, in {time.monotonic() - begun:.1f} s")
    return not outcome.broken


async def pack_facts(place: Place, say: Callable[[str], None], progress: Progress) -> None:
    """Pack what is long over, at once. Raises StoreError."""
    async with place.open_existing() as store:
        packed = await store.packer.finish(lambda done, total: progress(done, total, ""))
    say(f"packed the facts of {packed} calls")


async def work_out(place: Place, say: Callable[[str], None], progress: Progress, *, only_tell: bool) -> None:
    """Work out calls from before at once, or tell how far that came. Raises StoreError."""
    begun = time.monotonic()
    async with place.open_existing() as store:
        if only_tell:
            done, total = await store.backfill.progress()
            say(f"{done} of {total} calls are worked out")
            return
        done = await store.backfill.finish(lambda done, total: progress(done, total, ""))
    say(f"worked out {done} calls, in {time.monotonic() - begun:.1f} s")


def _told(outcome: Rebuilt) -> str:
    told = f"{outcome.done} of {outcome.total} calls folded anew: {outcome.changed} revisions"
    if outcome.bare:
        told += f"; {outcome.bare} left as they are, their facts tell no call any more"
    if outcome.broken:
        told += f"; {outcome.broken} left as they are, they cannot be folded: the log says why"
    return told
