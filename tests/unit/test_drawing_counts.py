"""The drawing with counts from a store: by the command, by the daemon's page, and the page itself."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from demo_history import NOON, make_call
from web_visitor import Parts, visiting

from pbx_bridge.calls.call import Call, CallStep
from pbx_bridge.cli import cli
from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.drawn import DrawnFlow, count
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.store import Store, call_body, open_store
from pbx_bridge.store.agenda import Agenda
from pbx_bridge.store.recorder import Recorder
from pbx_bridge.store.sql import SQL

TEHRAN = ZoneInfo("Asia/Tehran")
FLOW = flows.load("support")


def caller(number: int, started_at: datetime, *nodes: str) -> Call:
    """A call that came by these nodes."""
    told = [("started", FLOW.start, {"flow": "support", "version": FLOW.version}), *(("said", n, {}) for n in nodes)]
    steps = [
        CallStep(at=started_at + timedelta(seconds=n), kind=kind, flow_node=node, data=data)
        for n, (kind, node, data) in enumerate(told)
    ]
    return make_call(number, started_at=started_at, steps=steps)


CALLS = (
    caller(1, NOON - timedelta(days=20), "language", "welcome", "menu"),
    caller(2, NOON - timedelta(days=2), "language", "welcome", "menu"),
    caller(3, NOON - timedelta(hours=1), "language"),
    make_call(4, started_at=NOON - timedelta(hours=1)),
)


async def put(store: Store, calls: Sequence[Call]) -> None:
    """The calls as the recorder would write them."""
    columns = Recorder(Agenda())._columns
    rows = []
    for number, call in enumerate(calls):
        _, body, content_hash = call_body.encode(call)
        values = {"body": body, "content_hash": content_hash, "call_group": number + 1, "changed_at_us": 0}
        rows.append(columns(call) | values)
    await store.writer.submit(lambda transaction: transaction.db.executemany(SQL["upsert_call"], rows))


async def test_the_calls_of_a_period_are_counted(tmp_path: Path) -> None:
    async with open_store(tmp_path / "s.db", folding=False) as store:
        await put(store, CALLS)
        every = await count(store.calls, FLOW, None, TEHRAN, lambda: NOON)
        assert (every.calls, every.edges["who", "language"], every.edges["welcome", "menu"]) == (3, 3, 2)
        week = await count(store.calls, FLOW, NOON - timedelta(days=7), TEHRAN, lambda: NOON)
        assert (week.calls, week.edges["who", "language"], week.edges["welcome", "menu"]) == (2, 2, 1)
        assert week.start is not None
        assert (week.start.tzinfo, week.end) == (TEHRAN, NOON)


async def test_the_flow_in_use_is_drawn_and_counts_are_good_for_a_minute(tmp_path: Path) -> None:
    now = NOON
    start = NOON - timedelta(days=7)
    async with open_store(tmp_path / "s.db", folding=False) as store:
        drawn = DrawnFlow(lambda: {"": (FLOW, PromptBook.load())}, store.calls, TEHRAN, lambda: now)
        assert "calls ·" not in await drawn.svg("en", None)
        await put(store, CALLS[:2])
        assert "1 call · from" in await drawn.svg("en", start)
        await put(store, CALLS)
        now = NOON + timedelta(seconds=59)
        assert "۱ تماس · از" in await drawn.svg("fa", start)
        now = NOON + timedelta(seconds=61)
        assert "2 calls · from" in await drawn.svg("en", start)


async def test_only_some_periods_are_remembered(tmp_path: Path) -> None:
    async with open_store(tmp_path / "s.db", folding=False) as store:
        drawn = DrawnFlow(lambda: {"": (FLOW, PromptBook.load())}, store.calls, TEHRAN, lambda: NOON)
        for days in range(20):
            await drawn.svg("en", NOON - timedelta(days=days))
        assert len(drawn._known) == 8


async def test_the_command_reads_the_store_of_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    (tmp_path / "home").mkdir()
    monkeypatch.setenv("PBX_BRIDGE_HOME", str(tmp_path / "home"))
    from pbx_bridge.config import load

    async with open_store(load().store_place, folding=False) as store:
        await put(store, CALLS)
    arguments = ["flow", "draw", "--since", "2026-11-15", "--language", "en", "--format", "mermaid"]
    told = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
    assert told.exit_code == 0, told.output
    assert "    %% 2 calls · from 2026-11-15 00:00 to " in told.output
    assert '|"found, unknown · 2"|' in told.output


# --- the page -----------------------------------------------------------------------------------------------------


async def test_the_page_shows_the_drawing_and_its_periods() -> None:
    async with visiting() as visitor:
        page = await visitor.page("/flow")
        assert 'src="/flow.svg"' in page
        for days in ("1", "7", "30"):
            assert f'href="/flow?days={days}"' in page
        assert 'href="/flow" aria-current="page"' in page
        assert 'src="/flow.svg?days=7"' in await visitor.page("/flow?days=7")
        assert 'src="/flow.svg"' in await visitor.page("/flow?days=%22%3E")
        of_line = await visitor.page("/flow?line=sales&days=7")
        assert 'src="/flow.svg?line=sales&amp;days=7"' in of_line
        assert 'href="/flow?line=sales&amp;days=7" aria-current="true">sales</a>' in of_line
        assert 'src="/flow.svg"' in await visitor.page("/flow?line=gone")


async def test_the_picture_is_of_the_viewers_language_and_period() -> None:
    parts = Parts()
    async with visiting(parts) as visitor:
        for language, path, start in (
            ("en", "/flow.svg", None),
            ("fa", "/flow.svg?days=1", datetime(2026, 11, 21, tzinfo=TEHRAN)),
            ("en", "/flow.svg?days=30", datetime(2026, 10, 23, tzinfo=TEHRAN)),
            ("en", "/flow.svg?days=9999", None),
        ):
            visitor.language = language
            answer = await visitor.get(path)
            assert answer.headers["Content-Type"].startswith("image/svg+xml")
            assert "script" not in answer.headers["Content-Security-Policy"]
            assert ET.fromstring(await answer.text()).get("lang") == language  # noqa: S314 - our own
            assert parts.drawing.asked[-1] == (language, start)


async def test_only_those_who_signed_in_see_it() -> None:
    async with visiting(signed_in=False) as visitor:
        assert (await visitor.get("/flow")).status == 303
        assert (await visitor.get("/flow.svg")).status == 303
