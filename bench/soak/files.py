"""What Asterisk's own files say of the calls: a second, plain reader that shares nothing with the one under test."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Span = tuple[float, float]

_EVENT, _TIME, _NUMBER, _CONTEXT, _CHANNEL, _APP, _UNIQUEID, _LINKEDID = 0, 1, 4, 9, 10, 11, 14, 15  # of cel.csv
_TRUNK = "PJSIP/trunk-"
_NOBODY = "pbxb-nobody"
_ALONE = ("pbxb-fallback", _NOBODY)  # contexts in which the dialplan serves a caller without the daemon


@dataclass(slots=True, kw_only=True)
class Told:
    """One inbound call as the files tell it. Times are epoch seconds.

    Attributes:
        ended: when the caller's channel ended; None where no end was written.
        over: when the last of the call's channels ended.
        waiting: when the flow had the caller: its stays in Stasis.
        left: how long the caller stood between leaving Stasis and the next row.
        farewell: the same where that row is the end: meanwhile the dialplan says that nobody is there.
        queue: the events of queue_log, in order.
        talk: whole seconds of talk by queue_log, where it tells.
    """

    root: str
    caller: str
    begun: float
    ended: float | None = None
    over: float = 0.0
    last: float = 0.0
    fallback: bool = False
    waiting: list[Span] = field(default_factory=list)
    left: list[float] = field(default_factory=list)
    farewell: list[float] = field(default_factory=list)
    queue: list[str] = field(default_factory=list)
    talk: int | None = None


def read(cel: Path, queue_log: Path, since: float) -> Mapping[str, Told]:
    """Every inbound call begun since then, by its root's uniqueid."""
    rows = sorted(_rows(cel), key=lambda row: float(row[_TIME]))
    calls = {
        row[_UNIQUEID]: Told(root=row[_UNIQUEID], caller=row[_NUMBER], begun=float(row[_TIME]))
        for row in rows
        if row[_EVENT] == "CHAN_START" and row[_CHANNEL].startswith(_TRUNK) and float(row[_TIME]) >= since
    }
    own: dict[str, list[Sequence[str]]] = {root: [] for root in calls}
    for row in rows:
        if row[_UNIQUEID] in own:
            own[row[_UNIQUEID]].append(row)
        if row[_EVENT] == "CHAN_END" and row[_LINKEDID] in calls:
            calls[row[_LINKEDID]].over = float(row[_TIME])
    for root, told in calls.items():
        _take(told, own[root])
    _read_queue(queue_log, calls)
    return calls


def strangers(cel: Path, calls: Mapping[str, Told], since: float) -> Sequence[str]:
    """Linked ids since then that belong to none of these calls: there should be none."""
    linked = {row[_LINKEDID] for row in _rows(cel) if float(row[_TIME]) >= since and row[_EVENT] == "CHAN_START"}
    return sorted(linked - set(calls))


def _rows(path: Path) -> Sequence[Sequence[str]]:
    rows = (row for text in _texts(path) for row in csv.reader(io.StringIO(text, newline="")))
    return [row for row in rows if len(row) > _LINKEDID]


def _texts(path: Path) -> Iterator[str]:
    """What the PBX wrote, the oldest first: those set aside meanwhile (`cel.csv.20261122T031500Z`), then this one."""
    for one in (*sorted(path.parent.glob(f"{path.name}.*")), path):
        if one.exists():
            yield one.read_text(encoding="utf-8", errors="replace")


def _take(told: Told, rows: Sequence[Sequence[str]]) -> None:
    entered = left = None
    for row in rows:
        at = told.last = float(row[_TIME])
        told.fallback = told.fallback or row[_CONTEXT] in _ALONE
        if left is not None:
            said = (row[_EVENT], row[_CONTEXT]) == ("HANGUP", _NOBODY)  # Playback writes no row of its own
            (told.farewell if said else told.left).append(at - left)
            left = None
        match row[_EVENT], row[_APP]:
            case "APP_START", "Stasis":
                entered = at
            case "APP_END", "Stasis":
                told.waiting.append((entered or at, at))
                entered, left = None, at
            case "CHAN_END", _:
                told.ended = at
            case _:
                pass
    if entered is not None:
        told.waiting.append((entered, told.last))


def _read_queue(path: Path, calls: Mapping[str, Told]) -> None:
    for line in (line for text in _texts(path) for line in text.splitlines()):
        fields = line.split("|")
        told = calls.get(fields[1]) if len(fields) > 4 else None
        if told is not None:
            told.queue.append(fields[4])
            if fields[4] in ("COMPLETECALLER", "COMPLETEAGENT"):
                told.talk = (told.talk or 0) + int(fields[6])
