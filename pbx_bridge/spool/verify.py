"""`calls verify`: reads Asterisk's own files once more, from their beginning, and compares them with the record.

The files are grouped anew, by the same pure rules and without the store, so that a fault in the journal, the grouping
or the folding shows. What is not on disk any more is not compared.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pbx_bridge.calls.call import Call
from pbx_bridge.calls.fact_text import Undecodable, decode
from pbx_bridge.calls.facts import CelRow, QueueEvent, RawFact
from pbx_bridge.calls.keys import NO_CHANNEL, keys_of
from pbx_bridge.calls.source import Cursor
from pbx_bridge.calls.verify import Cdr, Disagreement, Evidence, Window, compare, unsupported
from pbx_bridge.spool.cdr import cdr_files, read_cdrs
from pbx_bridge.spool.cel import CelSpool
from pbx_bridge.spool.generation import generations
from pbx_bridge.spool.queue_log import QueueLogSpool
from pbx_bridge.spool.tail import Tail
from pbx_bridge.store import Store
from pbx_bridge.store.gaps import SPOOLS, GapState
from pbx_bridge.store.ledger import Reach

Progress = Callable[[int, int, str], None]

_AT_ONCE = 200  # calls looked up in one piece of work
_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where one node's Asterisk writes."""

    node: str
    cel: Path
    queue_log: Path
    cdr: Path


@dataclass(slots=True)
class _Reading:
    """All evidence, grouped.

    Attributes:
        reached: how far the store has come in each file; `heard`: when it was last known to have come to the end.
        skipped: rows and CDRs that could not be read.
        first_at, last_at: of the CEL rows.
    """

    node: str
    reached: dict[str, int] = field(default_factory=dict)
    heard: dict[str, datetime] = field(default_factory=dict)
    groups: dict[str, Evidence] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    rows: int = 0
    skipped: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None

    def take(self, raw: RawFact, source: str) -> None:
        self.files.add(raw.file)
        try:
            fact = decode(raw)
        except Undecodable:
            self.skipped += 1
            return
        if not isinstance(fact, CelRow | QueueEvent) or not (keys := keys_of(fact)):
            return
        self.rows += 1
        told = self._group(keys)
        told.unread = told.unread or self._waits(raw, source)
        if isinstance(fact, CelRow):
            told.take_row(fact)
            self.first_at = min(fact.at, self.first_at or fact.at)
            self.last_at = max(fact.at, self.last_at or fact.at)
        else:
            told.events.append(fact)
            told.span(fact.at)

    def take_cdr(self, cdr: Cdr) -> None:
        keys = frozenset((cdr.uniqueid, cdr.linkedid)) - NO_CHANNEL
        if keys:
            told = self._group(keys)
            told.cdrs.append(cdr)
            told.span(cdr.started_at)

    def _waits(self, raw: RawFact, source: str) -> bool:
        """It was written after the store had last come to the end of that file, and has not been read."""
        heard = self.heard.get(source)
        return raw.offset >= self.reached.get(raw.file, 0) and (heard is None or raw.at > heard)

    def _group(self, keys: frozenset[str]) -> Evidence:
        told: Evidence | None = None
        for key in keys:
            other = self.groups.get(key)
            if told is None:
                told = other
            elif other is not None and other is not told:
                if len(other.keys) > len(told.keys):
                    told, other = other, told
                told.merge(other)
                self.groups.update(dict.fromkeys(other.keys, told))
        told = Evidence(node=self.node) if told is None else told
        told.keys |= keys
        self.groups.update(dict.fromkeys(keys, told))
        return told

    def before_cel(self) -> list[Window]:
        """What other files tell of a time before the first CEL row may be of a time before the record."""
        first = datetime.max.replace(tzinfo=UTC) if self.first_at is None else self.first_at
        return [Window(since=_EPOCH, until=first, why="no CEL of that time is on disk")]

    def calls(self) -> Iterator[Evidence]:
        return iter({id(told): told for told in self.groups.values()}.values())


@dataclass(slots=True, kw_only=True)
class Summary:
    """What was looked at. `notes`: what could not be compared, a sentence each."""

    calls: int = 0
    rows: int = 0
    notes: list[str] = field(default_factory=list)


