"""How heavy the pages are on the wire and how soon they are on the screen, measured in the browser itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio
from full_site import FullSite, full_site
from playwright.async_api import Browser, Page
from web_visitor import NAME, PASSWORD

pytest_plugins = ("browser_window",)
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

LARGEST = 150_000  # bytes on the wire, headers and fonts included
SLOWEST_MS = 1000  # to the first words on the screen


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FullSite]:
    """A site with full lists."""
    async with full_site(tmp_path_factory.mktemp("weighed")) as site:
        yield site


async def measured(page: Page, address: str) -> tuple[int, float]:
    """Bytes of a first visit, nothing kept from an earlier one, and milliseconds to its first words."""
    wire = await page.context.new_cdp_session(page)
    sizes: list[float] = []

    def finished(event: Mapping[str, Any]) -> None:
        sizes.append(event["encodedDataLength"])

    wire.on("Network.loadingFinished", finished)
    await wire.send("Network.enable")
    await wire.send("Network.clearBrowserCache")
    await page.goto(address)
    await page.evaluate("document.fonts.ready")
    paint = await page.evaluate(
        """() => new Promise(done => new PerformanceObserver(list => {
          for (const one of list.getEntriesByName('first-contentful-paint')) done(one.startTime);
        }).observe({type: 'paint', buffered: true}))"""
    )
    await wire.detach()
    return round(sum(sizes)), float(paint)


@pytest.fixture
def pages(site: FullSite) -> list[str]:
    """Those that show the most."""
    return ["/", "/calls", "/board", "/reports/hours", "/moments", "/flow", f"/calls/{site.plain.call_id}"]


@pytest.mark.parametrize("language", ["fa", "en"])
async def test_a_first_visit_is_light_and_soon_on_the_screen(
    site: FullSite, browser: Browser, pages: list[str], language: str
) -> None:
    context = await browser.new_context(locale=language)
    page = await context.new_page()
    await page.goto(f"{site.address}/sign-in?language={language}")
    await page.fill("[name=name]", NAME)
    await page.fill("[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    for path in pages:
        visits = [await measured(page, site.address + path) for _ in range(2)]
        size, paint = max(size for size, _ in visits), min(paint for _, paint in visits)
        print(f"{language} {path[:20]:20} {size} bytes, first paint {paint:.0f} ms")
        assert size <= LARGEST, path
        assert paint <= SLOWEST_MS, path
    await context.close()
