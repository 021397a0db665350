"""A batch: what one reading of the spool found, and how far it got."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pbx_bridge.calls.facts import RawFact
from pbx_bridge.calls.source import Cursor, Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolBatch:
    """Facts and unreadable records to keep in one transaction with the cursors that say they were read.

    Attributes:
        cursors: one for each file that was read.
        behind: bytes known to be there and not in this batch or an earlier one.
    """

    facts: tuple[RawFact, ...]
    unreadable: tuple[Unreadable, ...]
    cursors: tuple[Cursor, ...]
    behind: int = 0

    def __bool__(self) -> bool:
        return bool(self.cursors)


def merged(batches: Iterable[SpoolBatch]) -> SpoolBatch:
    """One batch of several, of different files."""
    several = tuple(batches)
    return SpoolBatch(
        facts=tuple(fact for batch in several for fact in batch.facts),
        unreadable=tuple(bad for batch in several for bad in batch.unreadable),
        cursors=tuple(cursor for batch in several for cursor in batch.cursors),
        behind=sum(batch.behind for batch in several),
    )
