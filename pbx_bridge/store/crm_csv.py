"""One CSV file of a CRM import: rows by column name, each with its line. Everything wrong names file and line."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pbx_bridge.errors import ImportRefused

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row; `line` is where it begins, from 1."""

    path: Path
    line: int
    cells: dict[str, str]

    def take(self, column: str, read: Callable[[str], T]) -> T:
        """What `read` makes of a cell. Raises ImportRefused with the reason of its ValueError."""
        try:
            return read(self.cells[column])
        except ValueError as error:
            raise self.refusal(f"{column}: {error}") from error

    def text(self, column: str) -> str:
        """A cell that must not be empty."""
        return self.take(column, _some_text)

    def maybe(self, column: str, read: Callable[[str], T]) -> T | None:
        """The same, or None where the file has no such column."""
        return self.take(column, read) if column in self.cells else None

    def refusal(self, reason: str) -> ImportRefused:
        """The error for this row."""
        return ImportRefused(reason, path=self.path, line=self.line)


class Once:
    """Refuses a key that stands in the file twice."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._lines: dict[Hashable, int] = {}

    def check(self, row: Row, key: Hashable) -> None:
        """Raises ImportRefused when the key was there before."""
        first = self._lines.setdefault(key, row.line)
        if first != row.line:
            raise row.refusal(f"the same {self._what} stands in line {first} already")


def read_rows(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> list[Row]:
    """The rows of a file with these columns, in any order, `optional` ones or not. Empty lines are passed over."""
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    lines = _lines(path, reader)
    _, header = next(lines, (1, []))
    names = _names(path, header, columns, optional)
    return [_row(path, line, names, cells) for line, cells in lines]


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ImportRefused(f"it cannot be read: {error.strerror or error}", path=path) from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ImportRefused("it is not UTF-8: save it as CSV UTF-8", path=path, line=line) from error


def _lines(path: Path, reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    # line_num counts lines read; a row begins right after the one before it ended.
    begins = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise ImportRefused(f"it is no CSV: {error}", path=path, line=begins) from error
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield begins, cells
        begins = reader.line_num + 1  # type: ignore[attr-defined]


def _names(path: Path, header: Sequence[str], columns: Sequence[str], optional: Sequence[str]) -> list[str]:
    names = [name.strip().lower() for name in header]
    wanted = ",".join(columns)
    for name in names:
        if name not in (*columns, *optional):
            raise ImportRefused(f"there is no column {name!r}: the first line is {wanted}", path=path, line=1)
    for name in (*columns, *optional):
        if names.count(name) != 1 and (name in columns or name in names):
            reason = "is missing" if name not in names else "stands there twice"
            raise ImportRefused(f"column {name} {reason}: the first line is {wanted}", path=path, line=1)
    return names


def _row(path: Path, line: int, names: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) != len(names):
        raise ImportRefused(f"{len(cells)} columns instead of {len(names)}", path=path, line=line)
    row = Row(path=path, line=line, cells={})
    for name, cell in zip(names, cells, strict=True):
        plain = " ".join(cell.split())
        if any(unicodedata.category(c) in ("Cc", "Cs") for c in plain):
            raise row.refusal(f"{name}: there is a control character in it")
        row.cells[name] = plain
    return row


def _some_text(text: str) -> str:
    if not text:
        raise ValueError("it is empty")
    return text
