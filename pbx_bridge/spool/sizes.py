"""How much of a spool lies on disk, and how much of that has not been read. Looks at the folder: for a thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pbx_bridge.spool.generation import Generation, generations


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolSize:
    """One spool. `files`: the live one and those it was rotated into; sizes in bytes."""

    source: str
    files: int
    on_disk: int
    unread: int


def spool_size(live: Path, source: str, read: Mapping[str, int]) -> SpoolSize:
    """The spool at `live`.

    Args:
        read: how far each file was read, by the identity in the cursors of this source.

    Raises:
        OSError: the folder or the live file cannot be looked at.
    """
    found = generations(live, source)
    return SpoolSize(
        source=source,
        files=len(found),
        on_disk=sum(one.size for one in found),
        unread=sum(_unread(one, read) for one in found),
    )


def _unread(one: Generation, read: Mapping[str, int]) -> int:
    identity, number = one.identity, 2
    while (follower := f"{one.identity}-{number}") in read:  # it began again with the same first line: tail.py
        identity, number = follower, number + 1
    offset = read.get(identity, 0)
    return one.size - offset if offset <= one.size else one.size
