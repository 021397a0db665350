"""The CEL spool: cel_custom's CSV file, the record's main source."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pbx_bridge.calls.facts import RawFact, cel_fact
from pbx_bridge.calls.source import Cursor
from pbx_bridge.spool.record import cel_rows, split_cel
from pbx_bridge.spool.tail import Tail


class CelSpool(Tail):
    """Reader of `cel.csv` of one node, from the cursors the store keeps."""

    def __init__(self, path: Path, node: str, cursors: Iterable[Cursor] = ()) -> None:
        def decode(file: str, offset: int, text: str) -> RawFact:
            return cel_fact(node=node, file=file, offset=offset, body=text)

        super().__init__(path, node, "cel", split=split_cel, rows=cel_rows, decode=decode, cursors=cursors)
