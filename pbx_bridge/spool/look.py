"""One look at both spools of a node: what is new, and what hinders. Blocking: for a thread."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from pbx_bridge.spool.batch import Loss, SpoolBatch, merged
from pbx_bridge.spool.tail import Tail

LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One look at one spool.

    Attributes:
        batch: what is new.
        raw: its bytes as they stand in the file.
        trouble: why it cannot be read; empty if it can.
        vain: Asterisk cannot write it either.
        file: what is being read.
    """

    source: str
    batch: SpoolBatch
    raw: bytes = b""
    trouble: str = ""
    vain: bool = False
    caught_up: bool = False
    file: str = ""
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at all spools."""

    batch: SpoolBatch
    readings: tuple[Reading, ...]

    @property
    def trouble(self) -> str:
        """Why some of them cannot be read; empty if all can."""
        return "; ".join(reading.trouble for reading in self.readings if reading.trouble)


class Readers:
    """The spools of one node. A cancelled look may still run when they are closed."""

    def __init__(self, cel: Tail, queue_log: Tail) -> None:
        self._cel, self._queue_log = cel, queue_log
        self._lock = threading.Lock()

    @property
    def tails(self) -> tuple[Tail, Tail]:
        """Both readers. Not to be asked while a look runs."""
        return self._cel, self._queue_log

    def look(self, *, raw: bool = False) -> Look:
        """What is new. `raw`: with its bytes."""
        with self._lock:
            # CEL first: whatever it tells, queue_log, read after it, already holds the cause of.  Both are journaled
            # together, so that no call is shown with a wrong cause for a moment.
            cel = _read(self._cel, raw)
            queue = _read(self._queue_log, raw)
            return Look(batch=merged((queue.batch, cel.batch)), readings=(cel, queue))

    @property
    def stirred(self) -> bool:
        """An open file grew. Never blocks. Not while a look runs."""
        return self._cel.stirred or self._queue_log.stirred

    def advance(self, batch: SpoolBatch) -> None:
        """What this batch holds is kept."""
        for tail in self.tails:
            tail.advance(batch.cursors)

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            for tail in self.tails:
                tail.close()


class Pauses:
    """Growing pauses between tries, in seconds; each is twice the one before."""

    def __init__(self, first_s: float = 0.2) -> None:
        self._last_s = first_s / 2

    def next_s(self) -> float:
        """The next one, LONGEST_PAUSE_S at most."""
        self._last_s = min(self._last_s * 2, LONGEST_PAUSE_S)
        return self._last_s


def _read(tail: Tail, raw: bool) -> Reading:
    # Each for itself: a queue_log nobody may read must not stop CEL.
    try:
        batch = tail.read()
        return Reading(
            source=tail.source,
            batch=batch,
            raw=tail.raw if raw and batch else b"",
            trouble="" if batch else tail.missing,
            vain=tail.has_no_folder,
            caught_up=tail.caught_up,
            file=tail.following,
            losses=tail.losses(),
        )
    except OSError as error:
        trouble = f"{tail.path.name} cannot be read: {error.strerror or error}"
        return Reading(source=tail.source, batch=merged(()), trouble=trouble, losses=tail.losses())
