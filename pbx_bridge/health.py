"""What we are connected to: each link's state, since when, and how far behind it is.

Written by whoever owns a link, read by the status page, `/healthz` and `/readyz`. Kept in memory only: it tells
the present.
"""

from __future__ import annotations

import enum
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