async def disagreements(
    store: Store, files: Files, since: datetime | None, progress: Progress, summary: Summary
) -> AsyncIterator[Disagreement]:
    """Everything that the record and the files tell differently. `summary` is filled on the way.

    Raises StoreError, and OSError for a file that is there and cannot be read.
    """
    reaches = await store.ledger.reaches(files.node)
    heard = {name: mark.at for name, mark in (await store.gaps.heard(files.node)).items()}
    reading = _Reading(files.node, reached={r.file: r.offset for r in reaches}, heard=heard)
    await asyncio.to_thread(_read, reading, files, since, progress, summary)
    windows = await _windows(store, files.node)
    known: set[str] = set()
    for some in _chunks(reading.calls()):
        entries = await store.ledger.entries(files.node, [_channels(told) for told in some])
        for told, entry in zip(some, entries, strict=True):
            known.update(call.call_id for call in entry.calls)
            if told.is_call and _is_meant(told, since):
                summary.calls += 1
                excuses = windows if told.seen else [*windows, *reading.before_cel()]
                for found in compare(told, entry.calls, folding=entry.folding, windows=excuses):
                    yield found
    summary.rows = reading.rows
    async for call in _untold(store, reading, reaches, since, known):
        yield unsupported(call, windows)


def _channels(told: Evidence) -> list[str]:
    return [key for key in told.keys if not key.startswith("bridge:")]


def _is_meant(told: Evidence, since: datetime | None) -> bool:
    return since is None or (told.first_at is not None and told.first_at >= since)


def _read(reading: _Reading, files: Files, since: datetime | None, progress: Progress, summary: Summary) -> None:
    tails = (
        CelSpool(files.cel, files.node, _passed(files.cel, files.node, "cel", since)),
        QueueLogSpool(files.queue_log, files.node, _passed(files.queue_log, files.node, "queue", since)),
    )
    total = sum(g.size for tail in tails for g in generations(tail.path, tail.source))
    done = told = 0
    for tail in tails:
        if tail.missing:
            summary.notes.append(tail.missing)
        for read in _batches(reading, tail):
            done += read
            while told < min(100, done * 100 // total):
                told += 1
                progress(told, 100, "")
    if not (cdrs := cdr_files(files.cdr)):
        summary.notes.append(f"{files.cdr.name} is not there: no CDR was compared")
    for cdr in itertools.chain.from_iterable(map(read_cdrs, cdrs)):
        if cdr is None:
            reading.skipped += 1
        else:
            reading.take_cdr(cdr)
    if reading.skipped:
        summary.notes.append(f"rows that could not be read: {reading.skipped}; see `pbx-bridge calls unreadable`")


def _passed(path: Path, node: str, source: str, since: datetime | None) -> list[Cursor]:
    """Cursors at the end of the generations that nobody wrote to since a day before `since`: they are not read."""
    if since is None:
        return []
    old = [g for g in generations(path, source) if _changed(g.path) < since - _DAY]
    return [Cursor(node=node, source=source, file=g.identity, offset=g.size) for g in old]


def _changed(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _batches(reading: _Reading, tail: Tail) -> Iterator[int]:
    """Read a spool to its end; the bytes of each batch."""
    at: dict[str, int] = {}
    try:
        while batch := tail.read():
            for fact in batch.facts:
                reading.take(fact, tail.source)
            reading.skipped += len(batch.unreadable)
            tail.advance(batch.cursors)
            for cursor in batch.cursors:
                reading.files.add(cursor.file)
                yield cursor.offset - at.get(cursor.file, 0)
                at[cursor.file] = cursor.offset
    finally:
        tail.close()


async def _windows(store: Store, node: str) -> list[Window]:
    gaps = await store.gaps.windows(unread=True)
    return [
        Window(since=gap.since, until=gap.until, why=f"gap: {gap.reason}")
        for gap in gaps
        if gap.node == node and gap.source in SPOOLS and gap.state in (GapState.OPEN, GapState.LOST)
    ]


async def _untold(
    store: Store, reading: _Reading, reaches: Iterable[Reach], since: datetime | None, known: set[str]
) -> AsyncIterator[Call]:
    """Calls on record of a time whose CEL files are all on disk, though none of these tells of them."""
    if reading.first_at is None or reading.last_at is None:
        return
    gone = [reach.moved_at for reach in reaches if reach.source == "cel" and reach.file not in reading.files]
    start = max([reading.first_at, *gone, *([since] if since else [])])
    async for row in store.calls.since(start):
        call = row.call
        ours = call.node == reading.node and call.source == "cel"
        if ours and start <= call.started_at <= reading.last_at and call.call_id not in known:
            yield call


def _chunks(calls: Iterator[Evidence]) -> Iterator[list[Evidence]]:
    while some := list(itertools.islice(calls, _AT_ONCE)):
        yield some
