"""What the rows of a CDR file mean: Asterisk's Master.csv, or an export of FreePBX's `cdr` table. Pure.

Columns of Master.csv are those of Asterisk's cdr_csv: sixteen, then uniqueid (loguniqueid), userfield (loguserfield),
and peeraccount, linkedid, sequence (newcdrcolumns), each where it is switched on. Both keep whole seconds of local
time, so the hour that a clock change repeats is told apart by the epoch in the row's own ids.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from zoneinfo import ZoneInfo

from pbx_bridge.calls.fact_text import cdr_fact
from pbx_bridge.calls.facts import RawFact
from pbx_bridge.calls.keys import NO_CHANNEL
from pbx_bridge.store.times import to_us

FREEPBX = (
    "calldate", "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "duration",
    "billsec", "disposition", "amaflags", "accountcode", "uniqueid", "userfield", "did", "recordingfile", "cnum",
    "cnam", "outbound_cnum", "outbound_cnam", "dst_cnam", "linkedid", "peeraccount", "sequence",
)  # fmt: skip
MASTER = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "calldate",
    "answer", "end", "duration", "billsec", "disposition", "amaflags",
)  # fmt: skip
_NEWER = ("peeraccount", "linkedid", "sequence")
_NEEDED = ("calldate", "src", "dst", "channel", "duration", "disposition")
_LEAST_FREEPBX = FREEPBX.index("uniqueid") + 1
_LONGEST_MASTER = len(MASTER) + 5
_ID = re.compile(r"(?:.*-)?(\d{9,10})\.\d+")  # systemname-epoch.counter
_NOTHING = frozenset({"NULL", "\\N"})  # how databases write that there is nothing
_LONGEST_S = 10 * 365 * 86_400
_ROUNDED = timedelta(seconds=2)  # by how much two times and their difference, each rounded, may disagree
_YEARS = range(1990, 2200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a file's rows are written.

    Attributes:
        format: `master` or `freepbx`.
        names: its columns; empty for Master.csv, whose rows may differ.
        headed: its first row names the columns.
    """

    format: str
    delimiter: str = ","
    names: tuple[str, ...] = ()
    headed: bool = False

    def cells(self, text: str) -> dict[str, str]:
        """A row's cells by column. Raises ValueError with the reason."""
        try:
            return self._named(self._split(text, {"doublequote": True}))
        except ValueError:
            if "\\" not in text:
                raise
            return self._named(self._split(text, {"doublequote": False, "escapechar": "\\"}))  # as MySQL exports

    def _split(self, text: str, quoting: Mapping[str, bool | str]) -> list[str]:
        try:
            rows = list(csv.reader([text], delimiter=self.delimiter, strict=True, **quoting))  # type: ignore[arg-type]
        except csv.Error as error:
            raise ValueError(f"no CSV record: {error}") from error
        return rows[0] if rows else []

    def _named(self, cells: Sequence[str]) -> dict[str, str]:
        names = self.names or _master_names(cells)
        if len(cells) != len(names):
            raise ValueError(f"{len(cells)} columns instead of {len(names)}")
        return {name: "" if cell in _NOTHING else cell for name, cell in zip(names, cells, strict=True)}


def find_layout(lines: Sequence[str], format: str | None = None) -> Layout | None:
    """The layout of a file that begins so; None when no line fits.

    Raises:
        ValueError: its header lacks a column.
    """
    for delimiter in ",;\t":
        names = tuple(cell.strip().lower() for cell in _cells(lines[0], delimiter)) if lines else ()
        if "calldate" in names:
            return _headed(names, delimiter)
    for line in lines:
        for delimiter in ",;\t":
            layout = _guess(line, delimiter, format)
            if layout is not None:
                return layout
    return None


def _headed(names: tuple[str, ...], delimiter: str) -> Layout:
    lacking = [name for name in _NEEDED if name not in names]
    if lacking:
        raise ValueError(f"column {lacking[0]} is missing")
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"column {twice[0]} stands there twice")
    return Layout(format="freepbx", delimiter=delimiter, names=names, headed=True)


def _guess(line: str, delimiter: str, format: str | None) -> Layout | None:
    cells = _cells(line, delimiter)
    if format != "freepbx" and len(MASTER) <= len(cells) <= _LONGEST_MASTER and _is_time(cells[9]):
        return Layout(format="master", delimiter=delimiter)
    if format != "master" and _LEAST_FREEPBX <= len(cells) <= len(FREEPBX) and _is_time(cells[0]):
        return Layout(format="freepbx", delimiter=delimiter, names=FREEPBX[: len(cells)])
    return None


