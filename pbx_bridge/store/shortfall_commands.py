"""What `calls gaps` and `calls unreadable` show: what the record may lack, and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pbx_bridge.store.calls_text import moment_of
from pbx_bridge.store.commands import Place
from pbx_bridge.store.gaps import Gap, SetAside
from pbx_bridge.store.times import iso
from pbx_bridge.values.hostile import on_terminal

_GAP = "{:<19}  {:<19}  {:<10}  {:<5}  {:<28}  {}"
_ROW = "{:<19}  {:<10}  {:<26}  {:>10}  {}"
_BODY = 300  # letters of a spoilt row on a terminal; JSON has all of it


async def show_gaps(
    place: Place, show: Callable[[str], None], *, as_json: bool, since: str | None, unread: bool
) -> bool:
    """Show the gaps, the latest first; True if there is one that a person should look at.

    Raises InputError, StoreError.
    """
    start = moment_of(since, place.zone)
    async with place.open_existing() as store:
        gaps = await store.gaps.windows(since=start, unread=unread)
    if not as_json:
        show(_GAP.format("from", "until", "node", "what", "read since", "why"))
    for gap in gaps:
        show(json.dumps(_gap_json(gap), ensure_ascii=False) if as_json else _gap_line(gap, place.zone))
    return any(gap.unread for gap in gaps)


async def show_unreadable(place: Place, show: Callable[[str], None], *, as_json: bool, limit: int | None) -> None:
    """Show the rows of spools that could not be read, the latest found first. Raises StoreError."""
    async with place.open_existing() as store:
        rows = await store.gaps.set_aside(limit)
    if not as_json:
        show(_ROW.format("found", "node", "file", "byte", "why, and the row"))
    for row in rows:
        show(json.dumps(_row_json(row), ensure_ascii=False) if as_json else _row_line(row, place.zone))


def _gap_json(gap: Gap) -> dict[str, Any]:
    return {
        "node": gap.node,
        "source": gap.source,
        "from": iso(gap.since),
        "until": iso(gap.until),
        "state": gap.state.value,
        "read_at": iso(gap.read_at),
        "reason": gap.reason,
    }


def _gap_line(gap: Gap, zone: ZoneInfo) -> str:
    read = f"read {_clock(gap.read_at, zone)}" if gap.read_at is not None else _STATES[gap.state.value]
    until = "still" if gap.until is None else _clock(gap.until, zone)
    return _GAP.format(_clock(gap.since, zone), until, gap.node, gap.source, read, on_terminal(gap.reason))


_STATES = {
    "open": "not read yet",
    "lost": "not read: cannot be any more",
    "unheard": "not heard: never sent again",
    "read": "read",
}


def _row_json(row: SetAside) -> dict[str, Any]:
    spoilt = row.record
    return {
        "found_at": iso(row.found_at),
        "node": spoilt.node,
        "file": spoilt.file,
        "offset": spoilt.offset,
        "reason": spoilt.reason,
        "body": spoilt.body,
    }


def _row_line(row: SetAside, zone: ZoneInfo) -> str:
    spoilt = row.record
    text = on_terminal(spoilt.body[:_BODY]) + ("…" if len(spoilt.body) > _BODY else "")
    why = f"{on_terminal(spoilt.reason)}: {text}"
    return _ROW.format(_clock(row.found_at, zone), spoilt.node, on_terminal(spoilt.file), spoilt.offset, why)


def _clock(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"
