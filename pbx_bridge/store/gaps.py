"""Gaps: the windows in which a source was not read or not heard, and up to when each was.

A spool that was not read for a while is read later, so its gap is filled, unless a file went missing meanwhile. ARI
and AMI replay nothing: what they told in a gap was heard by nobody, and the record is right without it, if poorer.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pbx_bridge.calls.source import Unreadable
from pbx_bridge.store.database import Database
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, maybe_us, to_us
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.writer import Writer
from pbx_bridge.values.hostile import encodable

SPOOLS = ("cel", "queue")
LINKS = ("ari", "ami")
_LATEST = 3
_SHOWN = 5
_ALL = 1_000_000


class GapState(enum.StrEnum):
    """What became of a window."""

    OPEN = "open"  # it goes on, or what Asterisk wrote in it has not been read yet
    READ = "read"  # everything written in it has been read since
    LOST = "lost"  # a file of that time went missing before it was read to its end
    UNHEARD = "unheard"  # of ARI or AMI, and over: they replay nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One window.

    Attributes:
        source: `cel` or `queue` (read), `ari` or `ami` (heard).
        since, until: aware UTC; until is None while it lasts.
        reason: one sentence.
        lost: what happened in it can be read no more.
        read_at: when everything in it had been read; None if it has not.
    """

    node: str
    source: str
    since: datetime
    until: datetime | None
    reason: str
    lost: bool = False
    read_at: datetime | None = None

    @property
    def state(self) -> GapState:
        """What became of it."""
        if self.lost:
            return GapState.LOST
        if self.read_at is not None:
            return GapState.READ
        if self.until is None or self.source in SPOOLS:
            return GapState.OPEN
        return GapState.UNHEARD

    @property
    def unread(self) -> bool:
        """A person should look: the record may lack something."""
        return self.state in (GapState.OPEN, GapState.LOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Up to when a source was read or heard, and the spool file that was being read then."""

    at: datetime
    file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GapNews:
    """What to keep of one node in one transaction.

    Attributes:
        heard: by source.
        gaps: new ones, and those that changed, known by source and start.
        filled: spools that have been read to their end: what was not lost in their gaps has been read by `at`.
    """

    node: str
    at: datetime
    heard: Mapping[str, Heard]
    gaps: Sequence[Gap] = ()
    filled: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A record that could not be read, and when it was found."""

    record: Unreadable
    found_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """What the record may lack: the latest gaps not read, and how many records cannot be, with the latest."""

    gaps: tuple[Gap, ...]
    unreadable: int
    latest: tuple[SetAside, ...]


class GapBook:
    """The gaps. Its own writes ride in whatever group commit comes next."""

    def __init__(self, writer: Writer, reader: Database) -> None:
        self._writer, self._reader = writer, reader

    async def heard(self, node: str) -> dict[str, Heard]:
        """Up to when each source of a node was read or heard. Raises StoreError."""
        rows = await self._reader.rows(SQL["source_heard"], node=node)
        return {source: Heard(at=from_us(at_us), file=file) for source, at_us, file in rows}

    def post(self, news: GapNews) -> asyncio.Future[None]:
        """Queued at once; done when it is on disk. Nobody needs to wait: it is tried for ever."""
        return self._writer.put(lambda transaction: _write(transaction, news))

    async def windows(self, *, since: datetime | None = None, unread: bool = False, limit: int = _ALL) -> list[Gap]:
        """Gaps that reached beyond `since`, the latest first; only what a person should look at if `unread`."""
        rows = await self._reader.rows(
            SQL["list_unread_gaps" if unread else "list_gaps"],
            since_us=to_us(since) if since is not None else -_ALL,
            limit=limit,
        )
        return [_read(row) for row in rows]

    async def shortfall(self) -> Shortfall:
        """What the record may lack, for a page. Raises StoreError."""
        gaps = await self.windows(unread=True, limit=_SHOWN)
        [(count,)] = await self._reader.rows(SQL["count_unreadable"])
        return Shortfall(gaps=tuple(gaps), unreadable=count, latest=tuple(await self.set_aside(_LATEST)))

    async def set_aside(self, limit: int | None = None) -> list[SetAside]:
        """Records that could not be read, the latest found first. Raises StoreError."""
        rows = await self._reader.rows(SQL["list_set_aside"], limit=_ALL if limit is None else limit)
        return [_set_aside(row) for row in rows]


def _write(transaction: Transaction, news: GapNews) -> None:
    db = transaction.db
    heard = [
        {"node": news.node, "source": source, "heard_at_us": to_us(mark.at), "file": mark.file}
        for source, mark in news.heard.items()
    ]
    if heard:
        db.executemany(SQL["upsert_heard"], heard)
    if news.gaps:
        db.executemany(SQL["upsert_gap"], [_row(gap) for gap in news.gaps])
    filled = [{"node": news.node, "source": source, "read_at_us": to_us(news.at)} for source in news.filled]
    if filled:
        db.executemany(SQL["fill_gaps"], filled)


def _row(gap: Gap) -> dict[str, Any]:
    return {
        "node": gap.node,
        "source": gap.source,
        "from_us": to_us(gap.since),
        "until_us": maybe_us(gap.until),
        "reason": encodable(gap.reason),
        "lost": int(gap.lost),
        "read_at_us": maybe_us(gap.read_at),
    }


def _set_aside(row: Any) -> SetAside:
    node, file, offset, body, reason, found_at_us = row
    record = Unreadable(node=node, file=file, offset=offset, body=body, reason=reason)
    return SetAside(record=record, found_at=from_us(found_at_us))


def _read(row: Any) -> Gap:
    node, source, since_us, until_us, reason, lost, read_at_us = row
    return Gap(
        node=node,
        source=source,
        since=from_us(since_us),
        until=None if until_us is None else from_us(until_us),
        reason=reason,
        lost=bool(lost),
        read_at=None if read_at_us is None else from_us(read_at_us),
    )