def _cells(line: str, delimiter: str) -> list[str]:
    """A line's cells as far as anybody can tell; none of one that is no CSV."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _is_time(text: str) -> bool:
    try:
        _local(text)
    except ValueError:
        return False
    return True


def _master_names(cells: Sequence[str]) -> tuple[str, ...]:
    more = len(cells) - len(MASTER)
    if not 0 <= more <= _LONGEST_MASTER - len(MASTER):
        raise ValueError(f"{len(cells)} columns instead of {len(MASTER)} to {_LONGEST_MASTER}")
    optional = more % len(_NEWER)
    named: tuple[str, ...] = ("uniqueid", "userfield")[:optional]
    if optional == 1 and not _ID.fullmatch(cells[len(MASTER)]):
        named = ("userfield",)
    return MASTER + named + (_NEWER if more >= len(_NEWER) else ())


def fact_of(cells: Mapping[str, str], node: str, zone: ZoneInfo) -> RawFact:
    """The fact of a row's cells. Raises ValueError with the reason."""
    uniqueid, linkedid = _ids(cells)
    local = _local(cells["calldate"])
    at = _utc(local, zone, uniqueid, linkedid)
    lasted, billed = _seconds(cells, "duration"), _seconds(cells, "billsec")
    disposition = " ".join(cells["disposition"].upper().split()).replace("NOANSWER", "NO ANSWER")
    ended_at = at + _since(local, cells.get("end", ""), lasted)
    answered_at = None
    if disposition == "ANSWERED" or billed or cells.get("answer"):
        answered_at = max(at, at + _since(local, cells.get("answer", ""), ended_at - at - billed))
    return cdr_fact(
        node=node,
        at=at,
        uniqueid=uniqueid,
        linkedid=linkedid,
        row={
            "clid": cells.get("clid", ""),
            "src": cells["src"],
            "dst": cells["dst"],
            "context": cells.get("dcontext", ""),
            "channel_name": cells["channel"],
            "peer_name": cells.get("dstchannel", ""),
            "app": cells.get("lastapp", ""),
            "app_data": cells.get("lastdata", ""),
            "disposition": disposition,
            "did": cells.get("did", ""),
            "user_field": cells.get("userfield", ""),
            "answered_us": None if answered_at is None else to_us(answered_at),
            "ended_us": to_us(max(at, ended_at)),
        },
    )


def id_epoch(uniqueid: str) -> int | None:
    """When the channel of this id came up, epoch seconds; None for an id that a client chose."""
    told = _ID.fullmatch(uniqueid)
    return int(told[1]) if told else None


def _ids(cells: Mapping[str, str]) -> tuple[str, str]:
    uniqueid, linkedid = cells.get("uniqueid", "").strip(), cells.get("linkedid", "").strip()
    if uniqueid in NO_CHANNEL:
        # Written without ids: each channel's row, or rows of one start, are a call of their own.
        told = "\n".join(cells[name] for name in ("channel", "calldate", "src"))
        uniqueid = f"cdr-{blake2b(told.encode('utf-8', 'replace'), digest_size=12).hexdigest()}"
    return uniqueid, "" if linkedid in NO_CHANNEL else linkedid


def _local(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no time") from None
    if moment.tzinfo is not None or moment.year not in _YEARS:
        raise ValueError(f"{text!r} is no local time of a call")
    return moment


def _utc(local: datetime, zone: ZoneInfo, *ids: str) -> datetime:
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    epoch = next((epoch for epoch in map(id_epoch, ids) if epoch is not None), None)
    if first == second or epoch is None:
        return first
    return min(first, second, key=lambda at: abs(at.timestamp() - epoch))


def _since(start: datetime, text: str, told: timedelta) -> timedelta:
    """How long after the start a time is: as told, or by its own text, which may lie across a clock change."""
    if not text.strip():
        return told
    since = _local(text) - start
    return since if abs(since - told) <= _ROUNDED else told


def _seconds(cells: Mapping[str, str], name: str) -> timedelta:
    text = cells.get(name, "").strip() or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= _LONGEST_S):
        raise ValueError(f"{name}: {text!r} is no number of seconds")
    return timedelta(seconds=int(text))
