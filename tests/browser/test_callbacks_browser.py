"""Callbacks in a real browser: the week by keyboard alone, and the reminder on the desk that comes anew by itself."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Page, expect
from renewal_site import renewal_parts

from pbx_bridge.store.callbacks import NewFollowUp
from pbx_bridge.store.requests import NewCallback
from pbx_bridge.web.server import serve

if TYPE_CHECKING:
    from browser_window import Window
    from playwright.async_api import Browser

    from pbx_bridge.store import Store

pytest_plugins = ("browser_window",)
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def sets(store: Store, window: Window, name: str, hours: float) -> None:
    new = NewFollowUp(
        origin=name,
        number=f"0215555{len(name):04}",
        wanted_at=window.parts.now + timedelta(hours=hours),
        why=name,
        by="zahra",
        owner="lead",
    )
    await store.callbacks.follow_up(new)


async def focused(page: Page) -> str:
    told: str = await page.evaluate("document.activeElement.innerText")
    return told.strip()


async def test_the_week_by_keyboard_and_the_reminder_by_itself(browser: Browser, tmp_path: Path) -> None:
    from browser_window import Window  # a plugin: pytest is the first to import it

    async with renewal_parts(tmp_path) as (store, parts), serve(parts.site(), "127.0.0.1", 0) as address:
        window = Window(browser, address, parts)
        for name, hours in (("a", 1), ("bb", 2), ("ccc", 25), ("dddd", 24 * 3), ("eeeee", 24 * 8)):
            await sets(store, window, name, hours)
        page = await window.open("/callbacks/calendar", language="fa")
        await page.locator("#week a").first.focus()
        seen = [await focused(page)]
        # In Persian later is to the left; a day without any is passed over.
        for key in ("ArrowDown", "ArrowLeft", "ArrowLeft", "ArrowRight", "ArrowUp"):
            await page.keyboard.press(key)
            seen.append(await focused(page))
        assert [text.split()[0] for text in seen] == ["۱۳:۱۲", "۱۴:۱۲", "۱۳:۱۲", "۱۲:۱۲", "۱۳:۱۲", "۱۴:۱۲"]
        await page.keyboard.press("PageDown")
        await page.wait_for_url("**week=2026-11-28")
        await expect(page.locator("#week a")).to_have_count(1)
        await page.keyboard.press("PageUp")
        await page.wait_for_url("**week=2026-11-21")

        await page.clock.install(time=parts.now)
        await page.goto(f"{address}/desk?language=en")
        reminder = page.locator("#callbacks-due")
        await expect(reminder).to_contain_text("Nobody waits")
        wish = NewCallback(
            origin="x",
            node="pbx1",
            channel="x",
            number="+989121234567",
            queue="support",
            wanted_at=parts.now,
            customer_code="C-1042",
        )
        await store.requests.ask_for_callback(wish)
        await page.clock.run_for(31_000)
        await expect(reminder).to_contain_text("1 waits for a call")
        await expect(reminder).to_contain_text("gold customer")
        await expect(reminder.get_by_role("button", name="0912 123 4567")).to_be_visible()
        await page.context.close()
        assert window.troubles == []
