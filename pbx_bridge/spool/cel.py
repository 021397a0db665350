"""The CEL spool: cel_custom's CSV file, the record's main source."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pbx_bridge.calls.source import Cursor
from pbx_bridge.spool.decoding import cel_decoding
from pbx_bridge.spool.tail import Tail


class CelSpool(Tail):
    """Reader of `cel.csv` of one node, from the cursors the store keeps."""

    def __init__(self, path: Path, node: str, cursors: Iterable[Cursor] = ()) -> None:
        super().__init__(path, cel_decoding(node), cursors)
