"""The desk on a real Asterisk, before two agents in real browsers.

A caller keys through the menu, the first agent's phone rings and their card comes; a note, over a kill -9 of the
daemon; a transfer, the second agent's card before they answer; both wrap up: one record.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from harness.customers import ENGLISH, PERSIAN, TICKET, import_customers
from harness.own_flow import agent
from harness.system import SystemUnderTest, running_system, talking
from playwright.async_api import Browser, Locator, Page, async_playwright, expect
from private_pbx import PbxUnderTest

from pbx_bridge.health import utc_now
from pbx_bridge.pbx.phone import Ring
from pbx_bridge.store import open_store

pytest_plugins = ("browser_window",)
pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]

PASSWORD = "a fine password"
FLOW = """
flow: desk
languages: [fa, en]
start: who
person: person
filler: one_moment
nodes:
  who: {kind: caller, found: menu, unknown: menu, unavailable: menu}
  menu: {kind: menu, prompt: menu, keys: {"1": person}, wrong: menu_wrong, too_many: person, wait: 60}
  person: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""


@pytest.fixture
async def house(scene_house: PbxUnderTest) -> AsyncIterator[SystemUnderTest]:
    """The scenes' Asterisk, and a daemon whose callers meet that flow; two agents with accounts."""
    async with running_system(scene_house) as system:
        async with open_store(system.store, folding=False) as store:
            await store.users.create("sara", PASSWORD, "agent", extension="111")
            await store.users.create("reza", PASSWORD, "agent", extension="112")
        await import_customers(system, utc_now().date())
        (system.home / "desk.yaml").write_text(FLOW, encoding="utf-8")
        await system.command("flow", "deploy", str(system.home / "desk.yaml"))
        yield system


@asynccontextmanager
async def a_browser(chromium: Path) -> AsyncIterator[Browser]:
    """A browser of this test's own loop."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        await browser.close()


async def at_the_desk(browser: Browser, house: SystemUnderTest, name: str, language: str) -> Page:
    """Somebody who has signed in and opened their desk."""
    context = await browser.new_context(locale=language)
    page = await context.new_page()
    page.set_default_timeout(10_000)
    await page.goto(f"{house.page_url}/sign-in?language={language}")
    await page.fill("[name=name]", name)
    await page.fill("[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    await page.goto(f"{house.page_url}/desk")
    await expect(page.locator("#d-live")).to_be_visible()
    return page


async def ringing_card(page: Page) -> Locator:
    """The card of the call that rings; calls of other tests, which ended untold, have theirs below it."""
    ringing = page.locator(".d-call.stage-ring")
    await expect(ringing).to_be_visible()
    return page.locator(f"[id='{await ringing.get_attribute('id')}']")


async def test_one_call_over_two_desks(house: SystemUnderTest, chromium: Path) -> None:
    async with a_browser(chromium) as browser, AsyncExitStack() as phones:
        first = await phones.enter_async_context(agent(house, "111", Ring()))
        sara = await at_the_desk(browser, house, "sara", "fa")
        reza = await at_the_desk(browser, house, "reza", "en")
        async with house.caller(PERSIAN) as caller:
            await caller.hears("menu")
            await caller.press("1")
            ringing = await first.rung()
            card = await ringing_card(sara)  # how soon: `pop_ms` of the bench
            await expect(card).to_contain_text("شرکت آزمون")
            for words in ("زنگ می‌خورد", "علی", "معتبر تا", "در دست انجام", "هم‌اکنون در منو"):
                await expect(card).to_contain_text(words)
            await expect(card.locator("kbd")).to_have_text("۱")
            assert "شرکت آزمون" in await sara.title()
            ringing.answer()
            await talking(caller.call)
            note = card.locator("textarea")
            await note.press_sequentially("قطعه می‌خواهد")
            await expect(card.locator(".d-saved")).to_contain_text("ذخیره شد")
            house.kill_daemon()
            await note.press_sequentially(" و فاکتور")  # while nobody takes it
            await expect(sara.locator("#d-gone")).to_contain_text("ارتباط با سامانه قطع است")
            await house.start_daemon()
            await expect(sara.locator("#d-live")).to_be_visible(timeout=20_000)
            await expect(card.locator(".d-saved")).to_contain_text("ذخیره شد", timeout=20_000)
            await sara.reload()
            await expect(note).to_have_value("قطعه می‌خواهد و فاکتور")
            await expect(card).to_contain_text("در گفت‌وگو")
            assert await reza.locator(".d-call:not(.stage-ended)").count() == 0
            # Not before: the queue would ring either of the two.
            other = await phones.enter_async_context(agent(house, "112", Ring()))
            assert await ringing.transfer(f"sip:112@{house.sip}") == 202
            second = await other.rung()
            next_card = await ringing_card(reza)
            for words in ("شرکت آزمون", "قطعه می‌خواهد و فاکتور", "Passed on by", "111", "Rings"):
                await expect(next_card).to_contain_text(words)
            second.answer()
            await talking(caller.call)
            await expect(card).to_contain_text("جمع‌بندی")
            await next_card.locator("textarea").fill("sent the part")
            await expect(next_card.locator(".d-saved")).to_contain_text("Saved")
            await caller.call.hang_up()
        await expect(next_card).to_contain_text("Ended")
        await reza.reload()
        await next_card.locator("select[name=reason]").select_option("order")
        await next_card.locator("[name=number]").fill(TICKET)
        await next_card.get_by_role("button", name="Done").click()
        await expect(next_card).to_have_count(0)
        await card.locator("select[name=reason]").select_option("fault")
        await card.get_by_role("button", name="تمام").click()
        await expect(card).to_have_count(0)
        record = await house.record_of(caller)
        assert record["agents"] == ["111", "112"]
        await reza.goto(f"{house.page_url}/calls/{record['call_id']}")
        page = await reza.inner_text("main")
        for words in ("قطعه می‌خواهد", "sent the part", "Fault", "Order", "sara", "reza"):
            assert words in page, words


async def test_what_the_desk_was_not_there_for(house: SystemUnderTest, chromium: Path) -> None:
    """A colleague calls while the phone is not registered; a talk begins and ends while the daemon is dead."""
    async with a_browser(chromium) as browser, AsyncExitStack() as phones:
        sara = await at_the_desk(browser, house, "sara", "en")
        async with agent(house, "112", Ring()) as other:
            await (await other.dial(f"sip:111@{house.sip}")).ended(10)
        await expect(sara.locator("#d-lost")).to_contain_text("your phone was not registered")
        phone = await phones.enter_async_context(agent(house, "111", Ring()))
        async with house.caller(ENGLISH) as caller:
            await caller.hears("menu")
            await caller.press("1")
            ringing = await phone.rung()
            house.kill_daemon()
            ringing.answer()
            await talking(caller.call)
            await caller.call.hang_up()
        await house.start_daemon()
        # Another may be of an earlier test: the record of the same Asterisk.
        card = sara.locator(".d-call.stage-ended", has_text="Sample Ltd")
        await expect(card).to_have_count(1, timeout=30_000)
        await card.locator("select[name=reason]").select_option("fault")
        await card.get_by_role("button", name="Done").click()
        await expect(card).to_have_count(0)
        record = await house.record_of(caller)
        assert record["agents"] == ["111"]
        await sara.goto(f"{house.page_url}/calls/{record['call_id']}")
        assert "Fault" in await sara.inner_text("main")
        await sara.goto(f"{house.page_url}/desk")
        await expect(sara.locator("#d-last")).to_contain_text("Sample Ltd")
        await expect(card).to_have_count(0)
        await expect(sara.locator(".d-call.stage-ring")).to_have_count(0)
