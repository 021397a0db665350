"""What a client remembers: answers for a while, and services that failed and are left alone for a moment. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

Key = tuple[object, ...]

FAILURES = 3  # one after the other, and a service is left alone
REST_S = 5.0  # so long


class Cache:
    """The newest answers by service and arguments, each until its time is over. `None` is an answer, too."""

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._kept: OrderedDict[Key, tuple[float, bytes | None]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def has(self, key: Key, now: float) -> bool:
        """Whether there is an answer that still counts."""
        return key in self._kept and now < self._kept[key][0]

    def get(self, key: Key) -> bytes | None:
        """The answer; there must be one."""
        return self._kept[key][1]

    def keep(self, key: Key, body: bytes | None, until: float) -> None:
        """Keep an answer; the oldest goes for it when there are too many."""
        self._kept[key] = (until, body)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)


@dataclass(slots=True)
class Breaker:
    """Whether a service is asked at all: after some failures in a row not for a moment, then once to see."""

    failures: int = 0
    rests_until: float = 0.0

    def lets(self, now: float) -> bool:
        """Whether to ask now."""
        if self.failures < FAILURES:
            return True
        if now < self.rests_until:
            return False
        self.rests_until = now + REST_S  # one goes ahead; the others wait for how it fares
        return True

    def tell(self, now: float, *, failed: bool) -> None:
        """How a request went."""
        self.failures = self.failures + 1 if failed else 0
        if self.failures >= FAILURES:
            self.rests_until = now + REST_S
