"""queue_log: why waits ended, and when the node's Asterisk came up."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pbx_bridge.calls.facts import RawFact, queue_fact
from pbx_bridge.calls.source import Cursor
from pbx_bridge.spool.record import no_rows, split_lines
from pbx_bridge.spool.tail import Tail


class QueueLogSpool(Tail):
    """Reader of `queue_log` of one node, from the cursors the store keeps."""

    def __init__(self, path: Path, node: str, cursors: Iterable[Cursor] = ()) -> None:
        def decode(file: str, offset: int, text: str) -> RawFact:
            return queue_fact(node=node, file=file, offset=offset, body=text)

        super().__init__(path, node, "queue", split=split_lines, rows=no_rows, decode=decode, cursors=cursors)
