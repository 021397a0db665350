"""Facts of small calls as the spool and the flow runner give them, for tests of the store."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from pbx_bridge.calls.fact_text import cel_fact, step_fact
from pbx_bridge.calls.facts import RawFact, StepKind
from pbx_bridge.health import Clock, Health
from pbx_bridge.store import Store, open_store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.agenda import Pace
from pbx_bridge.store.lines import CALL_LINES, WHOLE_CALLS
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.writer import Limits

NODE = "pbx1"
CEL = "cel:1-1"
NOON = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
SOON = Pace(over_s=0.0, first_s=0.0, open_s=0.0, open_rate=1000)
QUICK = Limits(window_s=0.002)
_LISTS = WHOLE_CALLS | {f"{name} as lines": text for name, text in CALL_LINES.items()}
EVERY_STATEMENT = SQL | _LISTS

_offsets: Iterator[int] = itertools.count(0, 300)


def at(seconds: float) -> datetime:
    """A moment so long after noon."""
    return NOON + timedelta(seconds=seconds)


def cel(
    event: str, channel: str, seconds: float, *, linkedid: str = "", caller: str = "09121234567", extra: str = ""
) -> RawFact:
    """One CEL record at the next offset of the file."""
    told = ['""'] * 19
    told[0], told[1] = event, f"{at(seconds).timestamp():.6f}"
    told[4], told[7], told[8], told[9] = caller, "100", "100", "from-trunk"
    told[10], told[14], told[15] = f"PJSIP/trunk-{channel}", channel, linkedid or channel
    told[18] = '"' + extra.replace('"', '""') + '"'
    return cel_fact(node=NODE, file=CEL, offset=next(_offsets), body=",".join(told))


def step(channel: str, number: int, seconds: float, *, kind: StepKind = StepKind.KEYS, **data: object) -> RawFact:
    """One IVR step."""
    return step_fact(
        node=NODE, channel=channel, sequence=number, at=at(seconds), kind=kind, flow_node="menu", data=data
    )


def begun(channel: str, seconds: float = 0.0, caller: str = "09121234567") -> list[RawFact]:
    """A call comes in and reaches the flow."""
    return [cel("CHAN_START", channel, seconds, caller=caller), cel("ANSWER", channel, seconds + 1, caller=caller)]


def ended(channel: str, seconds: float = 30.0) -> list[RawFact]:
    """It ends."""
    return [cel(event, channel, seconds) for event in ("HANGUP", "CHAN_END", "LINKEDID_END")]


def whole(channel: str, seconds: float = 0.0, caller: str = "09121234567") -> list[RawFact]:
    """A call of 30 s."""
    return [*begun(channel, seconds, caller), step(channel, 0, seconds + 5, keys="1"), *ended(channel, seconds + 30)]


@asynccontextmanager
async def quick_store(
    place: StorePlace, health: Health | None = None, *, limits: Limits = QUICK
) -> AsyncIterator[Store]:
    """A store that folds what it gets at once, in the hour after the facts here."""
    async with open_store(place, health, pace=SOON, limits=limits, clock=afternoon()) as store:
        yield store


def afternoon() -> Clock:
    """A clock that goes from 1 h after NOON on: whenever a test runs, its facts are not yet old."""
    begun = time.monotonic()
    return lambda: at(3600 + time.monotonic() - begun)


async def revisions(store: Store, facts: Sequence[RawFact], count: int) -> list[object]:
    """Add facts, and the next so many news of them."""
    async with asyncio.timeout(10), store.calls.watch() as news:
        await store.journal.add(facts)
        return [await news.get() for _ in range(count)]
