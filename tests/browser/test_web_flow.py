"""The flow's drawing in a real browser: it is shown, it is legible by day and night, and its page stays in bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.drawing.svg import svg
from pbx_bridge.ivr.drawing.texts import texts_of
from pbx_bridge.ivr.prompts import PromptBook

if TYPE_CHECKING:
    from pathlib import Path

    from browser_window import Window

pytest_plugins = ("browser_window",)
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# Each text of the picture that reaches beyond the box it is written in, by the browser's own measure.
_BEYOND = """() => [...document.querySelectorAll('g.node')].flatMap(node => {
  const box = node.querySelector('.shape').getBoundingClientRect()
  return [...node.querySelectorAll('text')].filter(text => {
    const told = text.getBoundingClientRect()
    return told.left < box.left || told.right > box.right || told.top < box.top || told.bottom > box.bottom
  }).map(text => text.textContent)
})"""

# Each label that touches a box or another label.
_TOUCHING = """() => {
  const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top
  const texts = [...document.querySelectorAll('svg > g > text')]
  const boxes = [...document.querySelectorAll('g.node > .shape')].map(box => box.getBoundingClientRect())
  return texts.filter((text, n) => {
    const told = text.getBoundingClientRect()
    return [...boxes, ...texts.slice(n + 1).map(other => other.getBoundingClientRect())].some(it => !apart(told, it))
  }).map(text => text.textContent)
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["fa", "en"])
async def test_the_page_shows_the_drawing(
    window: Window, tmp_path: Path, language: str, scheme: Literal["light", "dark"]
) -> None:
    drawing = svg(flows.load("support"), texts_of(PromptBook.load(), language), language)
    window.parts.drawing.pictures[language] = drawing
    page = await window.open("/flow?days=7", language=language, width=1280, height=900, scheme=scheme)
    picture = page.locator(".drawing img")
    assert await picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 1000
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.screenshot(path=tmp_path / f"flow-{language}-{scheme}.png")


@pytest.mark.parametrize("name", flows.shipped())
@pytest.mark.parametrize("language", ["fa", "en"])
async def test_texts_keep_to_their_boxes_and_labels_apart(window: Window, name: str, language: str) -> None:
    window.parts.drawing.pictures[language] = svg(flows.load(name), texts_of(PromptBook.load(), language), language)
    page = await window.open("/flow.svg", language=language)
    assert await page.evaluate("document.querySelectorAll('g.node').length") > 3
    assert await page.evaluate(_BEYOND) == []
    assert await page.evaluate("document.querySelectorAll('svg > g > text').length") > 1
    assert await page.evaluate(_TOUCHING) == []
