"""The rows of a CSV file of any size, each with its line, in constant memory. What is no row is given as it is.

A field may hold line ends. A row torn by a full disk leaves a quotation mark open: it spoils itself, and not the
rows after it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

_LONGEST = 65_536  # bytes of a line; no CDR comes near
_MOST_LINES = 20  # lines of one row


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    r"""One line, without its end; `number` from 1; bytes that are no UTF-8 stand as `\xNN`."""

    number: int
    text: str
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row by column; `trouble` says why it is none, then `cells` is empty. `text`: as it stands in the file."""

    line: int
    text: str
    cells: dict[str, str]
    trouble: str = ""


Split = Callable[[str], dict[str, str]]
"""A row's text → its cells; raises ValueError with the reason."""


def lines_of(file: BinaryIO) -> Iterator[Line]:
    """Every line that is not empty."""
    number = 0
    while raw := file.readline(_LONGEST):
        number += 1
        whole = len(raw) < _LONGEST or raw.endswith(b"\n")
        text = raw.decode("utf-8-sig" if number == 1 else "utf-8", "backslashreplace")
        while not raw.endswith(b"\n") and (raw := file.readline(_LONGEST)):
            pass
        text = text.rstrip("\r\n").replace("\0", "\\x00")
        if text.strip():
            yield Line(number=number, text=text, whole=whole)


def rows_of(file: BinaryIO, split: Split) -> Iterator[Row]:
    """Every row, and whatever is none."""
    lines, ahead = lines_of(file), deque[Line]()
    while True:
        line = ahead.popleft() if ahead else next(lines, None)
        if line is None:
            return
        taken = [line]
        row = _try(line, line.text, split)
        while row.trouble and _is_open(taken) and (more := ahead.popleft() if ahead else next(lines, None)):
            taken.append(more)
            longer = _try(line, "\n".join(one.text for one in taken), split)
            row = longer if not longer.trouble else row
        if row.trouble:
            ahead.extendleft(reversed(taken[1:]))
        yield row


def _is_open(taken: list[Line]) -> bool:
    quotes = sum(line.text.count('"') for line in taken)
    return quotes % 2 == 1 and len(taken) < _MOST_LINES and taken[-1].whole


def _try(line: Line, text: str, split: Split) -> Row:
    if not line.whole:
        return Row(line=line.number, text=text, cells={}, trouble=f"a line of more than {_LONGEST} bytes")
    try:
        return Row(line=line.number, text=text, cells=split(text))
    except ValueError as error:
        return Row(line=line.number, text=text, cells={}, trouble=str(error))
