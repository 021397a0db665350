"""What a first visit costs: bytes on the wire with font and script, and the time to the first paint in Chromium.

Each page is opened in a fresh context, with nothing cached but the sign-in's cookie, in Persian and in English.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from playwright.async_api import Error as BrowserError

from bench.desk import Desk
from bench.figure import CannotMeasure, Figure
from bench.history import PASSWORD, USER
from bench.pages_site import site_on

NAMES = ("page_weight_kb", "first_paint_ms")

PATHS = ("/", "/calls", "/board", "/reports", "/reports/hours", "/moments")

_TIMES, _QUICK_TIMES = 7, 3
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
_LANGUAGES = ("fa", "en")
_PAINT = (
    "() => new Promise(done => new PerformanceObserver(list => {"
    " const paint = list.getEntriesByName('first-contentful-paint')[0]; if (paint) done(paint.startTime); }"
    ").observe({type: 'paint', buffered: true}))"
)
_PAINTED_MS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    bytes: int
    paint_ms: float


async def measure(desk: Desk) -> Sequence[Figure]:
    """The heaviest page, and the one that takes longest to show something."""
    program = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if program is None:
        raise CannotMeasure(f"no Chromium: none of {', '.join(_BROWSERS)} is on the PATH")
    folder, times = await desk.history(), _QUICK_TIMES if desk.quick else _TIMES
    seen: dict[str, list[_Visit]] = {}
    async with site_on(folder) as (address, _), async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(executable_path=program, args=list(_ARGUMENTS))
            for language in _LANGUAGES:
                desk.say(f"{len(PATHS)} pages for the first time, {times} times: {language}")
                cookies = await _cookies(browser, address, language)
                for path in PATHS:
                    visits = [await _visit(browser, address + path, language, cookies) for _ in range(times)]
                    seen[f"{language} {path}"] = visits
            await browser.close()
        except BrowserError as error:
            raise CannotMeasure(f"Chromium: {error}") from error
    return _weight(seen), _paint(seen, times)


async def _cookies(browser: Browser, address: str, language: str) -> list[Any]:
    """Sign in as a person would."""
    context = await browser.new_context(locale=language)
    page = await context.new_page()
    await page.goto(f"{address}/sign-in?language={language}")
    await page.fill("[name=name]", USER)
    await page.fill("[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    await page.wait_for_url(f"{address}/")
    cookies = await context.cookies()
    await context.close()
    return cookies


async def _visit(browser: Browser, address: str, language: str, cookies: list[Any]) -> _Visit:
    context = await browser.new_context(locale=language)
    try:
        await context.add_cookies(cookies)
        page = await context.new_page()
        weight = await _Weight.of(context, page)
        answer = await page.goto(address, wait_until="load")
        if answer is None or answer.status != 200:
            raise CannotMeasure(f"{address}: HTTP {answer.status if answer else 'nothing'}")
        await page.evaluate("() => document.fonts.ready.then(() => true)")
        return _Visit(bytes=weight.bytes, paint_ms=await page.evaluate(_PAINT))
    finally:
        await context.close()


class _Weight:
    """Adds up what comes over the wire, heads included. A stream that goes on is not counted."""

    def __init__(self) -> None:
        self.bytes = 0

    @classmethod
    async def of(cls, context: BrowserContext, page: Page) -> _Weight:
        """Of a page that is not open yet."""
        weight, session = cls(), await context.new_cdp_session(page)
        session.on("Network.loadingFinished", weight._finished)
        await session.send("Network.enable")
        return weight

    def _finished(self, event: dict[str, Any]) -> None:
        self.bytes += round(event["encodedDataLength"])


def _weight(seen: dict[str, list[_Visit]]) -> Figure:
    weights = {page: max(visit.bytes for visit in visits) / 1000 for page, visits in seen.items()}
    worst = max(weights, key=lambda page: weights[page])
    note = f"the heaviest first visit is {worst}: page, styles, scripts and font, as they come over the wire"
    detail = {"kb": {page: round(kb, 1) for page, kb in weights.items()}}
    return Figure(name=NAMES[0], value=weights[worst], unit="kB", goal=150, note=note, detail=detail)


def _paint(seen: dict[str, list[_Visit]], times: int) -> Figure:
    paints = {page: sorted(visit.paint_ms for visit in visits)[times // 2] for page, visits in seen.items()}
    worst, slowest = (
        max(paints, key=lambda page: paints[page]),
        max(v.paint_ms for some in seen.values() for v in some),
    )
    note = (
        f"first contentful paint in Chromium; the slowest is {worst}, its median of {times}; of all {slowest:.0f} ms"
    )
    detail = {"median_ms": {page: round(ms) for page, ms in paints.items()}}
    return Figure(name=NAMES[1], value=paints[worst], unit="ms", goal=1000, note=note, detail=detail)
