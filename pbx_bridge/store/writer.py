"""The one writer: waiting writes are committed in groups, each is acknowledged when it is on disk, none is dropped.

    submit ─► queue (bounded: full means wait) ─► group ─► one thread hop: BEGIN … COMMIT ─► futures

A transaction costs more than what most writes do in it. So a write that nobody waits for, as most steps of callers
and rows of spools are, waits longer for others than one that somebody waits for.

A group that fails because of the disk, a lock, a read-only file or a server that is away is kept and tried again for
ever. A group that fails for another reason is tried member by member, and only the bad one's caller is told.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import structlog

from pbx_bridge.errors import BridgeError, StoreError
from pbx_bridge.health import Health, LinkState
from pbx_bridge.store.database import Database, Db, is_operational
from pbx_bridge.store.transaction import Transaction

log = structlog.get_logger()

T = TypeVar("T")
Operation = Callable[[Transaction], T]

_UNHURRIED = 2  # windows that a write may wait for others if nobody waits for it
_FIRST_RETRY_S = 0.05
_LAST_RETRY_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How writes are grouped.

    Attributes:
        window_s: how long a write that somebody waits for waits for others.
        batch: so many waiting facts do not wait longer.
        queue: so many waiting facts make the next caller wait.
        goodbye_s: how long closing tries to write the rest to a store that refuses.
        patience_s: how long a write is tried; a daemon tries for ever, a command tells its user.
    """

    window_s: float = 0.05
    batch: int = 500
    queue: int = 10_000
    goodbye_s: float = 5.0
    patience_s: float = math.inf


@dataclass(slots=True)
class _Write:
    run: Operation[Any]
    weight: int
    done: asyncio.Future[Any]
    since: float = field(default_factory=time.monotonic)


