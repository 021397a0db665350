"""Messages that callers recorded for people, as the store knows them; their files: spool/messages.py."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pbx_bridge.store.database import Database
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, to_us
from pbx_bridge.store.writer import Writer

_LAST_US = 2**63 - 1
_CHUNK = 500
# As ivr/nodes/record.py makes it: PBX, channel, the number of the hand-over, flow node (which has no `-` in it).
_AFTER_NODE = re.compile(r"_(?P<channel>[A-Za-z0-9._-]+)-[0-9]{2,}-(?P<flow_node>[a-z][a-z0-9_.]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a message's name says of it."""

    node: str
    channel: str
    flow_node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message.

    Attributes:
        name: its identity, and the file's without an ending.
        origin: the PBX, the caller's channel and the flow node that recorded it.
        caller: their number as it came; empty if it was hidden.
        made_at: when it began, aware UTC. length_us: of the sound, microseconds.
        size: of the file, bytes; `sha256` is its checksum, hexadecimal.
        path: where it is kept, below the folder of messages; empty once its time was up.
    """

    name: str
    origin: Origin
    caller: str
    made_at: datetime
    length_us: int
    size: int
    sha256: str
    path: str

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.length_us / 1_000_000


def origin_of(name: str, node: str) -> Origin | None:
    """Where a recording of that name was made on this PBX; None if it is no message of ours."""
    if not name.startswith(f"{node}_"):
        return None
    told = _AFTER_NODE.fullmatch(name, len(node))
    if told is None:
        return None
    return Origin(node=node, channel=told["channel"], flow_node=told["flow_node"].replace(".", "/"))


class Messages:
    """The messages on record."""

    def __init__(self, writer: Writer, reader: Database) -> None:
        self._writer, self._reader = writer, reader

    async def get(self, name: str) -> Message | None:
        """One message. Raises StoreError."""
        rows = await self._reader.rows(SQL["message"], name=name)
        return _read(rows[0]) if rows else None

    async def put(self, message: Message) -> None:
        """Keep a message, or what became of it; returns when it is on disk. Raises StoreError."""
        values = _values(message)
        await self._writer.submit(lambda tx: tx.db.execute(SQL["put_message"], values).rowcount)

    async def since(self, start: datetime | None = None, end: datetime | None = None) -> AsyncIterator[Message]:
        """Messages that began in [start, end), oldest first. Raises StoreError."""
        where: dict[str, Any] = {
            "start_us": to_us(start) if start else -_LAST_US,
            "end_us": to_us(end) if end else _LAST_US,
        }
        after: Mapping[str, Any] = {"after_us": -_LAST_US, "after_name": ""}
        while True:
            rows = await self._reader.rows(SQL["page_messages"], **where, **after, limit=_CHUNK)
            for row in rows:
                yield _read(row)
            if len(rows) < _CHUNK:
                return
            after = {"after_us": rows[-1][5], "after_name": rows[-1][0]}


def _read(row: Any) -> Message:
    name, node, channel, flow_node, caller, made_at_us, length_us, size, sha256, path = row
    return Message(
        name=name,
        origin=Origin(node=node, channel=channel, flow_node=flow_node),
        caller=caller,
        made_at=from_us(made_at_us),
        length_us=length_us,
        size=size,
        sha256=sha256,
        path=path,
    )


def _values(message: Message) -> dict[str, Any]:
    return {
        "name": message.name,
        "node": message.origin.node,
        "channel": message.origin.channel,
        "flow_node": message.origin.flow_node,
        "caller": message.caller,
        "made_at_us": to_us(message.made_at),
        "length_us": message.length_us,
        "bytes": message.size,
        "sha256": message.sha256,
        "path": message.path,
    }
