"""The sender: on a PBX whose disk the daemon does not see, follows both spools and brings what is new over TLS.

It keeps nothing: the receiver tells how far each file is kept, and here it goes on from there, after a cut line, a
restart or a kill of either side. A row counts as sent when the receiver has it on disk. Until then Asterisk's own
files are the buffer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from pbx_bridge.calls.facts import RawFact
from pbx_bridge.calls.source import Cursor, Unreadable
from pbx_bridge.errors import BridgeError
from pbx_bridge.spool.batch import Loss
from pbx_bridge.spool.decoding import Decoding, cel_decoding, queue_decoding
from pbx_bridge.spool.delivery import Delivery, Lost, Piece, Source, Standing, Welcome
from pbx_bridge.spool.look import Look, Pauses, Readers, Reading
from pbx_bridge.spool.record import Record
from pbx_bridge.spool.send_line import LineDown, LineSlow, SendLine
from pbx_bridge.spool.tail import MOST_RECORDS, Tail

log = structlog.get_logger()

POLL_S = 0.1
_LOOK_S = 0.3  # as in follow.py
_ALIVE_S = 2.0  # with nothing to send, that is said so often
_TOLD_S = 10.0  # who is behind says so, so often

Told = Callable[[int, int], None]
"""(bytes sent since the start, bytes still there)."""


class NotSent(BridgeError):
    """What is in the spools could not be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spools:
    """The files that Asterisk writes."""

    cel: Path
    queue_log: Path


class _Bytes(Decoding):
    """Records are told apart and not read: the receiver does."""

    def read(self, file: str, offset: int, records: Sequence[Record]) -> tuple[list[RawFact], list[Unreadable]]:
        return [], []


class Sender:
    """Sends one PBX's spools.

    Args:
        told: how far it is, for people who wait.
        first_pause_s: seconds between the first two tries of a line that is down.
    """

    def __init__(
        self, spools: Spools, line: SendLine, told: Told = lambda sent, left: None, first_pause_s: float = 0.2
    ) -> None:
        self._spools, self._line, self._told = spools, line, told
        self._first_pause_s = first_pause_s
        self._readers: Readers | None = None
        self._losses: list[Loss] = []
        self._heard_at = 0
        self._sent = 0
        self._why_down = ""
        self._told_at = self._said_at = float("-inf")

    async def run(self) -> None:
        """Follow until cancelled, whatever the line does."""
        pauses = Pauses(self._first_pause_s)
        try:
            while True:
                try:
                    async with self._line.open():
                        await self._begin()
                        pauses = Pauses(self._first_pause_s)
                        while True:
                            look = await self._turn()
                            if not look.batch:
                                await self._pause()
                except LineDown as error:
                    self._complain(error)
                await asyncio.sleep(pauses.next_s())
        finally:
            await self._close()

    async def once(self) -> int:
        """Send what is there now; its bytes. Raises NotSent."""
        try:
            async with self._line.open():
                await self._begin()
                while (look := await self._turn(anyway=True)).batch:
                    pass
        except LineDown as error:
            raise NotSent(str(error)) from error
        finally:
            await self._close()
        if look.trouble:
            raise NotSent(look.trouble)
        return self._sent

    async def _begin(self) -> None:
        """Ask how far each file is kept, and go on there. Raises LineDown."""
        welcome = await self._line.greet()
        cursors = [_cursor(welcome.node, kept.source, kept.file, kept.offset) for kept in welcome.kept]
        if self._readers is None:
            self._readers = _readers(self._spools, welcome, cursors)
        else:
            for tail in self._readers.tails:
                tail.resume(cursors)
        self._heard_at, self._why_down = welcome.now, ""
        log.info("spool_send_connected", node=welcome.node, to=self._line.url)

    async def _turn(self, *, anyway: bool = False) -> Look:
        """One look; what is new is sent, and now and then that nothing is. Raises LineDown."""
        readers = self._opened()
        look = await asyncio.to_thread(readers.look, raw=True)
        self._losses += [loss for reading in look.readings for loss in reading.losses]
        now = asyncio.get_running_loop().time()
        if not (anyway or look.batch or self._losses or now - self._said_at >= _ALIVE_S):
            return look
        try:
            receipt = await self._line.deliver(_delivery(look, self._losses, self._heard_at))
        except LineSlow:
            for tail in readers.tails:
                tail.most_records = max(1, tail.most_records // 4)
            raise
        readers.advance(look.batch)
        for tail in readers.tails:
            tail.most_records = min(MOST_RECORDS, tail.most_records * 2)
        self._losses.clear()
        self._heard_at, self._said_at = receipt.now, now
        self._count(look, now)
        return look

    def _count(self, look: Look, now: float) -> None:
        self._sent += sum(len(reading.raw) for reading in look.readings)
        if look.batch:
            self._told(self._sent, look.batch.behind)
        if look.batch.behind and now - self._told_at >= _TOLD_S:
            self._told_at = now
            log.info("spool_send_behind", sent=self._sent, left=look.batch.behind)

    async def _pause(self) -> None:
        """Until an open file grew, or the next look is due."""
        readers, loop = self._opened(), asyncio.get_running_loop()
        due = loop.time() + _LOOK_S
        while not readers.stirred and loop.time() < due:  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(POLL_S)

    def _opened(self) -> Readers:
        if self._readers is None:
            raise LineDown("nothing was asked yet")
        return self._readers

    async def _close(self) -> None:
        readers, self._readers = self._readers, None
        if readers is not None:
            await asyncio.to_thread(readers.close)

    def _complain(self, error: LineDown) -> None:
        reason = str(error)
        if reason != self._why_down:  # each try fails alike while the line is down
            log.warning("spool_send_waits", reason=reason, to=self._line.url)
        self._why_down = reason


def _readers(spools: Spools, welcome: Welcome, cursors: Iterable[Cursor]) -> Readers:
    def tail(path: Path, decoding: Decoding, source: Source) -> Tail:
        made = Tail(path, _bytes(decoding), cursors)
        if source in welcome.following:  # it may be gone since
            made.awaited[welcome.following[source]] = None
        return made

    node = welcome.node
    return Readers(tail(spools.cel, cel_decoding(node), "cel"), tail(spools.queue_log, queue_decoding(node), "queue"))


def _bytes(told: Decoding) -> Decoding:
    return _Bytes(node=told.node, source=told.source, split=told.split, rows=told.rows, decode=told.decode)


def _cursor(node: str, source: str, file: str, offset: int) -> Cursor:
    return Cursor(node=node, source=source, file=file, offset=offset)


def _delivery(look: Look, losses: Sequence[Loss], heard_at: int) -> Delivery:
    return Delivery(
        heard_at=heard_at,
        pieces=tuple(_piece(reading) for reading in look.readings if reading.batch),
        standings=tuple(_standing(reading) for reading in look.readings),
        losses=tuple(
            Lost(source=_source(loss.source), file=loss.file, offset=loss.offset, size=loss.size)
            for loss in losses[:1000]
        ),
    )


def _piece(reading: Reading) -> Piece:
    (cursor,) = reading.batch.cursors
    return Piece(
        source=_source(reading.source), file=cursor.file, offset=cursor.offset - len(reading.raw), data=reading.raw
    )


def _standing(reading: Reading) -> Standing:
    return Standing(
        source=_source(reading.source),
        caught_up=reading.caught_up,
        trouble=reading.trouble[:500],
        vain=reading.vain,
        file=reading.file,
        behind=reading.batch.behind,
    )


def _source(name: str) -> Source:
    return "cel" if name == "cel" else "queue"
