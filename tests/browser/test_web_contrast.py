"""Text can be read: WCAG AA contrast of every word on every page, in light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest
from demo_history import morning

from pbx_bridge.health import LinkState

if TYPE_CHECKING:
    from browser_window import Window

pytest_plugins = ("browser_window",)
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# Every element with text of its own, against the colours that lie behind it, painted by a canvas to be exact.
_MEASURE = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const paint = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const bad = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || element.closest('svg') || !element.checkVisibility()) continue;
    const behind = [];
    for (let e = element; e; e = e.parentElement) behind.unshift(getComputedStyle(e).backgroundColor);
    const style = getComputedStyle(element);
    const large = parseFloat(style.fontSize) >= 24;
    const [a, b] = [light(paint(['white', ...behind])), light(paint(['white', ...behind, style.color]))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < (large ? 3 : 4.5)) bad.push(`${element.className || element.tagName} ${ratio.toFixed(2)}`);
  }
  return [...new Set(bad)];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_word_can_be_read(window: Window, scheme: Literal["light", "dark"]) -> None:
    window.parts.health.report("ari", LinkState.DOWN)
    window.parts.health.report("spool", LinkState.DEGRADED, "behind", 9.0)
    page = await window.open("/", scheme=scheme)
    calls = [f"/calls/{morning()[number].call_id}" for number in (6, 8)]
    for path in ["/", "/calls", "/calls?from=x", *calls, "/no/such"]:
        await page.goto(window.address + path)
        assert await page.evaluate(_MEASURE) == [], path
    window.troubles.clear()  # the browser itself remarks on the 400 and the 404
