"""How often a sign-in may fail before it must wait. In memory, bounded. Pure but for its own table."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

MAX_ENTRIES = 4096


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    last: datetime


class Limiter:
    """Counts failures by key; a key that failed `tries` times within `span` waits until `span` after its last one."""

    def __init__(self, tries: int, span: timedelta) -> None:
        self._tries, self._span = tries, span
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def wait(self, key: tuple[str, str], now: datetime) -> int:
        """Whole minutes this key must still wait; 0 if it may try."""
        entry = self._fresh(key, now)
        if entry is None or entry.count < self._tries:
            return 0
        return max(1, math.ceil((entry.last + self._span - now) / timedelta(minutes=1)))

    def failed(self, key: tuple[str, str], now: datetime) -> None:
        """Count a failure."""
        before = self._fresh(key, now)
        self._failures[key] = _Failures((before.count if before else 0) + 1, now)
        self._failures.move_to_end(key)
        while len(self._failures) > MAX_ENTRIES:
            self._failures.popitem(last=False)

    def succeeded(self, key: tuple[str, str]) -> None:
        """Forget the failures of a key."""
        self._failures.pop(key, None)

    def _fresh(self, key: tuple[str, str], now: datetime) -> _Failures | None:
        entry = self._failures.get(key)
        if entry is not None and now - entry.last >= self._span:
            del self._failures[key]
            return None
        return entry