class Writer:
    """Commits what callers submit. `settle` ends every transaction; `committed` is told of it when it is on disk."""

    def __init__(
        self,
        database: Database,
        *,
        settle: Callable[[Transaction], None],
        committed: Callable[[Transaction], None],
        trouble: Callable[[], str] = str,
        health: Health | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._database, self._settle, self._committed, self._trouble = database, settle, committed, trouble
        self._health, self._limits = health, limits or Limits()
        self._waiting: deque[_Write] = deque()
        self._weight = 0
        self._ripe, self._room = asyncio.Event(), asyncio.Event()  # what waits is to be written; there is room again
        self._due: asyncio.TimerHandle | None = None
        self._closing_at: float | None = None
        self._told: tuple[LinkState, str] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Facts and other writes taken and not yet on disk."""
        return self._weight

    def start(self) -> None:
        """Begin to write. Must be followed by `close`."""
        self._task = asyncio.create_task(self._write(), name="store-writer")
        self._report(LinkState.UP, "")

    async def close(self) -> None:
        """Write what waits, then stop. What a refusing store does not take in time fails with StoreError."""
        if self._task is None:
            return
        self._closing_at = time.monotonic() + self._limits.goodbye_s
        self._ripe.set()
        self._room.set()
        await self._task
        self._task = None

    async def submit(self, operation: Operation[T], *, weight: int = 1, hurried: bool = True) -> T:
        """The operation's result, once it is on disk. Waits while the queue is full.

        Raises:
            StoreError: the store is closed, or it refused this very operation.
            BridgeError: whatever the operation raised on purpose; nothing of it was kept.
        """
        while self._weight >= self._limits.queue and self._closing_at is None:
            self._report(LinkState.DEGRADED, f"{self._weight} facts wait to be written", self._lag())
            self._room.clear()
            await self._room.wait()
        result: T = await self.put(operation, weight=weight, hurried=hurried)
        return result

    def put(self, operation: Operation[T], *, weight: int = 1, hurried: bool = False) -> asyncio.Future[T]:
        """The same without waiting for room: for writes that are few and whose maker must not be held up.

        `hurried`: somebody waits for it.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._closing_at is not None:
            done.set_exception(StoreError("the store is closed"))
            return done
        self._waiting.append(_Write(operation, weight, done))
        self._weight += weight
        self._ripens(self._limits.window_s * (1 if hurried else _UNHURRIED))
        return done

    def _ripens(self, within_s: float) -> None:
        """What waits is to be written within so many seconds; at once if it is enough for a group."""
        if self._weight >= self._limits.batch:
            self._ripe.set()
            return
        loop = asyncio.get_running_loop()
        at = loop.time() + within_s
        if self._due is not None:
            if self._due.when() <= at:
                return
            self._due.cancel()
        self._due = loop.call_at(at, self._ripe.set)

    async def _write(self) -> None:
        group: list[_Write] = []
        try:
            while await self._wait():
                group = self._take()
                await self._commit(group)
                self._weight -= sum(write.weight for write in group)
                self._room.set()
        except Exception as error:
            log.exception("store_writer_failed")
            self._report(LinkState.DOWN, f"the writer failed: {error}")
            self._closing_at = time.monotonic()
            self._refuse([*group, *self._waiting], error)
            self._room.set()
            raise

    async def _wait(self) -> bool:
        """Until something is to be written; False when there is nothing more and the store is closing."""
        await self._ripe.wait()
        while not self._waiting and self._closing_at is None:  # it was given up, all of it
            self._ripe.clear()
            await self._ripe.wait()
        if self._due is not None:
            self._due.cancel()
            self._due = None
        return bool(self._waiting)

    def _take(self) -> list[_Write]:
        group = [self._waiting.popleft()]
        weight = group[0].weight
        while self._waiting and weight < self._limits.batch:
            group.append(self._waiting.popleft())
            weight += group[-1].weight
        if self._closing_at is None:
            self._ripe.clear()
            if self._waiting:
                self._ripe.set()  # one that waited behind so many has waited long enough
        return group

    async def _commit(self, group: list[_Write]) -> None:
        try:
            results, transaction = await self._persist(group)
        except Exception as error:
            if is_operational(error):  # given up: what waits behind it would meet the same
                self._refuse([*group, *self._waiting], error)
                self._waiting.clear()
                return
            if len(group) == 1:
                self._refuse(group, error)
                return
            log.warning("store_group_split", size=len(group), reason=str(error))
            for write in group:
                await self._commit([write])
            return
        self._committed(transaction)
        for write, result in zip(group, results, strict=True):
            if not write.done.done():
                write.done.set_result(result)

    async def _persist(self, group: list[_Write]) -> tuple[list[Any], Transaction]:
        """Until the disk takes it; only closing ends the trying."""
        delay = _FIRST_RETRY_S
        work = partial(self._transact, [write.run for write in group])
        while True:
            try:
                done = await self._database.transact(work)
            except Exception as error:
                if not is_operational(error) or self._given_up(group[0]):
                    raise
                self._report(LinkState.DOWN, str(error), time.monotonic() - group[0].since)
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LAST_RETRY_S)
            else:
                trouble = self._trouble()
                self._report(LinkState.DEGRADED if trouble else LinkState.UP, trouble)
                return done

    def _transact(self, operations: list[Operation[Any]], db: Db) -> tuple[list[Any], Transaction]:
        transaction = Transaction(db, version=self._database.version(db))
        results = [operation(transaction) for operation in operations]
        self._settle(transaction)
        return results, transaction

    def _given_up(self, write: _Write) -> bool:
        now = time.monotonic()
        return now >= min(self._closing_at or math.inf, write.since + self._limits.patience_s)

    def _refuse(self, group: list[_Write], error: Exception) -> None:
        reason: Exception = error
        if not isinstance(error, BridgeError):
            reason = StoreError(f"the store cannot be written: {error}")
            reason.__cause__ = error
        for write in group:
            if not write.done.done():
                write.done.set_exception(reason)

    def _lag(self) -> float:
        return time.monotonic() - self._waiting[0].since if self._waiting else 0.0

    def _report(self, state: LinkState, detail: str, lag_s: float | None = None) -> None:
        # Asked after every commit: tell only what changed, or how far behind it is.
        if self._told == (state, detail) and lag_s is None:
            return
        if self._told is not None and self._told[0] is not state:
            log.info("store_state_changed", state=state, detail=detail)
        self._told = (state, detail)
        if self._health is not None:
            self._health.report("store", state, detail, lag_s)
