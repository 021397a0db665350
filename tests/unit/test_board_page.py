"""`/board`: the page, its stream, and what it never does: show old as new."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from live_line import LiveLine
from plain_call import plain_call
from web_visitor import NAME, Parts, Visitor, visiting

from pbx_bridge.ami.events import Presence
from pbx_bridge.calls.call import call_id
from pbx_bridge.calls.targets import Targets
from pbx_bridge.health import LinkState
from pbx_bridge.store.users import Role
from pbx_bridge.web.board import page as board_page
from pbx_bridge.web.memory import MemoryAgents


def busy_line() -> LiveLine:
    """One in the menu, one waiting, one talking; an agent paused and one away."""
    line = LiveLine()
    line.member("101")
    line.member("102", paused=True, paused_reason="ناهار")
    line.member("103", Presence.UNAVAILABLE)
    line.calls("1.1", "09121234567")
    line.in_menu("1.1", "ask_tracking", customer="آریا صنعت")
    line.calls("1.2", "02188776655")
    line.waits_in("1.2")
    line.calls("1.3", "09355550142", "<img src=x onerror=alert(1)>\u202e")
    line.talks("1.3", line.rings("1.3", "101"))
    line.connect()
    return line


def parts_of(line: LiveLine) -> Parts:
    return Parts(board=line.parts, agents=MemoryAgents({"101": "زهرا کریمی", "102": ""}))


class Stream:
    """A browser's end of the board's stream: its pieces as they stand."""

    def __init__(self, lines: Any) -> None:
        self._lines = lines
        self.pieces: dict[str, str] = {}
        self.kinds: list[str] = []
        self.mark = ""

    async def next(self) -> tuple[str, str]:
        """The next event's name and data."""
        name, data = "", []
        async with asyncio.timeout(10):
            while line := (await self._lines.readline()).decode().rstrip("\r\n"):
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    data.append(value)
                elif field == "id":
                    self.mark = value
        return name, "\n".join(data)

    async def until(self, wanted: str) -> None:
        """Take events until a piece holds that text."""
        while not any(wanted in piece for piece in self.pieces.values()):
            await self.change()

    async def change(self) -> Mapping[str, Any]:
        """The next change or whole, taken."""
        async with asyncio.timeout(4):
            while (event := await self.next())[0] not in ("change", "whole"):
                pass
        name, data = event
        told: Mapping[str, Any] = json.loads(data)
        self.kinds.append(name)
        if name == "whole":
            self.pieces = {}
        for gone in told.get("gone", ()):
            self.pieces.pop(gone, None)
        self.pieces.update(told["set"])
        return told


@asynccontextmanager
async def streaming(visitor: Visitor, address: str = "") -> AsyncIterator[Stream]:
    """The stream of the page as it stands now."""
    if not address:
        address = (await visitor.page("/board")).partition('data-events="')[2].partition('"')[0]
    answer = await visitor.get(address.replace("&amp;", "&"), Accept="text/event-stream")
    assert answer.status == 200
    try:
        yield Stream(answer.content)
    finally:
        answer.close()


async def test_the_page_tells_who_is_where() -> None:
    async with visiting(parts_of(busy_line())) as visitor:
        page = await visitor.page("/board")
        for words in (
            "ask_tracking",
            "آریا صنعت",
            "Waiting in support, place 1",
            "Talking with",
            "زهرا کریمی",
            "Paused",
            "ناهار",
            "Not reachable",
            "not on record yet",
        ):
            assert words in page, words
        assert "<img src=x" not in page
        assert "&lt;img src=x" in page
        assert "\u202e" not in page
        assert 'http-equiv="refresh"' in page
        visitor.language = "fa"
        page = await visitor.page("/board")
        for words in ("در صف پشتیبانی، نفر ۱", "در گفت‌وگو با", "در استراحت", "۱۲:۱۲:۱۰"):
            assert words in page, words


async def test_each_queue_is_held_against_its_own_target() -> None:
    line = LiveLine()
    line.waits_in("1.1", queue="support")
    line.waits_in("1.2", queue="services")
    line.connect()
    line.waits.waits = {(queue, "answered", "30"): (1, 0) for queue in ("support", "services")}
    targets = Targets(percent=80, seconds=20, percents={"services": 70}, within_s={"services": 60})
    async with visiting(Parts(board=replace(line.parts, targets=targets))) as visitor:
        page = await visitor.page("/board")
        found = {part.partition('"')[0]: part for part in page.split('data-order="')[1:]}
        for queue, within, target, level in (("support", "20", "80", "0"), ("services", "60", "70", "100")):
            assert f'data-warn="{within}"' in found[queue]
            said = " ".join(re.sub(r"<[^>]+>", " ", found[queue]).split())
            assert f"{level}%" in said.replace(" %", "%"), said
            assert target in said
        assert page.count('data-warn="60"') == 2  # the queue, and whoever waits in it


async def test_an_empty_line_is_told_so() -> None:
    line = LiveLine()
    line.connect()
    async with visiting(Parts(board=line.parts)) as visitor:
        page = await visitor.page("/board")
        assert "Nobody is on the line right now." in page
        assert "No queue has been heard of." in page


