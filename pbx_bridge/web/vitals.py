"""What the status page tells beside the links: sizes, flows in use, what went wrong lately, versions.

Sizes take a look at disks and the store: they are measured one at a time and are good for some seconds. What cannot
be measured now is left out, and the page comes all the same.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

import structlog

from pbx_bridge.errors import StoreError
from pbx_bridge.health import Mishap
from pbx_bridge.spool.sizes import SpoolSize, spool_size
from pbx_bridge.store.ledger import Reach
from pbx_bridge.store.size import StoreSize

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_FRESH_S = 5.0
_PATIENCE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A disk that something of ours is on. In bytes; `path` is the first of ours on it."""

    path: str
    free: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What was measured; None or empty: it could not be."""

    spools: tuple[SpoolSize, ...] = ()
    store: StoreSize | None = None
    disks: tuple[Disk, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowUse:
    """A version of a flow: how many callers are in it, and whether the next caller meets it."""

    name: str
    version: str
    callers: int
    newest: bool


class Vitals(Protocol):
    """What the page asks."""

    async def sizes(self) -> Sizes:
        """Measured a few seconds ago at most. Never fails."""

    def flows(self) -> Sequence[FlowUse]:
        """The flow versions in use, the newest first."""

    def mishaps(self) -> Sequence[Mishap]:
        """The last warnings and errors, the newest first."""

    def versions(self) -> Mapping[str, str]:
        """By what it is the version of: `node` (its name), `pbx_bridge`, `asterisk`, `python`."""


def flow_uses(newest: Iterable[tuple[str, str]], callers: Iterable[tuple[str, str]]) -> tuple[FlowUse, ...]:
    """The versions (flow, version) in use: those that new callers meet, then those that callers are still in."""
    met, counts = tuple(dict.fromkeys(newest)), Counter(callers)
    others = sorted(key for key in counts if key not in met)
    return tuple(
        FlowUse(name=name, version=version, callers=counts[name, version], newest=(name, version) in met)
        for name, version in (*met, *others)
    )


class NoVitals:
    """Nothing is known."""

    async def sizes(self) -> Sizes:
        """See Vitals."""
        return Sizes()

    def flows(self) -> Sequence[FlowUse]:
        """See Vitals."""
        return ()

    def mishaps(self) -> Sequence[Mishap]:
        """See Vitals."""
        return ()

    def versions(self) -> Mapping[str, str]:
        """See Vitals."""
        return {}


@dataclass(slots=True, kw_only=True)
class Measured:
    """The real ones.

    Attributes:
        spools: the live file by source.
        reaches: how far each was read.
        store: measures it.
        paths: whose disks matter.
        told_flows, told_mishaps, told_versions: as in Vitals.
    """

    spools: Mapping[str, Path]
    reaches: Callable[[], Awaitable[Sequence[Reach]]]
    store: Callable[[], Awaitable[StoreSize]]
    paths: Sequence[Path]
    told_flows: Callable[[], Sequence[FlowUse]]
    told_mishaps: Callable[[], Sequence[Mishap]]
    told_versions: Callable[[], Mapping[str, str]]
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _known: Sizes = field(default_factory=Sizes)
    _at: float = float("-inf")

    async def sizes(self) -> Sizes:
        """See Vitals."""
        loop = asyncio.get_running_loop()
        async with self._lock:
            if loop.time() - self._at > _FRESH_S:
                self._known, self._at = await self._measure(), loop.time()
            return self._known

    def flows(self) -> Sequence[FlowUse]:
        """See Vitals."""
        return self.told_flows()

    def mishaps(self) -> Sequence[Mishap]:
        """See Vitals."""
        return self.told_mishaps()

    def versions(self) -> Mapping[str, str]:
        """See Vitals."""
        return self.told_versions()

    async def _measure(self) -> Sizes:
        reaches = await _in_time(self.reaches())
        store = await _in_time(self.store()) if reaches is not None else None
        on_disk = await _in_time(asyncio.to_thread(self._look, reaches))
        spools, disks = on_disk if on_disk is not None else ((), ())
        return Sizes(spools=spools, store=store, disks=disks)

    def _look(self, reaches: Sequence[Reach] | None) -> tuple[tuple[SpoolSize, ...], tuple[Disk, ...]]:
        return tuple(self._spools(reaches)), tuple(_disks(self.paths))

    def _spools(self, reaches: Sequence[Reach] | None) -> Iterable[SpoolSize]:
        if reaches is None:
            return  # how much is unread cannot be told
        for source, live in self.spools.items():
            read = {reach.file: reach.offset for reach in reaches if reach.source == source}
            try:
                yield spool_size(live, source, read)
            except OSError as error:
                _log.warning("spool_not_measured", source=source, reason=error.strerror)


def _disks(paths: Iterable[Path]) -> Iterable[Disk]:
    seen: set[int] = set()
    for path in paths:
        try:
            device, usage = path.stat().st_dev, shutil.disk_usage(path)
        except OSError:
            continue  # not made yet: the folder above it is on the list
        if device not in seen:
            seen.add(device)
            yield Disk(path=str(path), free=usage.free, total=usage.total)


async def _in_time(asked: Awaitable[T]) -> T | None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await asked
    except (StoreError, OSError, TimeoutError):
        return None
