"""From the records of a spool to facts: pure. What cannot be read is kept aside, what is whole in it is not lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pbx_bridge.calls.fact_text import Undecodable, cel_fact, queue_fact
from pbx_bridge.calls.facts import RawFact
from pbx_bridge.calls.source import Unreadable
from pbx_bridge.spool.record import Found, Record, Rows, Splitter, cel_rows, no_rows, split_cel, split_lines

Decoder = Callable[[str, int, str], RawFact]
"""(file, offset, text) → fact; raises Undecodable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How one node's spool of one source is read.

    Attributes:
        node, source: as in Cursor.
        rows: what a record that cannot be read may hold all the same.
    """

    node: str
    source: str
    split: Splitter
    rows: Rows
    decode: Decoder

    def read(self, file: str, offset: int, records: Sequence[Record]) -> tuple[list[RawFact], list[Unreadable]]:
        """The facts in these records, and what is none; `offset` is where in the file theirs begin."""
        facts: list[RawFact] = []
        unreadable: list[Unreadable] = []
        for record in records:
            try:
                facts.append(self.decode(file, offset + record.offset, record.text))
            except Undecodable as error:
                aside, fact = self._set_aside(file, offset, record, str(error))
                unreadable.append(aside)
                facts += [fact] if fact is not None else []
        return facts, unreadable

    def _set_aside(self, file: str, base: int, record: Record, reason: str) -> tuple[Unreadable, RawFact | None]:
        rest, fact = self._rescued(file, base, record)
        offset = base + record.offset
        return Unreadable(node=self.node, file=file, offset=offset, body=rest.text, reason=reason), fact

    def _rescued(self, file: str, base: int, spoilt: Record) -> tuple[Record, RawFact | None]:
        """What nobody can read, and the whole row behind it, if there is one."""
        for row in self.rows(spoilt):
            try:
                fact = self.decode(file, base + row.offset, row.text)
            except Undecodable:
                continue
            return Record(offset=spoilt.offset, data=spoilt.data[: row.offset - spoilt.offset]), fact
        return spoilt, None


def cel_decoding(node: str) -> Decoding:
    """Of `cel.csv`."""

    def decode(file: str, offset: int, text: str) -> RawFact:
        return cel_fact(node=node, file=file, offset=offset, body=text)

    return Decoding(node=node, source="cel", split=split_cel, rows=cel_rows, decode=decode)


def queue_decoding(node: str) -> Decoding:
    """Of `queue_log`."""

    def decode(file: str, offset: int, text: str) -> RawFact:
        return queue_fact(node=node, file=file, offset=offset, body=text)

    return Decoding(node=node, source="queue", split=split_lines, rows=no_rows, decode=decode)


def whole(data: bytes) -> Found:
    """All of it as one record: what has no end, and never will have one."""
    return Found(records=(Record(offset=0, data=data),), taken=len(data))
