"""The desk in a real browser: two windows, a lost connection, a narrow screen, keys alone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import pytest_asyncio
from agent_desk import CALL, Bench, handed
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Page, expect
from web_visitor import NAME, PASSWORD

from pbx_bridge.store.wrap_ups import Stand
from pbx_bridge.web.desk.page import HUB
from pbx_bridge.web.server import serve

pytest_plugins = ("browser_window",)
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@dataclass
class Office:
    """A served desk, and the browser of the agent it is of."""

    bench: Bench
    app: web.Application
    address: str
    context: BrowserContext

    async def window(self, width: int = 1280) -> Page:
        """One more window on the desk."""
        page = await self.context.new_page()
        await page.set_viewport_size({"width": width, "height": 800})
        await page.goto(f"{self.address}/desk")
        await expect(page.locator("#d-live")).to_be_visible()
        return page


@pytest_asyncio.fixture(loop_scope="session")
async def office(browser: Browser) -> AsyncIterator[Office]:
    """One that is closed in the end."""
    async with an_office(browser) as office:
        yield office
        await office.context.close()


@asynccontextmanager
async def an_office(browser: Browser) -> AsyncIterator[Office]:
    """Signed in, in English; its windows stay open when the server ends."""
    bench = Bench()
    app = bench.parts.site()
    async with serve(app, "127.0.0.1", 0) as address:
        context = await browser.new_context(locale="en", reduced_motion="reduce")
        page = await context.new_page()
        await page.goto(f"{address}/sign-in?language=en")
        await page.fill("[name=name]", NAME)
        await page.fill("[name=password]", PASSWORD)
        await page.click("button[type=submit]")
        await page.close()
        yield Office(bench, app, address, context)


async def test_a_callback_that_is_given_is_said_and_stays_until_it_is_seen(office: Office) -> None:
    window = await office.window()
    piece = window.locator("#d-handed")
    await expect(piece).to_be_hidden()
    office.bench.handed.given = [handed("zahra", "علی رضایی")]
    office.app[HUB].handed(NAME)
    await expect(piece).to_contain_text("by zahra")
    await expect(window.locator("#d-say")).to_have_text(re.compile("zahra gave you a call to"))
    await window.reload()
    await piece.get_by_role("button", name="Got it").click()
    await expect(piece).to_be_hidden()
    assert office.bench.handed.given == []


async def test_a_note_outlives_a_lost_connection_and_a_reload_and_the_wrap_up_the_call(office: Office) -> None:
    one, other = await office.window(), await office.window(360)
    phone = office.bench.rings()
    card, mirror = one.locator(".d-call"), other.locator(".d-call")
    for shown in (card, mirror):
        await expect(shown).to_contain_text("آریا صنعت")
    assert "آریا صنعت" in await one.title()
    office.bench.line.talks("1.1", phone)
    note, saved = card.locator("textarea"), card.locator(".d-saved")
    await note.press_sequentially("printer")
    await expect(saved).to_contain_text("Saved")
    await expect(mirror.locator("textarea")).to_have_value("printer")
    await one.route("**/desk/note", lambda route: route.abort("connectionfailed"))
    await note.press_sequentially(" again")
    await expect(saved).to_contain_text("Not saved yet")
    await one.unroute("**/desk/note")
    await expect(saved).to_contain_text("Saved", timeout=10_000)
    await expect(mirror.locator("textarea")).to_have_value("printer again")
    await one.reload()
    await expect(note).to_have_value("printer again")
    over = await other.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0
    office.bench.line.hangs_up(phone, "1.1")
    await expect(mirror).to_contain_text("Ended")
    await note.focus()
    for key in ("Tab", "F", "Tab", "Tab"):  # the reason: Fault; the ticket; the next step
        await one.keyboard.press(key)
    await one.keyboard.type("order a part")
    await one.keyboard.press("Tab")
    await one.keyboard.press("Enter")
    for shown in (card, mirror):
        await expect(shown).to_have_count(0)
    told = office.bench.wraps.kept[CALL, NAME]
    assert (told.stand, told.reason, told.next_step) == (Stand.DONE, "fault", "order a part")
    assert told.note == "printer again"


async def test_two_windows_that_write_at_once_lose_nothing(office: Office) -> None:
    one, other = await office.window(), await office.window()
    phone = office.bench.rings()
    office.bench.line.talks("1.1", phone)
    first, second = one.locator("textarea"), other.locator("textarea")
    await first.wait_for()
    await second.wait_for()
    await first.fill("from the first")
    await second.fill("from the second")
    for words in ("from the first", "from the second"):
        for note in (first, second):
            await expect(note).to_have_value(re.compile(words), timeout=10_000)


_HIDDEN = """
window.told = [];
window.Notification = class {
  static permission = "granted";
  constructor(title) { window.told.push(title); }
  close() { window.told.push("closed"); }
};
Object.defineProperty(document, "hidden", { get: () => true });
"""


async def told(page: Page, count: int) -> None:
    """Wait until so much was told. The page's own rules forbid what `wait_for_function` does."""
    async with asyncio.timeout(10):
        while await page.evaluate("told.length") < count:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


async def test_a_ring_is_told_by_a_notification_where_the_window_is_not_seen(office: Office) -> None:
    page = await office.context.new_page()
    await page.add_init_script(_HIDDEN)
    await page.goto(f"{office.address}/desk")
    await expect(page.locator("#d-live")).to_be_visible()
    phone = office.bench.rings()
    await told(page, 1)
    assert await page.evaluate("told[0]") == "Your phone rings: آریا صنعت"
    office.bench.line.talks("1.1", phone)
    await told(page, 2)
    assert await page.evaluate("told[1]") == "closed"


async def test_what_is_filled_in_stays_when_the_card_changes(office: Office) -> None:
    page = await office.window()
    phone = office.bench.rings()
    card = page.locator(".d-call")
    await card.locator("summary", has_text="New ticket").click()
    await card.locator("[name=subject]").fill("toner")
    office.bench.line.talks("1.1", phone)
    await expect(card).to_contain_text("Talking")
    await expect(card.locator("[name=subject]")).to_have_value("toner")


async def test_a_server_that_is_lost_is_told_and_the_note_kept(browser: Browser) -> None:
    async with an_office(browser) as office:
        page = await office.window()
        office.bench.line.talks("1.1", office.bench.rings())
        await page.locator("textarea").press_sequentially("printer")
        await expect(page.locator(".d-saved")).to_contain_text("Saved")
        closing = office
    await expect(page.locator("#d-gone")).to_contain_text("What you see is of 12:12")
    await page.locator("textarea").press_sequentially(" again")
    await expect(page.locator(".d-saved")).to_contain_text("Not saved yet")
    assert await page.evaluate("sessionStorage.getItem(Object.keys(sessionStorage)[0])") == "printer again"
    await closing.context.close()
