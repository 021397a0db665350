"""Progress for people: numbered steps with their times, and what long programs say, not faster than can be read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_READABLE_S = 1.0

Say = Callable[[str], None]


@dataclass(slots=True)
class Step:
    """One step while it runs. `result` is shown when it is done."""

    say: Say
    result: str = ""
    _last: float = field(default=float("-inf"), init=False)

    def tell(self, line: str) -> None:
        """Take a line of progress; lines that come too fast to be read are left out."""
        now = time.monotonic()
        if now - self._last >= _READABLE_S:
            self._last = now
            self.say(f"      {line}")


class Steps:
    """Numbers the steps of a start."""

    def __init__(self, count: int, say: Say) -> None:
        self._count, self._say = count, say
        self._number = 0

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Announce a step, and tell when it is done and how long it took. An exception passes untold."""
        self._number += 1
        self._say(f"[{self._number}/{self._count}] {title}")
        step = Step(self._say)
        begun = time.monotonic()
        yield step
        result = f"{step.result}, " if step.result else ""
        self._say(f"      {result}{time.monotonic() - begun:.1f} s")
