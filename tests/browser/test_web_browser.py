"""The pages in a real browser: both languages, live rows, narrow screens, and no complaint from the browser."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from demo_history import NOON, in_menu, left_early, make_call, morning, queued, talking
from playwright.async_api import Page, expect

from pbx_bridge.health import LinkState

if TYPE_CHECKING:
    from browser_window import Window

pytest_plugins = ("browser_window",)
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PAGES = ["/", "/calls", "/calls?number=777", f"/calls/{morning()[8].call_id}", f"/calls/{morning()[14].call_id}"]


async def _overflow(page: Page) -> int:
    return int(await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize(("language", "direction"), [("fa", "rtl"), ("en", "ltr")])
async def test_every_page_in_its_language(window: Window, language: str, direction: str) -> None:
    page = await window.open("/", language=language)
    for path in PAGES:
        await page.goto(window.address + path)
        root = page.locator("html")
        await expect(root).to_have_attribute("dir", direction)
        await expect(root).to_have_attribute("lang", language)
        await expect(page.locator("h1").first).to_be_visible()
        assert await _overflow(page) <= 0
    assert await page.evaluate("document.fonts.check('16px Vazirmatn')")


@pytest.mark.parametrize(("language", "width"), [("fa", 360), ("en", 360), ("en", 700), ("fa", 1100), ("en", 1440)])
async def test_nothing_is_wider_than_the_screen(window: Window, language: str, width: int) -> None:
    name = "W" * 300
    hostile = make_call(900, started_at=NOON, caller=name, caller_name=name, called=name, tracking_numbers=(name,))
    window.parts.put([hostile])
    page = await window.open("/", language=language, width=width, height=740)
    for path in [*PAGES, f"/calls/{hostile.call_id}", "/calls?number=abc&from=x&to=y", "/no/such"]:
        window.troubles.clear()  # the browser itself remarks on a 400 or 404
        await page.goto(window.address + path)
        assert await _overflow(page) <= 0, path
    window.troubles.clear()


async def test_a_new_call_appears_without_reload_and_changes_in_place(window: Window) -> None:
    page = await window.open("/calls")
    await expect(page.locator("#live")).to_have_text("Live")
    await page.evaluate("window.untouched = true")
    window.parts.put([in_menu(100, NOON - timedelta(seconds=3))])
    row = page.locator("tbody tr").first
    await expect(row).to_contain_text("In the menu")
    window.parts.put([queued(100, NOON - timedelta(seconds=3), "09355550142", wait=9, talk=61)])
    await expect(row).to_contain_text("Answered")
    await expect(row).to_contain_text("1:01")
    assert await page.locator("tbody tr").count() == len(morning()) + 1
    assert await page.evaluate("window.untouched")


async def test_a_late_record_takes_its_place_by_time(window: Window) -> None:
    page = await window.open("/calls")
    await expect(page.locator("#live")).to_have_text("Live")
    middle = morning()[5].started_at + timedelta(seconds=1)
    window.parts.put([left_early(101, middle)])
    await expect(page.locator(f"#call-{left_early(101, middle).call_id}")).to_be_visible()
    started = await page.locator("tbody tr").evaluate_all("rows => rows.map(row => Number(row.dataset.started))")
    assert started == sorted(started, reverse=True)


async def test_the_first_call_of_all_appears_too(window: Window) -> None:
    window.parts.calls.clear()
    page = await window.open("/calls")
    await expect(page.get_by_text("No calls yet")).to_be_visible()
    await expect(page.locator("#live")).to_have_text("Live")
    window.parts.put([in_menu(100, NOON)])
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.get_by_text("No calls yet")).to_be_hidden()


async def test_a_search_tells_how_many_calls_are_new(window: Window) -> None:
    page = await window.open("/calls?number=09121234567", language="fa")
    await expect(page.locator("#live")).to_have_text("زنده")
    rows = await page.locator("tbody tr").count()
    window.parts.put([left_early(n, NOON - timedelta(seconds=9 - n), "09121234567") for n in (100, 101)])
    window.parts.put([left_early(102, NOON)])  # of somebody else
    await expect(page.locator("#news span")).to_have_text("۲ تماس تازه")
    assert await page.locator("tbody tr").count() == rows
    await page.click("#news a")
    await expect(page.locator("tbody tr")).to_have_count(rows + 2)


async def test_a_call_in_progress_is_followed_to_its_end(window: Window) -> None:
    call = talking(100, NOON - timedelta(minutes=2))
    window.parts.put([call])
    page = await window.open(f"/calls/{call.call_id}")
    await expect(page.locator("h1 + p")).to_contain_text("Talking")
    await expect(page.locator("#live")).to_have_text("Live")
    window.parts.put([queued(100, call.started_at, "02188776655", wait=22, talk=61)])
    await expect(page.locator("h1 + p")).to_contain_text("Answered")
    await expect(page.locator("#live")).to_be_hidden()


async def test_the_status_changes_without_reload(window: Window) -> None:
    page = await window.open("/", language="fa")
    await expect(page.locator("h1")).to_have_text("آمادهٔ پاسخ‌گویی")
    window.parts.health.report("ari", LinkState.DOWN, "connection refused")
    await expect(page.locator("h1")).to_have_text("آماده نیست")


async def test_hostile_text_runs_nothing_in_a_live_row(window: Window) -> None:
    page = await window.open("/calls")
    await expect(page.locator("#live")).to_have_text("Live")
    name = "<img src=x onerror=window.struck=1>\u202eevil"
    window.parts.put([make_call(100, started_at=NOON, caller_name=name)])
    await expect(page.locator("tbody tr .name").first).to_have_text("<img src=x onerror=window.struck=1>evil")
    assert await page.evaluate("window.struck === undefined")


async def test_the_pages_work_without_script(window: Window) -> None:
    context = await window.browser.new_context(java_script_enabled=False, locale="en")
    page = await context.new_page()
    await page.goto(f"{window.address}/calls?number=09121234567")
    await page.fill("[name=name]", "lead")
    await page.fill("[name=password]", "a fine password")
    await page.click("button[type=submit]")
    await page.locator("tbody tr a").first.click()
    await expect(page.locator("#transcript")).to_be_visible()
    await page.click(".turn")
    await expect(page.locator("html")).to_have_attribute("dir", "rtl")
    await page.click("form.out button")
    await expect(page.locator("[name=password]")).to_be_visible()


async def test_a_keyboard_reaches_everything_and_its_focus_is_seen(window: Window) -> None:
    page = await window.open("/calls")
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await page.locator("tbody tr a").first.focus()
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Tab")
    outline = await page.evaluate("getComputedStyle(document.activeElement, '::after').outlineStyle")
    assert outline == "solid"
    await page.keyboard.press("Enter")
    await expect(page.locator("#transcript")).to_be_visible()
