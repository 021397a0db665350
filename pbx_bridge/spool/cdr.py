"""Asterisk's own CDR file, as asterisk-conf/cdr_custom.conf.j2 has it written: a check, never a source."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pbx_bridge.calls.verify import Cdr
from pbx_bridge.spool.generation import generations

_COLUMNS = 21
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def cdr_files(path: Path) -> list[Path]:
    """The file and what it was rotated into, oldest first. Raises OSError."""
    return [generation.path for generation in generations(path, "cdr")]


def read_cdrs(path: Path) -> Iterator[Cdr | None]:
    """Each CDR of one file; None for a row that is none. Raises OSError."""
    with path.open(encoding="utf-8", errors="backslashreplace", newline="") as file:
        rows = csv.reader(line.replace("\0", "") for line in file)
        while True:
            try:
                row = next(rows, None)
            except csv.Error:
                yield None
                continue
            if row is None:
                return
            if row:
                yield _cdr(row)


def _cdr(row: list[str]) -> Cdr | None:
    if len(row) != _COLUMNS:
        return None
    started, ended = _moment(row[8]), _moment(row[10])
    if started is None or not (row[12].isascii() and row[12].isdigit()):
        return None
    return Cdr(
        uniqueid=row[16],
        linkedid=row[17],
        channel=row[4],
        other=row[5],
        app=row[6],
        disposition=row[13],
        billed_s=int(row[12][:9]),
        started_at=started,
        ended_at=ended,
    )


def _moment(text: str) -> datetime | None:
    seconds, _, fraction = text.partition(".")
    if not (text.isascii() and seconds.isdigit() and fraction.isdigit()) or len(seconds) > 11:
        return None
    moment = _EPOCH + timedelta(seconds=int(seconds), microseconds=int(fraction.ljust(6, "0")[:6]))
    return moment if moment > _EPOCH else None
