"""Takes history from before our time into the record: a file of CDRs, one call a line. Repeatable.

    file ─► rows ─► facts, known by their content ─► journaled and folded, some hundred in each transaction

Cut short, it is run again: what is there already gives nothing new. A call that CEL tells is not doubled: its CDRs
join its facts, and the fold passes them over. A row that cannot be read is kept aside, as a spool's would be.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar
from zoneinfo import ZoneInfo

from pbx_bridge.calls.facts import RawFact
from pbx_bridge.calls.source import Unreadable
from pbx_bridge.errors import InputError
from pbx_bridge.store.announce import CallRow
from pbx_bridge.store.cdr_lines import Row, lines_of, rows_of
from pbx_bridge.store.cdr_rows import Layout, fact_of, find_layout, id_epoch
from pbx_bridge.store.journal import Journal
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.writer import Writer
from pbx_bridge.values.hostile import encodable

T = TypeVar("T")
Progress = Callable[[int, int, str], None]
"""Percent done, a hundred, nothing."""

_AT_ONCE = 400  # rows of one transaction
_LOOK = 100  # lines looked at for the file's layout
_SHOWN = 10  # bad rows named
_QUARTER_S = 900  # time zones differ by quarters of an hour


@dataclass(slots=True, kw_only=True)
class Imported:
    """What an import did.

    Attributes:
        rows: read and taken; bad: kept aside.
        calls: new on record; changed: those that were there already and became another revision.
        first_bad: the first of the bad rows, as `line: reason`.
        skew: by how much the times are later than the ids say, if most are: then the zone was wrong.
    """

    rows: int = 0
    bad: int = 0
    calls: int = 0
    changed: int = 0
    first_bad: list[str] = field(default_factory=list)
    skew: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is imported.

    Attributes:
        path: the file.
        node: the PBX that wrote it.
        zone: where its times are.
        format: `master`, `freepbx`, or None to find out.
    """

    path: Path
    node: str
    zone: ZoneInfo
    format: str | None = None


async def import_cdrs(
    writer: Writer, journal: Journal, source: Source, *, progress: Progress, pause_s: float = 0.0
) -> Imported:
    """Import a file of CDRs.

    Args:
        writer, journal: the open store's.
        source: what, and how it is to be read.
        progress: shown how far it has come.
        pause_s: between transactions, so that a daemon gets its turn.

    Raises:
        InputError: the file cannot be read, or is no file of CDRs.
        StoreError: the store does not take it; what was taken so far is kept.
    """
    try:
        with source.path.open("rb") as file:
            return await _import(writer, journal, source, file, _Percent(progress, file), pause_s)
    except OSError as error:
        raise InputError(f"it cannot be read: {error.strerror or error}", path=source.path) from error


async def _import(
    writer: Writer, journal: Journal, source: Source, file: BinaryIO, percent: _Percent, pause_s: float
) -> Imported:
    layout, done, skews = _layout(file, source), Imported(), Counter[int]()
    rows = rows_of(file, layout.cells)
    for number, chunk in enumerate(_chunks(rows, _AT_ONCE)):
        if number == 0 and layout.headed:
            chunk = chunk[1:]
        facts, bad = _read(chunk, source, done)
        skews.update(_skews(facts))
        if bad:
            await journal.add((), unreadable=bad)
        if facts:
            _count(await writer.submit(partial(_write, facts), weight=len(facts)), done)
        percent.show()
        await asyncio.sleep(pause_s)
    done.skew = _skew(skews)
    return done


def _write(facts: Sequence[RawFact], transaction: Transaction) -> Transaction:
    transaction.facts.extend(facts)
    transaction.at_once = True
    return transaction


def _count(transaction: Transaction, done: Imported) -> None:
    for row in transaction.news:
        if isinstance(row, CallRow):
            done.calls += row.revision == 1
            done.changed += row.revision > 1


def _layout(file: BinaryIO, source: Source) -> Layout:
    lines = [line.text for line in islice(lines_of(file), _LOOK)]
    file.seek(0)
    try:
        layout = find_layout(lines, source.format)
    except ValueError as error:
        raise InputError(str(error), path=source.path, line=1) from error
    if layout is None:
        wanted = {"master": "Asterisk's Master.csv", "freepbx": "an export of FreePBX's cdr table as CSV"}
        known = wanted.get(source.format or "") or " or ".join(wanted.values())
        raise InputError(f"no line of it is one of {known}" if lines else "it is empty", path=source.path)
    return layout


def _chunks(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while chunk := list(islice(items, size)):
        yield chunk


def _read(rows: Iterable[Row], source: Source, done: Imported) -> tuple[list[RawFact], list[Unreadable]]:
    facts: list[RawFact] = []
    bad: list[Unreadable] = []
    for row in rows:
        trouble = row.trouble
        if not trouble:
            try:
                facts.append(fact_of(row.cells, source.node, source.zone))
            except (ValueError, OverflowError) as error:
                trouble = str(error)
        if trouble:
            bad.append(_aside(row, trouble, source))
            if len(done.first_bad) < _SHOWN:
                done.first_bad.append(f"{row.line}: {encodable(trouble)}")
    done.rows += len(facts)
    done.bad += len(bad)
    return facts, bad


def _aside(row: Row, trouble: str, source: Source) -> Unreadable:
    # Known by its text: the same row of the same file, read again, is kept once.
    digest = blake2b(row.text.encode("utf-8", "replace"), digest_size=12).hexdigest()
    place = f"{source.path.name}:{row.line}"
    return Unreadable(
        node=source.node, file=f"import:{digest}", offset=0, body=row.text, reason=encodable(f"{place}: {trouble}")
    )


def _skews(facts: Iterable[RawFact]) -> Iterator[int]:
    for fact in facts:
        epoch = id_epoch(fact.channel) if fact.linkedid in ("", fact.channel) else None
        if epoch is not None:
            yield max(-99, min(99, round((fact.at.timestamp() - epoch) / _QUARTER_S)))


def _skew(skews: Counter[int]) -> timedelta:
    for quarters, count in skews.most_common(1):
        if count * 2 > skews.total():
            return timedelta(seconds=quarters * _QUARTER_S)
    return timedelta(0)


class _Percent:
    """Shows how much of a file was read, each percent once."""

    def __init__(self, progress: Progress, file: BinaryIO) -> None:
        self._progress, self._file, self._shown = progress, file, 0
        self._size = max(1, os.fstat(file.fileno()).st_size)

    def show(self) -> None:
        done = min(100, self._file.tell() * 100 // self._size)
        for percent in range(self._shown + 1, done + 1):
            self._progress(percent, 100, "")
        self._shown = max(self._shown, done)
