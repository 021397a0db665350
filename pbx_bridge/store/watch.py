"""The store seen from beside a running daemon: read only, never migrated, for commands that look on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pbx_bridge.calls.fact_text import decode
from pbx_bridge.calls.facts import FactKind, RawFact, Step
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.announce import Announcer
from pbx_bridge.store.calls import CallBook
from pbx_bridge.store.database import Database, connect
from pbx_bridge.store.runs import Runs
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us


class Steps:
    """The IVR steps of callers, as they are written."""

    def __init__(self, reader: Database) -> None:
        self._reader = reader

    async def of(self, node: str, channel: str, sequence: int = 0) -> list[Step]:
        """The steps of one channel from a sequence number on, in their order."""
        file = f"step:{channel}"
        rows = await self._reader.rows(SQL["steps_of_channel"], node=node, file=file, sequence=sequence)
        return [step for row in rows if isinstance(step := decode(_raw(node, file, channel, *row)), Step)]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreView:
    """What can be looked at."""

    calls: CallBook
    runs: Runs
    steps: Steps


@asynccontextmanager
async def watch_store(place: StorePlace, region: str = "IR") -> AsyncIterator[StoreView]:
    """The store at `place`, which a daemon keeps open. Raises StoreError if there is none."""
    async with connect(place, reading=True) as reader:
        yield StoreView(calls=CallBook(reader, Announcer(), region), runs=Runs(reader), steps=Steps(reader))


def _raw(node: str, file: str, channel: str, sequence: int, at_us: int, body: str) -> RawFact:
    return RawFact(
        node=node,
        file=file,
        offset=sequence,
        kind=FactKind.STEP,
        at=from_us(at_us),
        channel=channel,
        body=body,
    )
