"""What we are connected to: each link's state, since when, and how far behind it is.

Written by whoever owns a link, read by the status page, `/healthz` and `/readyz`. Kept in memory only: it tells
the present.
"""

from __future__ import annotations

import enum
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The wall clock: aware UTC."""
    return datetime.now(UTC)


class LinkState(enum.StrEnum):
    """How a link stands."""

    DOWN = "down"  # not connected, or connected and of no use
    DEGRADED = "degraded"  # it works, but a person should look: behind, nearly full, standing by
    UP = "up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One link as it stands now. `since` is when the state began; `lag_s` is seconds behind, where that can be."""

    name: str
    state: LinkState
    since: datetime
    detail: str = ""
    lag_s: float | None = None


class Health:
    """The links by name (`ari`, `ami`, `spool`, `store`). One per process, made by the composition root."""

    def __init__(self, names: tuple[str, ...] = ("ari", "ami", "spool", "store"), clock: Clock = utc_now) -> None:
        self._clock = clock
        self._links = {n: Link(name=n, state=LinkState.DOWN, since=clock(), detail="not started") for n in names}

    def report(self, name: str, state: LinkState, detail: str = "", lag_s: float | None = None) -> None:
        """Tell how a link stands; `since` moves only when the state changes."""
        before = self._links.get(name)
        if before is None or before.state is not state:
            before = Link(name=name, state=state, since=self._clock())
        self._links[name] = replace(before, detail=detail, lag_s=lag_s)

    def links(self) -> tuple[Link, ...]:
        """Every link, in the order they were declared."""
        return tuple(self._links.values())

    @property
    def ready(self) -> bool:
        """True when no link is down: callers are served and the record is kept."""
        return all(link.state is not LinkState.DOWN for link in self._links.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Mishap:
    """A warning or an error of the log: what happened, why, how often in a row, and when last (aware UTC)."""

    at: datetime
    level: str
    event: str
    reason: str = ""
    times: int = 1


_KINDS, _OTHER = 200, "other"  # so many are told apart


class Mishaps:
    """The last warnings and errors, for the status page; in memory only. Takes from any thread."""

    def __init__(self, most: int = 50, clock: Clock = utc_now) -> None:
        self._kept: deque[Mishap] = deque(maxlen=most)
        self._clock = clock
        self._turn = threading.Lock()
        self.counts = Tally(
            "pbx_bridge_log_total", "Warnings and errors of the log, by what happened.", ("level", "event")
        )

    def note(self, level: str, event: str, reason: str = "") -> None:
        """Keep one; the same again right after counts up."""
        with self._turn:
            self._note(level, event, reason)

    def _note(self, level: str, event: str, reason: str) -> None:
        kind = event.partition(":")[0]  # what other libraries log is told by who logs
        self.counts.count(level, kind if len(self.counts.counts) < _KINDS else _OTHER)
        last = self._kept[-1] if self._kept else None
        now = self._clock()
        if last is not None and (last.level, last.event, last.reason) == (level, event, reason):
            self._kept[-1] = replace(last, at=now, times=last.times + 1)
        else:
            self._kept.append(Mishap(at=now, level=level, event=event, reason=reason))

    def latest(self, most: int = 20) -> tuple[Mishap, ...]:
        """The newest first."""
        return tuple(reversed(tuple(self._kept)))[:most]


_BOUNDS_MS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 20, 25, 30, 40, 50, 75, 100, 200, 500, 1000, 5000)


class Meter:
    """A histogram of durations with fixed bounds, for `/metrics` and `make bench`; constant memory."""

    bounds_s: tuple[float, ...] = tuple(bound / 1000 for bound in _BOUNDS_MS)

    def __init__(self, name: str, help_text: str) -> None:
        self.name, self.help_text = name, help_text
        self.counts = [0] * (len(self.bounds_s) + 1)
        self.total_s = 0.0
        self.worst_s = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(self.bounds_s, seconds)] += 1
        self.total_s += seconds
        self.worst_s = max(self.worst_s, seconds)


class Tally:
    """How often something happened, by a few words of ours that tell how; for `/metrics`."""

    def __init__(self, name: str, help_text: str, labels: tuple[str, ...]) -> None:
        self.name, self.help_text, self.labels = name, help_text, labels
        self.counts: dict[tuple[str, ...], int] = {}

    def count(self, *words: str) -> None:
        """Count one; a word for each label."""
        self.counts[words] = self.counts.get(words, 0) + 1
