"""CDR files as Asterisk and FreePBX write them, made of the CDRs of the captures."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from pbx_bridge.store.cdr_rows import FREEPBX, MASTER

CAPTURES = Path(__file__).parent / "captures"
# As captures' cdr.csv has them: cdr_custom, times in epoch seconds with microseconds.
_TOLD = (
    "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer", "end",
    "duration", "billsec", "disposition", "amaflags", "accountcode", "uniqueid", "linkedid", "sequence", "userfield",
    "peeraccount",
)  # fmt: skip

EVERY = ("uniqueid", "userfield", "peeraccount", "linkedid", "sequence")  # what may follow in Master.csv


def captured_cdrs(scenario: str) -> list[dict[str, str]]:
    """A capture's CDRs by column; empty where Asterisk wrote none."""
    with (CAPTURES / scenario / "cdr.csv").open(newline="", encoding="utf-8") as file:
        return [dict(zip(_TOLD, row, strict=True)) for row in csv.reader(file)]


def _local(epoch: str, zone: ZoneInfo) -> str:
    if not epoch:  # never answered
        return ""
    return f"{datetime.fromtimestamp(int(float(epoch)), UTC).astimezone(zone):%Y-%m-%d %H:%M:%S}"


def master_csv(cdrs: Iterable[Mapping[str, str]], zone: ZoneInfo, *more: str) -> str:
    """Master.csv, with some of uniqueid, userfield, peeraccount, linkedid, sequence."""
    times = ("start", "answer", "end")
    told = [{**cdr, **{name: _local(cdr[name], zone) for name in times}} for cdr in cdrs]
    return _text([cdr[name.replace("calldate", "start")] for name in (*MASTER, *more)] for cdr in told)


def freepbx_csv(cdrs: Iterable[Mapping[str, str]], zone: ZoneInfo, *, header: bool = True) -> str:
    """An export of FreePBX's cdr table."""
    rows = [list(FREEPBX)] if header else []
    for cdr in cdrs:
        told = {**cdr, "calldate": _local(cdr["start"], zone)}
        rows.append([told.get(name, "") for name in FREEPBX])
    return _text(rows)


def _text(rows: Iterable[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return out.getvalue()
