"""What a PBX elsewhere sends of its spools: decoded and journaled here as if its files lay on our disk.

A delivery is acknowledged when its rows and cursors are committed. While the store refuses, the sender waits, and its
files are the buffer. Its node's gaps are kept as those of files here are: nothing is known to be read but up to when
the sender said so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from pbx_bridge.calls.source import Cursor
from pbx_bridge.errors import BridgeError, StoreError
from pbx_bridge.health import Clock, Health, LinkState, utc_now
from pbx_bridge.spool.attention import BESIDE_FACTS_S, Attention, GapKeeping
from pbx_bridge.spool.batch import Loss, SpoolBatch, merged
from pbx_bridge.spool.decoding import cel_decoding, queue_decoding, whole
from pbx_bridge.spool.delivery import Delivery, Kept, Piece, Receipt, Source, Standing, Welcome
from pbx_bridge.spool.follow import SpoolJournal

log = structlog.get_logger()

SILENT_S = 15.0  # senders say something every other second
_PATIENCE_S = 10.0  # for the store; then the sender is told to come again
_CLOSE_S = 2.0
_LAG_S = 5.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SOURCES: tuple[Source, Source] = ("cel", "queue")


class NotNow(BridgeError):
    """The delivery cannot be kept now: the sender comes again."""


class OutOfStep(BridgeError):
    """A piece does not begin where its file is kept up to: the sender asks how far that is."""


class ReceivedNode:
    """The spools of one PBX elsewhere.

    Args:
        node: its systemname.
        link: what it is called in Health.
        hears: whether ARI and AMI of Health are this PBX's as well.
    """

    def __init__(
        self,
        node: str,
        *,
        link: str,
        hears: bool,
        journal: SpoolJournal,
        gaps: GapKeeping | None,
        health: Health,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.node, self._link, self._hears = node, link, hears
        self._journal, self._health = journal, health
        self._clock, self._monotonic = clock, monotonic
        self._attention, self._begun = Attention(node, gaps, clock, monotonic), False
        self._decodings = {"cel": cel_decoding(node), "queue": queue_decoding(node)}
        self._turn = asyncio.Lock()
        self._kept: dict[str, Kept] | None = None  # by file; None: the journal must be asked
        self._keeping: asyncio.Task[None] | None = None
        self._following: dict[Source, str] = {}
        self._standings: dict[Source, Standing] = {}
        self._whole_at: dict[Source, datetime] = {}  # everything written until then has come
        self._heard_at = monotonic()
        self._heard = "since this daemon began"
        health.report(link, LinkState.DEGRADED, f"waiting for the sender of {node}")

    async def welcome(self) -> Welcome:
        """Where a sender goes on. Raises NotNow."""
        try:
            async with asyncio.timeout(_PATIENCE_S), self._turn:
                await self._begin()
                self._kept = None
                kept = await self._known()
        except (StoreError, TimeoutError) as error:
            raise NotNow(f"the store does not answer: {error}") from error
        return Welcome(node=self.node, now=self._now_us(), kept=tuple(kept.values()), following=dict(self._following))

    async def take(self, delivery: Delivery) -> Receipt:
        """Keep a delivery; returns when it is on disk. Raises NotNow, OutOfStep."""
        try:
            async with asyncio.timeout(_PATIENCE_S), self._turn:
                await self._begin()
                await self._settled()
                fresh = self._fresh(delivery.pieces, await self._known())
                if fresh:
                    self._attention.tell(BESIDE_FACTS_S)
                    self._keeping = asyncio.create_task(self._keep(fresh), name=f"keep-{self.node}")
                    self._keeping.add_done_callback(_noticed)
                    await self._settled()
                self._attend(delivery)
        except (StoreError, TimeoutError) as error:
            raise NotNow(f"the store is slow to take rows: {error}") from error
        return Receipt(now=self._now_us())

    def look(self) -> None:
        """Say how it stands; to be called every second or so."""
        silent_s = self._monotonic() - self._heard_at
        if silent_s > SILENT_S:
            reason = f"nothing was heard of the sender of {self.node} {self._heard}"
            for source in _SOURCES if self._begun else ():
                self._attention.hindered(source, reason, grace_s=0.0)
            self._health.report(self._link, LinkState.DEGRADED, reason, self._lag_s())
        if not self._begun:
            return
        if self._hears:
            self._attention.links(self._health.links())
        self._attention.tell()

    async def close(self) -> None:
        """Wait a moment for what is being kept (the sender brings it again); what is known of gaps is said."""
        if self._keeping is not None:
            await asyncio.wait({self._keeping}, timeout=_CLOSE_S)
        if self._begun:
            self._attention.tell(0.0)

    async def _begin(self) -> None:
        if not self._begun:
            files = await self._attention.begin()
            self._following = {source: files[source] for source in _SOURCES if source in files}
            self._begun = True

    async def _known(self) -> dict[str, Kept]:
        if self._kept is None:
            cursors = await self._journal.cursors(self.node)
            self._kept = {c.file: _kept(c) for c in cursors if c.source in self._decodings}
        return self._kept

    def _fresh(self, pieces: Sequence[Piece], known: dict[str, Kept]) -> list[Piece]:
        """Those that are not kept yet. Raises OutOfStep."""
        fresh = []
        for piece in pieces:
            kept = known[piece.file].offset if piece.file in known else 0
            if piece.end <= kept:
                continue  # the answer to its delivery was lost on the way
            if piece.offset != kept or not piece.file.startswith(piece.source):
                raise OutOfStep(f"{piece.file} is kept up to byte {kept}, this begins at {piece.offset}")
            fresh.append(piece)
        return fresh

    async def _settled(self) -> None:
        """What is being kept is kept. It goes on even if nobody waits for it any more. Raises StoreError."""
        if self._keeping is not None:
            await asyncio.shield(self._keeping)
            self._keeping = None

    async def _keep(self, pieces: Sequence[Piece]) -> None:
        try:
            batch = await asyncio.to_thread(self._decoded, pieces)
            if batch.unreadable:
                reason = batch.unreadable[0].reason
                log.warning("spool_records_unreadable", node=self.node, count=len(batch.unreadable), reason=reason)
            await self._journal.add(batch.facts, cursors=batch.cursors, unreadable=batch.unreadable)
        except BaseException:
            self._kept = self._keeping = None  # whether it is kept, only the journal knows
            raise
        if self._kept is not None:
            self._kept |= {cursor.file: _kept(cursor) for cursor in batch.cursors}

    def _decoded(self, pieces: Sequence[Piece]) -> SpoolBatch:
        return merged(self._batch(piece) for piece in pieces)

    def _batch(self, piece: Piece) -> SpoolBatch:
        decoding = self._decodings[piece.source]
        found = decoding.split(piece.data, len(piece.data))
        facts, unreadable = decoding.read(piece.file, piece.offset, found.records)
        if found.taken < len(piece.data):  # an end without a line end
            more, bad = decoding.read(
                piece.file, piece.offset + found.taken, whole(piece.data[found.taken :]).records
            )
            facts, unreadable = [*facts, *more], [*unreadable, *bad]
        cursor = Cursor(node=self.node, source=piece.source, file=piece.file, offset=piece.end)
        return SpoolBatch(facts=tuple(facts), unreadable=tuple(unreadable), cursors=(cursor,))

    def _attend(self, delivery: Delivery) -> None:
        """What the sender says of its files."""
        now = self._clock()
        self._heard_at, self._heard = self._monotonic(), f"since {now:%Y-%m-%d %H:%M:%S} UTC"
        at = min(now, _EPOCH + timedelta(microseconds=delivery.heard_at))
        for lost in delivery.losses:
            self._attention.lost(Loss(source=lost.source, file=lost.file, offset=lost.offset, size=lost.size))
        for told in delivery.standings:
            self._standings[told.source] = told
            if told.caught_up and not told.vain:
                self._whole_at[told.source] = at
                self._following[told.source] = told.file
                self._attention.read(told.source, at, told.file)
            elif told.trouble:
                self._attention.hindered(told.source, told.trouble, lost=told.vain)
        self._report()

    def _report(self) -> None:
        told = self._standings.values()
        trouble = "; ".join(one.trouble for one in told if one.trouble)
        behind = sum(one.behind for one in told)
        lag_s = self._lag_s() if behind else 0.0
        late = f"{behind} bytes behind" if behind and (lag_s is None or lag_s > _LAG_S) else ""
        detail = "; ".join(text for text in (trouble, late) if text)
        self._health.report(self._link, LinkState.DEGRADED if detail else LinkState.UP, detail, lag_s)

    def _lag_s(self) -> float | None:
        """Seconds since everything that was written then had come; None: that was never so in this daemon."""
        if not all(source in self._whole_at for source in _SOURCES):
            return None
        return max(0.0, (self._clock() - min(self._whole_at.values())) / timedelta(seconds=1))

    def _now_us(self) -> int:
        return (self._clock() - _EPOCH) // timedelta(microseconds=1)


def _kept(cursor: Cursor) -> Kept:
    return Kept(source="cel" if cursor.source == "cel" else "queue", file=cursor.file, offset=cursor.offset)


def _noticed(kept: asyncio.Task[None]) -> None:
    if not kept.cancelled() and (error := kept.exception()) is not None:
        log.warning("delivery_not_kept", reason=str(error))
