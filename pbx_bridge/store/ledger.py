"""The ledger: what is on record under a channel's id, and how far each file was read. For checks from outside."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from pbx_bridge.calls.call import Call
from pbx_bridge.calls.fact_text import Undecodable, decode
from pbx_bridge.calls.facts import CelRow, Fact, FactKind, RawFact
from pbx_bridge.calls.timeline import read_timeline
from pbx_bridge.store import call_body, packs
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, to_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What stands under some keys. `folding`: facts of it wait to be put together."""

    calls: tuple[Call, ...]
    folding: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far a spool's file was read, and when that last changed."""

    source: str
    file: str
    offset: int
    moved_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCall:
    """A call in progress, and the channel ids that belong to it."""

    group: int
    node: str
    root: str
    keys: frozenset[str]


class Ledger:
    """Reads only."""

    def __init__(self, reader: Database) -> None:
        self._reader = reader

    async def entries(self, node: str, keys: Sequence[Collection[str]]) -> list[Entry]:
        """For each collection of channel keys, every call that any of them belongs to. Raises StoreError."""
        return await self._reader.read(lambda db: [_entry(db, node, some) for some in keys])

    async def open_calls(self, node: str, before: datetime) -> list[OpenCall]:
        """Calls in progress that began before then. Raises StoreError."""
        found: dict[tuple[int, str], set[str]] = {}
        rows = await self._reader.rows(SQL["open_calls"], node=node, before_us=to_us(before))
        for group, root, key in rows:
            found.setdefault((group, root), set()).add(key)
        return [
            OpenCall(group=group, node=node, root=root, keys=frozenset(keys)) for (group, root), keys in found.items()
        ]

    async def endless_channels(self, call: OpenCall) -> list[str]:
        """Its channels that began and whose end was never told, the first first. Raises StoreError."""
        facts = await self._reader.read(lambda db: packs.facts_of(db, call.group))
        rows = [row for raw in facts if raw.kind is FactKind.CEL and isinstance(row := _row(raw), CelRow)]
        timeline = read_timeline(rows)
        legs = timeline.legs if timeline is not None else ()
        return [leg.first.uniqueid for leg in legs if leg.ended_at is None]

    async def reaches(self, node: str) -> list[Reach]:
        """Every file of a node that was read. Raises StoreError."""
        rows = await self._reader.rows(SQL["cursor_moves"], node=node)
        return [
            Reach(source=source, file=file, offset=offset, moved_at=from_us(moved_at_us))
            for source, file, offset, moved_at_us in rows
        ]


def _entry(db: Db, node: str, keys: Collection[str]) -> Entry:
    groups = {group for key in keys if (group := _group(db, node, key)) is not None}
    calls: dict[str, Call] = {}
    folding = False
    for group in groups:
        for call_id, body in db.execute(SQL["bodies_of_group"], {"id": group}).fetchall():
            calls[call_id] = call_body.decode(body)
        folding = folding or db.execute(SQL["is_dirty_group"], {"id": group}).fetchone() is not None
    return Entry(calls=tuple(calls.values()), folding=folding)


def _group(db: Db, node: str, key: str) -> int | None:
    row = db.execute(SQL["group_of_key"], {"node": node, "channel_key": key}).fetchone()
    if row is None:
        row = db.execute(SQL["packed_group_of_key"], {"key_hash": packs.key_hash(node, key)}).fetchone()
    return None if row is None else int(row[0])


def _row(raw: RawFact) -> Fact | None:
    try:
        return decode(raw)
    except Undecodable:
        return None
