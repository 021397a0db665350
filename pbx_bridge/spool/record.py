"""Records in a spool's bytes: pure. Bytes in, complete records with their offsets out.

What has no end yet is left for later: Asterisk may be in the middle of writing it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# A CEL row begins so.  Inside a field a quotation mark is always doubled, so no caller can forge it on a new line.
_CEL_START = re.compile(rb'"[A-Z_]+","\d+\.\d+",')
# What a machine that lost its power leaves at the end of a file; the next row is written right behind it.
_ZEROS = re.compile(rb"\0+")
_LINE_END = 0x0A
_TRIES = 3  # places in a spoilt row where another one may begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One complete record; `offset` in bytes from the start of the data it was found in, without its line end."""

    offset: int
    data: bytes

    @property
    def text(self) -> str:
        r"""The record's text; zeros and bytes that are no UTF-8 stand as `\xNN`: no name may stop the reading."""
        text = self.data.decode("utf-8", "backslashreplace")
        return text.replace("\0", "\\x00") if "\0" in text else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The complete records of some bytes, and how many bytes they take, line ends included."""

    records: tuple[Record, ...]
    taken: int


Splitter = Callable[[bytes, int], Found]
Rows = Callable[[Record], Iterator[Record]]
"""(a record that cannot be read) → what in it may be a whole row of its own, up to its end."""


def split_lines(data: bytes, limit: int) -> Found:
    """Up to `limit` lines of queue_log; empty ones are taken and not returned."""
    records: list[Record] = []
    start = 0
    while len(records) < limit and (end := data.find(b"\n", start)) >= 0:
        if data[start] == 0:
            end = _zeros_end(data, start, end)
        if end > start:
            records.append(Record(offset=start, data=data[start:end]))
        start = end + (data[end] == _LINE_END)
    return Found(records=tuple(records), taken=start)


def split_cel(data: bytes, limit: int) -> Found:
    """Up to `limit` CSV records: they end at a line end outside quotation marks.

    A row torn by a crash or a full disk leaves a quotation mark open; it ends where the next row visibly begins, so
    that it spoils itself and not all that follows.
    """
    records: list[Record] = []
    start = scan = quotes = 0
    while len(records) < limit and (end := data.find(b"\n", scan)) >= 0:
        if data[start] == 0:
            end = _zeros_end(data, start, end)
            records.append(Record(offset=start, data=data[start:end]))
            start = scan = end
            continue
        quotes += data.count(b'"', scan, end)
        scan = end + 1
        if quotes % 2 and not _CEL_START.match(data, scan):
            continue
        if end > start:
            records.append(Record(offset=start, data=data[start:end]))
        start, quotes = scan, 0
    return Found(records=tuple(records), taken=start)


def no_rows(_: Record) -> Iterator[Record]:
    """A line of queue_log holds one record, or none that anybody could find."""
    return iter(())


def cel_rows(spoilt: Record) -> Iterator[Record]:
    """The rows that visibly begin within a spoilt one, the last first.

    A full disk cuts a row off; the next one is then written in the same line, and is whole.
    """
    begins = [match.start() for match in _CEL_START.finditer(spoilt.data, 1)]
    for begin in reversed(begins[-_TRIES:]):
        yield Record(offset=spoilt.offset + begin, data=spoilt.data[begin:])


def _zeros_end(data: bytes, start: int, line_end: int) -> int:
    zeros = _ZEROS.match(data, start, line_end)
    return line_end if zeros is None else zeros.end()
