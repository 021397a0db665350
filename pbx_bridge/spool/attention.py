"""Attention: up to when each source was read or heard, and the windows in which one was not.

Said at a low rate, so that a process that dies leaves behind when it was last known to listen. The next one finds a
gap from there to its own start. Nothing here waits: what there is to say is queued for the next group commit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import structlog

from pbx_bridge.health import Clock, Link, LinkState, utc_now
from pbx_bridge.spool.batch import Loss
from pbx_bridge.store.gaps import LINKS, SPOOLS, Gap, GapNews, Heard

log = structlog.get_logger()

BESIDE_FACTS_S = 10.0  # how often "heard up to now" is said when a commit is due anyway
IDLE_S = 30.0  # and when it is not
_GRACE_S = 2.0  # a spool that cannot be read for a moment, as in the middle of a rotation, is no gap
_HELD_UP_S = 60.0  # a source nobody looked at for so long was not read, whatever the reason


class GapKeeping(Protocol):
    """What is needed of the store."""

    async def heard(self, node: str) -> Mapping[str, Heard]:
        """Up to when each source of a node was read or heard. Raises StoreError."""
        ...

    async def windows(self, *, since: datetime | None = None, unread: bool = False) -> list[Gap]:
        """Gaps, the latest first; only what is not read if `unread`. Raises StoreError."""
        ...

    def post(self, news: GapNews) -> asyncio.Future[None]:
        """Queue it for the next commit."""
        ...


@dataclass(slots=True)
class _Source:
    """One source as this process knows it.

    Attributes:
        mark: the last time it was known read or heard, of this process or an earlier one.
        seen: the same on the monotonic clock; None until this process has.
        lasting: the gap it is in.
        latest: the gap found last, which a loss belongs to.
        unfilled: there are gaps whose rows wait to be read.
    """

    name: str
    mark: Heard | None = None
    seen: float | None = None
    troubled_since: float | None = None
    lasting: Gap | None = None
    latest: Gap | None = None
    unfilled: bool = False


class Attention:
    """One node's sources: the spools, which are read, and the links, which are heard."""

    def __init__(
        self,
        node: str,
        book: GapKeeping | None,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._node, self._book, self._clock, self._monotonic = node, book, clock, monotonic
        self._sources = {name: _Source(name) for name in (*SPOOLS, *LINKS)}
        self._changed: dict[tuple[str, datetime], Gap] = {}
        self._filled: set[str] = set()
        self._told_at = monotonic()
        self._first_time = False  # a source was read or heard that was not before

    async def begin(self) -> dict[str, str]:
        """Find the gaps since an earlier process; the file each spool was read from then. Raises StoreError."""
        if self._book is None:
            return {}
        marks, gaps, now = await self._book.heard(self._node), await self._book.windows(unread=True), self._clock()
        for source in self._sources.values():
            mine = [gap for gap in gaps if (gap.node, gap.source) == (self._node, source.name)]
            source.mark = marks.get(source.name)
            source.unfilled = any(not gap.lost and gap.until is not None for gap in mine)
            source.lasting = source.latest = next((gap for gap in mine if gap.until is None), None)
            if source.lasting is None and source.mark is not None:
                self._was_away(source, source.mark.at, now)
        self.tell(0.0)
        return {name: mark.file for name, mark in marks.items() if mark.file}

    def _was_away(self, source: _Source, last: datetime, now: datetime) -> None:
        reason = "the daemon was not running"
        if last > now:
            reason += "; the clock was set back meanwhile"
        until = max(last, now) if source.name in SPOOLS else None
        gap = self._found(source, min(last, now), until, reason)
        source.lasting = gap if until is None else None

    # --- what is found out ---

    def read(self, name: str, at: datetime, file: str = "") -> None:
        """Everything the source had told by `at` has been read, or is being heard."""
        source, now = self._sources[name], self._monotonic()
        if source.lasting is not None:
            self._end(source, source.lasting, at)
        elif (
            name in SPOOLS and source.mark is not None and source.seen is not None and now - source.seen > _HELD_UP_S
        ):
            gap = self._found(source, source.mark.at, at, "nobody looked: the daemon or the store was held up")
            self._end(source, gap, at)
        self._first_time = self._first_time or source.seen is None
        source.mark, source.seen, source.troubled_since = Heard(at=at, file=file), now, None
        if source.unfilled:
            self._filled.add(name)
            source.unfilled = False

    def hindered(self, name: str, reason: str, *, lost: bool = False, grace_s: float = _GRACE_S) -> None:
        """The source cannot be read or heard now. `lost`: what happens meanwhile is written nowhere."""
        source, now = self._sources[name], self._monotonic()
        source.troubled_since = now if source.troubled_since is None else source.troubled_since
        if source.lasting is None and source.mark is not None and now - source.troubled_since >= grace_s:
            source.lasting = self._found(source, source.mark.at, None, reason, lost=lost)

    def lost(self, loss: Loss) -> None:
        """A spool's file is gone, or was cut, before it was read to its end."""
        source, now = self._sources[loss.source], self._clock()
        log.error("spool_file_lost", source=loss.source, file=loss.file, offset=loss.offset, size=loss.size)
        since = min(source.mark.at, now) if source.mark is not None else now
        gap = source.latest
        if gap is None or gap.read_at is not None or gap.since != since:
            self._found(source, since, now, loss.reason, lost=True)
            return
        self._note(source, replace(gap, lost=True, reason=f"{gap.reason}; {loss.reason}"))

    def links(self, links: Iterable[Link]) -> None:
        """How ARI and AMI stand."""
        for link in links:
            if link.name not in LINKS:
                continue
            source = self._sources[link.name]
            if link.state is not LinkState.UP:
                self.hindered(link.name, link.detail or "not connected", grace_s=0.0)
                continue
            before = source.mark
            if source.lasting is None and source.seen is not None and before is not None and before.at < link.since:
                source.lasting = self._found(source, before.at, None, "the connection was lost")
            self.read(link.name, self._clock() if source.lasting is None else max(link.since, source.lasting.since))

    # --- what is said of it ---

    def tell(self, every_s: float = IDLE_S) -> None:
        """Queue what is new; that nothing is new only if it was last said so long ago."""
        now = self._monotonic()
        news = self._changed or self._filled or self._first_time
        if self._book is None or not (news or now - self._told_at >= every_s):
            return
        said = GapNews(
            node=self._node,
            at=self._clock(),
            heard={s.name: s.mark for s in self._sources.values() if s.mark is not None and s.seen is not None},
            gaps=tuple(self._changed.values()),
            filled=frozenset(self._filled),
        )
        self._book.post(said).add_done_callback(_noticed)
        self._changed, self._filled, self._first_time, self._told_at = {}, set(), False, now

    def _found(
        self, source: _Source, since: datetime, until: datetime | None, reason: str, *, lost: bool = False
    ) -> Gap:
        gap = Gap(node=self._node, source=source.name, since=since, until=until, reason=reason, lost=lost)
        self._note(source, gap)
        source.unfilled = source.unfilled or (until is not None and source.name in SPOOLS)
        return gap

    def _end(self, source: _Source, gap: Gap, at: datetime) -> None:
        until = max(at, gap.since)
        read_at = until if source.name in SPOOLS and not gap.lost else None
        self._note(source, replace(gap, until=until, read_at=read_at))
        source.lasting = None

    def _note(self, source: _Source, gap: Gap) -> None:
        source.latest = gap
        self._changed[gap.source, gap.since] = gap
        if source.lasting is not None and source.lasting.since == gap.since:
            source.lasting = gap


def _noticed(posted: asyncio.Future[None]) -> None:
    if not posted.cancelled() and (error := posted.exception()) is not None:
        log.error("gaps_not_kept", reason=str(error))
