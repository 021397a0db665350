"""The pictures of the main pages in docs/pictures. `REMAKE_PICTURES=1` writes them anew."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from full_site import FullSite, full_site
from playwright.async_api import Browser
from web_visitor import NAME, PASSWORD

pytest_plugins = ("browser_window",)
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
_LARGEST = 200_000  # bytes
PAGES = {
    "calls": "/calls",
    "call": "/calls/{call_id}",
    "board": "/board",
    "report": "/reports/hours",
    "desk": "/desk",
    "tickets": "/tickets",
    "renewals": "/contracts/renewals",
    "month": "/reports/month/{month}",
}
_MONTHS = {"fa": "1405-08", "en": "2026-11"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FullSite]:
    """A site of believable callers alone."""
    async with full_site(tmp_path_factory.mktemp("pictured"), texts=()) as site:
        yield site


@pytest.mark.parametrize("language", ["fa", "en"])
async def test_the_pictures_of_the_pages(site: FullSite, browser: Browser, tmp_path: Path, language: str) -> None:
    folder = _PICTURES if os.environ.get("REMAKE_PICTURES") else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    context = await browser.new_context(
        locale=language, viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
    )
    page = await context.new_page()
    await page.clock.set_fixed_time(site.now)
    await page.goto(f"{site.address}/sign-in?language={language}")
    await page.fill("[name=name]", NAME)
    await page.fill("[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    for name, address in PAGES.items():
        filled = address.format(call_id=site.plain.call_id, month=_MONTHS[language])
        answer = await page.goto(site.address + filled)
        assert answer is not None
        assert answer.status == 200, filled
        await page.evaluate("document.fonts.ready")
        picture = folder / f"{name}-{language}.png"
        await page.screenshot(path=picture, animations="disabled")
        assert 20_000 < picture.stat().st_size <= _LARGEST, name
        kept = _PICTURES / picture.name
        assert kept.is_file(), "make it with REMAKE_PICTURES=1"
        assert kept.stat().st_size <= _LARGEST
    await context.close()
