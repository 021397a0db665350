"""queue_log: why waits ended, and when the node's Asterisk came up."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pbx_bridge.calls.source import Cursor
from pbx_bridge.spool.decoding import queue_decoding
from pbx_bridge.spool.tail import Tail


class QueueLogSpool(Tail):
    """Reader of `queue_log` of one node, from the cursors the store keeps."""

    def __init__(self, path: Path, node: str, cursors: Iterable[Cursor] = ()) -> None:
        super().__init__(path, queue_decoding(node), cursors)
