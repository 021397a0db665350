"""A real Chromium before a real server. Where there is none: skipped, or with CI failed."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from demo_history import NOON, morning
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright
from web_visitor import NAME, PASSWORD, Parts

from pbx_bridge.web.server import serve

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's program."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        reason = f"no Chromium here: none of {', '.join(_NAMES)} is on the PATH"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return Path(found)


@dataclass
class Window:
    """A browser window on the site, its troubles noted."""

    browser: Browser
    address: str
    parts: Parts
    troubles: list[str] = field(default_factory=list)

    async def open(
        self,
        path: str,
        *,
        language: str = "en",
        width: int = 1440,
        height: int = 900,
        scheme: Literal["light", "dark"] = "light",
    ) -> Page:
        """Sign in as a person would, and go to a page."""
        context = await self.browser.new_context(
            viewport={"width": width, "height": height}, locale=language, color_scheme=scheme
        )
        page = await context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        await page.clock.set_fixed_time(self.parts.now)
        await page.goto(f"{self.address}/sign-in?language={language}")
        await page.fill("[name=name]", NAME)
        await page.fill("[name=password]", PASSWORD)
        await page.click("button[type=submit]")
        await page.wait_for_url(f"{self.address}/")
        if path != "/":
            await page.goto(self.address + path)
        return page

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            self.troubles.append(said.text)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    """The browser, one for the whole run."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(_ARGUMENTS))
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def window(browser: Browser) -> AsyncIterator[Window]:
    """A window on a site with a morning's calls."""
    parts = Parts(now=NOON)
    parts.put(morning())
    async with serve(parts.site(), "127.0.0.1", 0) as address:
        window = Window(browser, address, parts)
        yield window
        for context in browser.contexts:
            await context.close()
    assert window.troubles == []
