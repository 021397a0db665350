"""Records in a spool's bytes: pure. Bytes in, complete records with their offsets out.

What has no end yet is left for later: Asterisk may be in the middle of writing it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

# A CEL row begins so.  Inside a field a quotation mark is always doubled, so no caller can forge it on a new line.
_CEL_START = re.compile(rb'"[A-Z_]+","\d+\.\d+",')


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One complete record; `offset` in bytes from the start of the data it was found in, without its line end."""

    offset: int
    data: bytes

    @property
    def text(self) -> str:
        r"""The record's text; bytes that are no UTF-8 stand as `\xNN`, for no caller's name may stop the reading."""
        return self.data.decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The complete records of some bytes, and how many bytes they take, line ends included."""

    records: tuple[Record, ...]
    taken: int


Splitter = Callable[[bytes, int], Found]


def split_lines(data: bytes, limit: int) -> Found:
    """Up to `limit` lines of queue_log; empty ones are taken and not returned."""
    records: list[Record] = []
    start = 0
    while len(records) < limit and (end := data.find(b"\n", start)) >= 0:
        if end > start:
            records.append(Record(offset=start, data=data[start:end]))
        start = end + 1
    return Found(records=tuple(records), taken=start)


def split_cel(data: bytes, limit: int) -> Found:
    """Up to `limit` CSV records: they end at a line end outside quotation marks.

    A row torn by a crash or a full disk leaves a quotation mark open; it ends where the next row visibly begins, so
    that it spoils itself and not all that follows.
    """
    records: list[Record] = []
    start = scan = quotes = 0
    while len(records) < limit and (end := data.find(b"\n", scan)) >= 0:
        quotes += data.count(b'"', scan, end)
        scan = end + 1
        if quotes % 2 and not _CEL_START.match(data, scan):
            continue
        if end > start:
            records.append(Record(offset=start, data=data[start:end]))
        start, quotes = scan, 0
    return Found(records=tuple(records), taken=start)
