"""Tables that people take away, CSV and XLSX, in constant memory however long they are.

Cells come over the telephone: in CSV, one that a spreadsheet would take for a formula gets an apostrophe before it;
in XLSX every text is of the type text, which is none.
"""

from __future__ import annotations

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web
from xlsxwriter import Workbook

from pbx_bridge.values.hostile import no_formula

Cell = str | int | float
Rows = AsyncIterator[Sequence[Sequence[Cell]]]
"""The rows, some hundred at a time."""

_SHEET_ROWS = 1_000_000  # Excel's limit is 1,048,576
_PIECE = 256 * 1024
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_LONGEST_CELL = 32_000  # Excel's limit is 32,767


def harmless(cell: Cell) -> Cell:
    """The cell as text that no spreadsheet takes for a formula; a number stays one."""
    return no_formula(cell) if isinstance(cell, str) else cell


async def send_csv(request: web.Request, name: str, head: Sequence[str], rows: Rows) -> web.StreamResponse:
    """A download `name`.csv: UTF-8 with a byte order mark, so that Excel reads Persian right."""
    response = _download(f"{name}.csv", "text/csv; charset=utf-8")
    await response.prepare(request)
    await response.write("\ufeff".encode() + _csv([head]))
    async for some in rows:
        await response.write(await asyncio.to_thread(_csv, some))
    await response.write_eof()
    return response


async def send_xlsx(
    request: web.Request, name: str, head: Sequence[str], rows: Rows, *, right_to_left: bool
) -> web.StreamResponse:
    """A download `name`.xlsx. It is written to a temporary file first: its end tells what its beginning has to."""
    with tempfile.TemporaryDirectory(prefix="export-") as folder:
        path = Path(folder) / "export.xlsx"
        sheets = _Sheets(path, head, right_to_left=right_to_left)
        try:
            async for some in rows:
                await asyncio.to_thread(sheets.add, some)
        finally:
            await asyncio.to_thread(sheets.close)
        response = _download(f"{name}.xlsx", _XLSX)
        response.content_length = path.stat().st_size
        await response.prepare(request)
        with path.open("rb") as file:
            while piece := await asyncio.to_thread(file.read, _PIECE):
                await response.write(piece)
        await response.write_eof()
        return response


def _download(name: str, kind: str) -> web.StreamResponse:
    headers = {"Content-Type": kind, "Content-Disposition": f'attachment; filename="{name}"'}
    return web.StreamResponse(headers=headers)


def _csv(rows: Sequence[Sequence[Cell]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")


class _Sheets:
    """A workbook that is written row by row; a further sheet when one is full."""

    def __init__(self, path: Path, head: Sequence[str], *, right_to_left: bool) -> None:
        # Every text stays text: none becomes a formula, a link or a number.
        options: Mapping[str, Any] = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "tmpdir": str(path.parent),
        }
        self._book = Workbook(str(path), options)
        self._bold = self._book.add_format({"bold": True})
        self._head, self._right_to_left, self._row = head, right_to_left, _SHEET_ROWS
        self._sheet: Any = None
        self._next_sheet()

    def add(self, rows: Sequence[Sequence[Cell]]) -> None:
        """Write these rows."""
        for row in rows:
            if self._row >= _SHEET_ROWS:
                self._next_sheet()
            self._write(row)

    def close(self) -> None:
        """Finish the file."""
        self._book.close()

    def _next_sheet(self) -> None:
        self._sheet, self._row = self._book.add_worksheet(), 0
        if self._right_to_left:
            self._sheet.right_to_left()
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, len(self._head) - 1, 16)
        self._write(list(self._head), self._bold)

    def _write(self, cells: Sequence[Cell], style: Any = None) -> None:
        for column, cell in enumerate(cells):
            if isinstance(cell, str):
                self._sheet.write_string(self._row, column, cell[:_LONGEST_CELL], style)
            else:
                self._sheet.write_number(self._row, column, cell, style)
        self._row += 1
