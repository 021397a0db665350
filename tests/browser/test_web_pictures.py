"""The pictures of the call history in docs/pictures. `REMAKE_PICTURES=1` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

if TYPE_CHECKING:
    from browser_window import Window

pytest_plugins = ("browser_window",)
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
_LARGEST = 200_000  # bytes


@pytest.mark.parametrize(("language", "live"), [("fa", "زنده"), ("en", "Live")])
async def test_the_picture_of_the_history(window: Window, tmp_path: Path, language: str, live: str) -> None:
    page = await window.open("/calls", language=language, width=1280, height=800)
    await expect(page.locator("#live")).to_have_text(live)
    await page.evaluate("document.fonts.ready")
    folder = _PICTURES if os.environ.get("REMAKE_PICTURES") else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / f"calls-{language}.png"
    await page.screenshot(path=picture, animations="disabled")
    assert 20_000 < picture.stat().st_size <= _LARGEST
    kept = _PICTURES / picture.name
    assert kept.is_file(), "make it with REMAKE_PICTURES=1"
    assert kept.stat().st_size <= _LARGEST
