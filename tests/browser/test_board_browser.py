"""The live board in a real browser: what changes is put in its place, what is lost is not shown as now."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import pytest_asyncio
from every_page import Walk
from live_line import LiveLine
from playwright.async_api import Browser, Page, expect
from web_visitor import NAME, PASSWORD, Parts

from pbx_bridge.ami.events import Presence
from pbx_bridge.health import LinkState
from pbx_bridge.web.memory import MemoryAgents
from pbx_bridge.web.server import serve

pytest_plugins = ("browser_window",)
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@dataclass
class House:
    """A line, the site that shows it, and where that is."""

    line: LiveLine
    parts: Parts
    address: str

    def later(self, seconds: float) -> None:
        """Time goes by."""
        self.line.later(seconds)
        self.parts.now = self.line.now


@asynccontextmanager
async def open_house() -> AsyncIterator[House]:
    line = LiveLine()
    line.member("101")
    line.member("102", paused=True, paused_reason="ناهار")
    line.member("103", Presence.UNAVAILABLE)
    line.calls("1.1", "02188776655", "<img src=x onerror=alert(1)>\u202e")
    line.in_menu("1.1", "ask_tracking", number="02188776655")
    line.connect()
    names = {"101": "زهرا کریمی", "102": "Reza Ahmadi", "103": ""}
    parts = Parts(board=line.parts, agents=MemoryAgents(names))
    async with serve(parts.site(), "127.0.0.1", 0) as address:
        yield House(line, parts, address)


@pytest_asyncio.fixture(loop_scope="session")
async def house() -> AsyncIterator[House]:
    async with open_house() as opened:
        yield opened


async def signed_in(browser: Browser, address: str, language: str = "en", **told: object) -> Page:
    context = await browser.new_context(locale=language, reduced_motion="reduce", **told)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(f"{address}/sign-in?language={language}")
    await page.fill("[name=name]", NAME)
    await page.fill("[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    await page.goto(f"{address}/board")
    return page


@pytest.mark.parametrize("language", ["fa", "en"])
async def test_the_board_holds(house: House, browser: Browser, language: str) -> None:
    house.line.calls("1.2", "09121234567")
    house.line.waits_in("1.2")
    house.line.rings("1.2", "101")
    house.later(45)
    page = await signed_in(browser, house.address, language)
    walk = Walk(page, house.address)
    assert await walk.open("/board") is not None
    faults = [*await walk.faults(keyboard=True)]
    assert not faults, "\n".join(faults)
    await page.context.close()


async def test_a_call_comes_waits_is_answered_and_ends(house: House, browser: Browser) -> None:
    line, page = house.line, await signed_in(browser, house.address)
    rows, agent = page.locator(".b-calls tbody tr"), page.locator(".b-agent", has_text="زهرا کریمی")
    await expect(rows).to_have_count(1)
    await expect(page.locator("#b-live")).to_have_text("Live")
    house.later(1)
    line.calls("1.2", "09121234567")
    line.waits_in("1.2")
    row = rows.nth(1)
    await expect(row).to_contain_text("Waiting in support, place 1")
    await expect(agent).to_contain_text("Free")
    house.later(30)
    line.waits_in("1.3", position=2)  # anything: the next beat brings the time
    await expect(row.locator(".c-since bdi")).to_have_text(re.compile(r"0:3\d"))
    await expect(row.locator(".c-since bdi")).to_have_class("late")
    phone = line.rings("1.2", "101")
    await expect(agent).to_contain_text("Ringing")
    line.talks("1.2", phone)
    await expect(row).to_contain_text("Talking with")
    await expect(agent).to_contain_text("0912 123 4567")
    line.hangs_up("1.2", phone)
    await expect(rows).to_have_count(1)
    line.hangs_up("1.1")
    await expect(page.get_by_text("Nobody is on the line right now.")).to_be_visible()
    await expect(page.locator(".b-calls")).to_be_hidden()
    await page.context.close()


async def test_a_pbx_that_is_lost_is_told_once_and_politely(house: House, browser: Browser) -> None:
    page = await signed_in(browser, house.address)
    await expect(page.locator("#b-live")).to_have_text("Live")
    house.parts.health.report("ami", LinkState.DOWN, "the connection was lost")
    house.line.lose()
    told = page.get_by_role("status").filter(has_text="No news from the PBX")
    await expect(told).to_be_visible()
    await expect(page.locator(".b-agent.old")).to_have_count(3)
    house.line.connect()
    house.parts.health.report("ami", LinkState.UP)
    await expect(told).to_have_count(0)
    await expect(page.locator(".old")).to_have_count(0)
    await page.context.close()


async def test_a_server_that_is_lost_is_told_and_the_times_stand_still(browser: Browser) -> None:
    async with open_house() as house:
        page = await signed_in(browser, house.address)
        await expect(page.locator("#b-live")).to_have_text("Live")
    await expect(page.locator("#b-lost")).to_contain_text("What you see is as of 12:12:10")
    await expect(page.locator("#b-live")).to_be_hidden()
    await expect(page.locator("#board")).to_have_class("lost")
    await page.context.close()


async def test_it_works_without_script(house: House, browser: Browser) -> None:
    page = await signed_in(browser, house.address, "fa", java_script_enabled=False)
    await expect(page.locator(".b-calls tbody tr")).to_have_count(1)
    await expect(page.locator("#b-time")).to_have_text("۱۲:۱۲:۱۰")
    await expect(page.locator("#b-live")).to_be_hidden()
    await page.context.close()
