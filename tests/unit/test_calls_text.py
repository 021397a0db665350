"""The table of `pbx-bridge calls`, and what `--since` takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from demo_history import NOON, make_call

from pbx_bridge.store import CallRow
from pbx_bridge.store.calls_text import heading, parse_since, table_line
from pbx_bridge.store.lines import line_of

TEHRAN = ZoneInfo("Asia/Tehran")
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90s", timedelta(seconds=90)),
        ("2h", timedelta(hours=2)),
        ("۳d", timedelta(days=3)),
        ("1W", timedelta(weeks=1)),
    ],
)
def test_so_long_ago(text: str, ago: timedelta) -> None:
    assert parse_since(text, NOW, TEHRAN) == NOW - ago


@pytest.mark.parametrize("text", ["2026-11-21", "1405/08/30", "۱۴۰۵/۰۸/۳۰ 00:00"])
def test_a_day_begins_where_we_are(text: str) -> None:
    assert parse_since(text, NOW, TEHRAN) == datetime(2026, 11, 20, 20, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "h", "-2h", "2y", "yesterday", "1405/13/01"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        parse_since(text, NOW, TEHRAN)


def test_a_line() -> None:
    call = replace(make_call(1, started_at=NOON), talk_us=83_000_000, caller="\x1b[31m0912", outcome=None)
    line = table_line(line_of(CallRow(call=call, revision=1)), TEHRAN)
    assert line.startswith("2026-11-21 12:12:10")
    assert "?[31m0912" in line
    assert "in progress" in line
    assert "1:23" in line
    assert len(heading().split()) == 9
