"""Recordings of talks as the store knows them: which the dialplan told of, and what became of each file.

A recording belongs to a call by the fact that tells of it, so it follows its channel through every transfer. Its
file is the business of spool/recordings.py.
"""

from __future__ import annotations

import enum
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pbx_bridge.calls.call import Call
from pbx_bridge.calls.facts import CelRow, Fact
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, to_us
from pbx_bridge.store.writer import Writer

# As asterisk-conf/extensions.conf.j2 makes it: a plain name in one folder, nothing that a caller chose.
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}\.wav")
_TOLD = "recording="
_LAST_US = 2**63 - 1
_CHUNK = 500


class RecordingState(enum.StrEnum):
    """What became of a recording."""

    AWAITED = "awaited"  # the dialplan told of it; its file was not taken over yet
    PRESENT = "present"  # kept
    EMPTY = "empty"  # nobody was spoken with: there is no sound, and no file
    MISSING = "missing"  # the call is over, and there never was a file
    GONE = "gone"  # it was kept, and somebody took the file away
    EXPIRED = "expired"  # it was kept for as long as the settings say


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recording.

    Attributes:
        node, file: its identity: the PBX, and the name the dialplan gave the file.
        channel: uniqueid of the channel that was recorded.
        call_id: the call it belongs to.
        started_at: when the dialplan began it, aware UTC. Sound begins when a person answers.
        path: where the file is kept, below the folder of kept recordings; empty if there never was one.
        length_us: of the sound, microseconds.
        size: of the kept file, bytes; `sha256` is its checksum, hexadecimal.
    """

    node: str
    file: str
    channel: str
    call_id: str
    started_at: datetime
    state: RecordingState = RecordingState.AWAITED
    path: str = ""
    length_us: int = 0
    size: int = 0
    sha256: str = ""

    @property
    def is_shown(self) -> bool:
        """There is something to say of it: it is not merely under way, and not a recording of nobody."""
        return self.state not in (RecordingState.AWAITED, RecordingState.EMPTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRecording:
    """A recording to take over, and when its call ended."""

    recording: Recording
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRecording:
    """A recording, and its call's outcome; empty while the call goes on."""

    recording: Recording
    outcome: str


def note_recordings(db: Db, call_id: str, facts: Iterable[Fact]) -> None:
    """Keep in mind what a call's facts tell of recordings. Told again, it changes nothing."""
    rows = [
        {
            "node": fact.node,
            "file": file,
            "channel": fact.uniqueid,
            "call_id": call_id,
            "started_at_us": to_us(fact.at),
        }
        for fact in facts
        if isinstance(fact, CelRow) and (file := file_told(fact))
    ]
    if rows:
        db.executemany(SQL["note_recording"], rows)


def file_told(row: CelRow) -> str:
    """The file a row tells of; empty if it tells of none, or of one that cannot be ours."""
    # Asterisk 16 writes a user event under its own name, 22 as USER_DEFINED with the name in user_type.
    if "PBXB" not in (row.event, row.user_type):
        return ""
    told = row.extra.get("extra")
    if not isinstance(told, str) or not told.startswith(_TOLD):
        return ""
    file = told.removeprefix(_TOLD)
    return file if FILE_NAME.fullmatch(file) else ""


class Recordings:
    """The recordings on record."""

    def __init__(self, writer: Writer, reader: Database) -> None:
        self._writer, self._reader = writer, reader

    async def get(self, node: str, file: str) -> Recording | None:
        """One recording."""
        rows = await self._reader.rows(SQL["recording"], node=node, file=file)
        return _read(rows[0]) if rows else None

    async def of_call(self, call_id: str) -> list[Recording]:
        """Every recording of a call, in order."""
        return [_read(row) for row in await self._reader.rows(SQL["recordings_of_call"], call_id=call_id)]

    async def of_calls(self, calls: Sequence[Call]) -> Mapping[str, Sequence[Recording]]:
        """The recordings of calls that follow each other in the list, newest first: by call id, in order."""
        if not calls:
            return {}
        newest, oldest = calls[0], calls[-1]
        rows = await self._reader.rows(
            SQL["recordings_between"],
            first_us=to_us(oldest.started_at),
            first_id=oldest.call_id,
            last_us=to_us(newest.started_at),
            last_id=newest.call_id,
        )
        found: dict[str, list[Recording]] = {}
        for recording in map(_read, rows):
            found.setdefault(recording.call_id, []).append(recording)
        return found

    async def due(self, node: str, limit: int = 100) -> list[DueRecording]:
        """Recordings of a node whose calls are over and whose files were not taken over yet, oldest first."""
        rows = await self._reader.rows(SQL["recordings_due"], node=node, limit=limit)
        return [DueRecording(recording=_read(row[:-1]), ended_at=from_us(row[-1])) for row in rows]

    async def put(self, recording: Recording) -> None:
        """Keep what became of a recording; returns when it is on disk. Raises StoreError."""
        values = _values(recording)
        await self._writer.submit(lambda tx: tx.db.execute(SQL["set_recording"], values).rowcount)

    async def since(
        self, start: datetime | None = None, end: datetime | None = None
    ) -> AsyncIterator[ListedRecording]:
        """Recordings that began in [start, end), oldest first."""
        where: dict[str, Any] = {
            "start_us": to_us(start) if start else -_LAST_US,
            "end_us": to_us(end) if end else _LAST_US,
        }
        after: Mapping[str, Any] = {"after_us": -_LAST_US, "after_node": "", "after_file": ""}
        while True:
            rows = await self._reader.rows(SQL["page_recordings"], **where, **after, limit=_CHUNK)
            for row in rows:
                yield ListedRecording(recording=_read(row[:-1]), outcome=row[-1] or "")
            if len(rows) < _CHUNK:
                return
            node, file, _, _, started_at_us, *_ = rows[-1]
            after = {"after_us": started_at_us, "after_node": node, "after_file": file}


def _read(row: Any) -> Recording:
    node, file, channel, call_id, started_at_us, state, path, length_us, size, sha256 = row
    return Recording(
        node=node,
        file=file,
        channel=channel,
        call_id=call_id,
        started_at=from_us(started_at_us),
        state=RecordingState(state),
        path=path,
        length_us=length_us,
        size=size,
        sha256=sha256,
    )


def _values(recording: Recording) -> dict[str, Any]:
    return {
        "node": recording.node,
        "file": recording.file,
        "state": recording.state.value,
        "path": recording.path,
        "length_us": recording.length_us,
        "bytes": recording.size,
        "sha256": recording.sha256,
    }
