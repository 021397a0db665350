"""What the writes of one group commit hand over: facts, checkpoints and cursors to keep, news to tell."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from pbx_bridge.calls.facts import RawFact
from pbx_bridge.calls.tally import Count, Key
from pbx_bridge.store.announce import News
from pbx_bridge.store.database import Db
from pbx_bridge.store.reached import Reached, reached


class Mark(enum.Enum):
    """What became of a group of facts in a transaction. The first three leave it dirty, to be folded later."""

    NEW = "new"  # its first facts came
    MORE = "more"  # further facts came
    CLOSING = "closing"  # among them one that may be the last
    OPEN = "open"  # folded; its call goes on
    OVER = "over"  # folded; its call is over
    BROKEN = "broken"  # it could not be folded; it waits for a new fact or a new start
    GONE = "gone"  # it became part of another, or was packed: nothing remembered of it holds any more


@dataclass(slots=True)
class Transaction:
    """One transaction under way. Lives in the database's thread until it is committed.

    Attributes:
        db: the connection, inside a transaction that keeps other writers out.
        facts: what journal writes brought; placed once for all of them before the commit.
        runs: the last checkpoint of each (node, channel); None when the run is over.
        cursors: the last offset of each (node, source, file).
        marks: the last mark of each group.
        folded: the marks as they were before the transaction's facts were placed: what was folded in it already.
        keys: groups of channel keys, learnt on the way.
        placed: the facts that each group got; of a group in `begun`, these are all it has.
        scattered: groups that have facts on disk which `placed` does not tell as they are there.
        version: changes when another process has written.
        at_once: fold what these facts may have ended in this very transaction, not a moment later.
        recalled: the dirty marks on disk were read.
        news: told to watchers once the commit is on disk.
        counts: what the tallies gain, written once before the commit (see derived/tallies.py).
    """

    db: Db
    facts: list[RawFact] = field(default_factory=list)
    runs: dict[tuple[str, str], bytes | None] = field(default_factory=dict)
    cursors: dict[tuple[str, str, str], int] = field(default_factory=dict)
    marks: dict[int, Mark] = field(default_factory=dict)
    folded: dict[int, Mark] = field(default_factory=dict)
    keys: dict[tuple[str, str], int] = field(default_factory=dict)
    placed: dict[int, list[RawFact]] = field(default_factory=dict)
    begun: set[int] = field(default_factory=set)
    scattered: set[int] = field(default_factory=set)
    version: int = 0
    at_once: bool = False
    recalled: bool = False
    news: list[News] = field(default_factory=list)
    counts: dict[Key, Count] = field(default_factory=dict)
    _reached: Reached | None = None

    @property
    def reached(self) -> Reached:
        """How far the walk over calls from before came, read once. Raises what the database raises."""
        if self._reached is None:
            self._reached = reached(self.db)
        return self._reached

    @reached.setter
    def reached(self, now: Reached) -> None:
        self._reached = now
