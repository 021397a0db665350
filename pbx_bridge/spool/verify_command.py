"""What `calls verify` shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from zoneinfo import ZoneInfo

from pbx_bridge.calls.verify import Disagreement
from pbx_bridge.errors import InputError
from pbx_bridge.spool.verify import Files, Progress, Summary, disagreements
from pbx_bridge.store.calls_text import moment_of
from pbx_bridge.store.commands import Place
from pbx_bridge.store.times import iso
from pbx_bridge.values.hostile import on_terminal


async def show_disagreements(
    place: Place,
    files: Files,
    show: Callable[[str], None],
    *,
    as_json: bool,
    since: str | None,
    progress: Progress,
) -> bool:
    """Show every disagreement with both sides; True if nothing explains one of them.

    Raises InputError, StoreError.
    """
    start, summary = moment_of(since, place.zone), Summary()
    found = unexplained = 0
    async with place.open_existing() as store:
        try:
            async for one in disagreements(store, files, start, progress, summary):
                found += 1
                unexplained += not one.explained
                show(json.dumps(_json(one), ensure_ascii=False) if as_json else _line(one, place.zone))
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror or error}", path=error.filename) from error
    if not as_json:
        for note in summary.notes:
            show(f"note: {note}")
        show(
            f"{summary.calls} calls in {summary.rows} rows of Asterisk's files were compared: "
            f"{found} disagreements, {found - unexplained} of them explained"
        )
    return unexplained > 0


def _json(one: Disagreement) -> dict[str, str | None]:
    return {
        "check": one.check.value,
        "at": iso(one.at),
        "call_id": one.call_id,
        "channel": one.channel,
        "record": one.record,
        "evidence": one.evidence,
        "explained": one.explained,
    }


def _line(one: Disagreement, zone: ZoneInfo) -> str:
    why = f"explained: {one.explained}" if one.explained else "NOT EXPLAINED"
    where = f"{one.at.astimezone(zone):%Y-%m-%d %H:%M:%S}  {one.check.value}  {one.call_id or one.channel}"
    return on_terminal(f"{where}  record: {one.record}; files: {one.evidence}; {why}")
