"""The history in a real browser: filters, views and exports by hand and by keyboard; going on by itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from demo_history import NOON, morning
from playwright.async_api import expect

from pbx_bridge.store import PageKey
from pbx_bridge.store.search import Found
from pbx_bridge.store.wanted import Wanted

if TYPE_CHECKING:
    from browser_window import Window

pytest_plugins = ("browser_window",)
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_filters_are_picked_shown_and_taken_away(window: Window) -> None:
    page = await window.open("/calls")
    await page.get_by_text("More filters").click()
    await page.select_option("[name=outcome]", "missed")
    await page.select_option("[name=queue]", "services")
    await page.locator(".further button").click()
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page).to_have_url(re.compile("queue=services"))
    await page.get_by_role("link", name="Remove: Queue").click()
    await expect(page.locator(".chip")).to_have_count(1)
    assert window.troubles == []


async def test_a_view_is_saved_and_opened_again(window: Window) -> None:
    page = await window.open("/calls?outcome=missed", language="fa")
    await page.locator(".views summary").click()
    await page.fill(".save [name=name]", "بی‌پاسخ‌ها")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await page.goto(f"{window.address}/calls")
    await page.locator(".views summary").click()
    await page.get_by_role("link", name="بی‌پاسخ‌ها").click()
    await expect(page.locator("tbody tr")).to_have_count(1)
    assert window.troubles == []


async def test_a_download_is_a_file(window: Window) -> None:
    page = await window.open("/calls?outcome=missed")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Export CSV").click()
    assert (await download.value).suggested_filename.endswith(".csv")


async def test_a_search_goes_on_by_itself_until_its_end(window: Window) -> None:
    calls = window.parts.calls
    whole = calls.search

    async def some(
        wanted: Wanted, *, before: PageKey | None = None, after: PageKey | None = None, limit: int = 50
    ) -> Found:
        found = await whole(wanted, before=before, after=after, limit=2)
        return Found(lines=found.lines, more=found.more, cut=found.more is not None)

    calls.search = some  # type: ignore[method-assign]
    page = await window.open("/calls?direction=inbound")
    wanted = [call for call in morning(NOON) if call.direction == "inbound"]
    await expect(page.locator("tbody tr")).to_have_count(len(wanted))
    await expect(page.locator(".searched")).to_have_count(0)
    assert window.troubles == []