async def test_a_change_comes_down_the_stream_and_only_what_changed() -> None:
    line = busy_line()
    async with visiting(parts_of(line)) as visitor, streaming(visitor) as stream:
        assert (await stream.next())[0] == "hello"
        assert (await stream.next())[0] == "beat"
        line.calls("1.4", "02144556677")
        line.in_menu("1.4", "menu", number="02144556677")
        key = f"c-{call_id('pbx1', '1.4')}"
        told = await stream.change()
        assert set(told["set"]) == {"b-sum", key}
        assert "021 4455 6677" in told["set"][key]
        line.hangs_up("1.4")
        assert (await stream.change())["gone"] == [key]


async def test_fifty_viewers_are_painted_for_once() -> None:
    line = busy_line()
    async with visiting(parts_of(line)) as visitor:
        board = visitor.client.app[board_page.BOARD]
        async with streaming(visitor) as one, streaming(visitor) as other:
            for stream in (one, other):
                await stream.next()
            line.calls("1.4", "02144556677")
            for stream in (one, other):
                await stream.until("021 4455 6677")
            assert [look.viewers for look in board._looks.values()] == [2]
        assert one.pieces == other.pieces


async def test_who_lags_gets_the_whole_anew() -> None:
    line = busy_line()
    async with visiting(parts_of(line)) as visitor:
        for mark in ("", "0.0", "x.99999999999999999999", "ffffffff.1"):
            async with streaming(visitor, f"/board/events?mark={mark}") as stream:
                await stream.change()
                assert stream.kinds == ["whole"]
                assert {name[:2] for name in stream.pieces} == {"b-", "q-", "c-", "a-"}


async def test_a_mark_goes_on_where_it_was() -> None:
    line = busy_line()
    async with visiting(parts_of(line)) as visitor, streaming(visitor, "/board/events?mark=") as first:
        await first.change()
        line.calls("1.5", "02144556677")
        await first.until("021 4455 6677")
        before = first.mark
        line.hangs_up("1.5")
        await first.change()
        async with streaming(visitor, f"/board/events?mark={before}") as later:
            assert f"c-{call_id('pbx1', '1.5')}" in (await later.change()).get("gone", ())
            assert set(later.kinds) == {"change"}


async def test_ami_away_is_told_and_nothing_of_before_is_shown_as_now() -> None:
    line = busy_line()
    parts = parts_of(line)
    async with visiting(parts) as visitor, streaming(visitor) as stream:
        parts.health.report("ami", LinkState.DOWN, "the connection was lost")
        line.lose()
        await stream.until("No news from the PBX (AMI) since")
        await stream.until("not of now")
        page = await visitor.page("/board")
        assert "No news from the PBX" in page
        assert page.count("not of now") == 4  # a queue and three agents
        line.connect()
        parts.health.report("ami", LinkState.UP)
        while "alert" in stream.pieces["b-notice"]:
            await stream.change()
        assert "No news" not in await visitor.page("/board")


async def test_the_record_behind_is_told() -> None:
    parts = parts_of(busy_line())
    parts.health.report("spool", LinkState.DEGRADED, "600 bytes behind", 61.0)
    parts.health.report("ari", LinkState.DOWN)
    async with visiting(parts) as visitor:
        page = await visitor.page("/board")
        assert "The record is 60 s behind" in page
        assert "Call control (ARI) is away since" in page


async def test_what_is_on_record_gives_the_name_and_the_way_to_the_call() -> None:
    line = LiveLine()
    line.calls("1.1")
    line.connect()
    parts = Parts(board=line.parts)
    key = call_id("pbx1", "1.1")
    async with visiting(parts) as visitor, streaming(visitor) as stream:
        parts.calls.put(
            plain_call(parts.now, root="1.1", call_id=key, ended_at=None, outcome=None, caller_name="Sepahan")
        )
        await stream.until(f'href="/calls/{key}"')
        assert "Sepahan" in stream.pieces[f"c-{key}"]


@pytest.mark.parametrize(("role", "status"), [(Role.READ_ONLY, 200), (Role.AGENT, 403), (Role.ADMIN, 200)])
async def test_who_may_see_it(role: Role, status: int) -> None:
    parts = parts_of(busy_line())
    parts.users.roles[NAME] = role
    async with visiting(parts) as visitor:
        page = await visitor.page("/board", status)
        assert (await visitor.get("/board/events")).status == status
        if role is Role.READ_ONLY:
            assert "0912•••4567" in page
            assert "1234567" not in page.replace(" ", "")


async def test_todays_level_is_told_against_its_target() -> None:
    line = busy_line()
    line.waits.waits = {("support", "answered", "0"): (7, 0), ("support", "abandoned", "30"): (3, 0)}
    async with visiting(parts_of(line)) as visitor, streaming(visitor) as stream:
        page = await visitor.page("/board")
        if "70% of 10" not in page:
            await stream.until("70% of 10")
        assert "below the target" in await visitor.page("/board")
