"""The call book as a table on a terminal, and the moment `--since` means."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pbx_bridge.errors import InputError
from pbx_bridge.health import utc_now
from pbx_bridge.store.lines import CallLine
from pbx_bridge.values import dates, digits
from pbx_bridge.values.hostile import on_terminal

_AGO = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LINE = "{:<19}  {:<8}  {:<15}  {:<15}  {:<15}  {:>7}  {:>7}  {}"


def parse_since(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The moment of `2h`, `3d`, `1404/12/29`, `2026-11-21 14:30` … Raises ValueError."""
    if match := _AGO.fullmatch(digits.to_ascii(text.strip()).lower()):
        return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
    return dates.parse_datetime(text, zone)


def moment_of(since: str | None, zone: ZoneInfo) -> datetime | None:
    """The moment that `--since` names, if it is given. Raises InputError."""
    try:
        return None if since is None else parse_since(since, utc_now(), zone)
    except (ValueError, OverflowError) as error:
        raise InputError(f"--since: {error}") from error


def heading() -> str:
    """The table's first line."""
    return _LINE.format("started", "way", "caller", "called", "outcome", "talk", "wait", "call id")


def table_line(call: CallLine, zone: ZoneInfo) -> str:
    """One call; times of day in `zone`, to the second."""
    return _LINE.format(
        f"{call.started_at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        call.direction,
        _plain(call.caller),
        _plain(call.called),
        call.outcome or "in progress",
        _clock(call.talk_us),
        _clock(call.wait_us),
        call.call_id,
    )


def _clock(microseconds: int) -> str:
    minutes, seconds = divmod(microseconds // 1_000_000, 60)
    return f"{minutes}:{seconds:02}"


def _plain(text: str) -> str:
    return on_terminal(text) or "-"  # a caller chooses these
