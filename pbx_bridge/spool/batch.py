"""A batch: what one reading of the spool found, and how far it got; a loss: what no reading will find any more."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A file that is gone, or was cut, before it was read to its end.

    Attributes:
        file: its identity.
        offset: it was read up to here, in bytes.
        size: bytes that it held when it was last seen; None when nobody saw it after the last reading.
    """

    source: str
    file: str
    offset: int
    size: int | None

    @property
    def reason(self) -> str:
        """One sentence for a person."""
        rest = (
            "what came behind is not known"
            if self.size is None
            else f"the {self.size - self.offset} bytes behind not"
        )
        return f"{self.file} is gone or was cut: read up to byte {self.offset}, {rest}"


def merged(batches: Iterable[SpoolBatch]) -> SpoolBatch:
    """One batch of several, of different files."""
    several = tuple(batches)
    return SpoolBatch(
        facts=tuple(fact for batch in several for fact in batch.facts),
        unreadable=tuple(bad for batch in several for bad in batch.unreadable),
        cursors=tuple(cursor for batch in several for cursor in batch.cursors),
        behind=sum(batch.behind for batch in several),
    )
