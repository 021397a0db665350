"""Every page of the site, found by its route: readable, reachable and safe, in both languages and on every screen.

One walk a page and language does all of it, because loading a page is what takes the time: axe-core in the light on a
desk and in the dark on a phone, nothing wider than the screen, every control reached by Tab with its focus seen,
nothing that callers sent runs or turns the text around, and no word of complaint from the browser.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest
import pytest_asyncio
from every_page import FURTHER, Walk, addresses, routes_of_pages
from full_renewals import CONTRACT
from full_site import HOSTILE, FullSite, full_site
from playwright.async_api import Browser, expect
from site_phones import DIALS
from web_visitor import NAME, PASSWORD, Parts

from pbx_bridge.web.reports.book import REPORTS

pytest_plugins = ("browser_window",)
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FullSite]:
    """The whole site, for all the walks."""
    async with full_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def walks(site: FullSite, browser: Browser) -> AsyncIterator[Mapping[str, Walk]]:
    """A tab for each language, signed in."""
    made = {}
    for language in ("fa", "en"):
        context = await browser.new_context(locale=language, reduced_motion="reduce")
        page = await context.new_page()
        await page.goto(f"{site.address}/sign-in?language={language}")
        await page.fill("[name=name]", NAME)
        await page.fill("[name=password]", PASSWORD)
        await page.click("button[type=submit]")
        await page.wait_for_url(f"{site.address}/")
        made[language] = Walk(page, site.address)
    yield made
    for walk in made.values():
        await walk.page.context.close()


def _examples(site: FullSite) -> Mapping[str, Sequence[str]]:
    return {
        "call_id": [site.plain.call_id, site.hostile.call_id],
        "month": ["1405-08", "2026-10"],
        "name": list(REPORTS),
        "number": site.tickets,
        "dial_id": DIALS,
        "id": site.callbacks,
        "code/number": [CONTRACT, "C-1007/M%2F9%20%D8%A8"],
        "code": ["C-1042", "9%2F9%20%3Cb%3E"],
    }


@pytest.mark.parametrize("language", ["fa", "en"])
@pytest.mark.parametrize("route", [*routes_of_pages(Parts().site()), *FURTHER])
async def test_every_page_holds(site: FullSite, walks: Mapping[str, Walk], route: str, language: str) -> None:
    walk, faults = walks[language], []
    for address in addresses(route, _examples(site)):
        if await walk.open(address) is not None:
            faults += [f"{address}: {fault}" for fault in await walk.faults(keyboard=language == "en")]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("language", ["fa", "en"])
async def test_the_pages_before_sign_in_hold(site: FullSite, browser: Browser, language: str) -> None:
    context = await browser.new_context(locale=language, reduced_motion="reduce")
    walk = Walk(await context.new_page(), site.address)
    faults = []
    for address in ("/sign-in", "/calls"):  # by itself, and sent there from a page
        assert await walk.open(f"{address}?language={language}") is not None
        faults += await walk.faults(keyboard=True)
    await walk.page.fill("[name=name]", HOSTILE[1][:60])
    await walk.page.fill("[name=password]", HOSTILE[0])
    await walk.page.click("button[type=submit]")
    await walk.page.get_by_role("alert").wait_for()
    faults += [fault for fault in await walk.faults(keyboard=False) if "401" not in fault]
    await context.close()
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("role", ["agent", "reader"])
async def test_each_role_is_shown_its_pages_and_told_of_the_others(
    site: FullSite, browser: Browser, role: str
) -> None:
    context = await browser.new_context(locale="en", reduced_motion="reduce")
    page = await context.new_page()
    await page.goto(f"{site.address}/sign-in?next=/account")
    await page.fill("[name=name]", role)
    await page.fill("[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    links = await page.locator("#menu a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert "/calls" in links
    assert "/admin" not in links
    for address in links:
        answer = await page.goto(site.address + address)
        assert answer is not None
        assert answer.status == 200, address
    walk = Walk(page, site.address)
    assert await walk.open("/admin") is not None
    await expect(page.locator("h1")).to_have_text("This page is not open to your role")
    faults = await walk.faults(keyboard=True)
    await page.get_by_role("link", name="Go to the first page").click()
    await expect(page.locator(".problem")).to_have_count(0)
    await context.close()
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("language", ["fa", "en"])
async def test_what_opens_over_a_page_holds(walks: Mapping[str, Walk], language: str) -> None:
    walk = walks[language]
    page = walk.page
    await walk.open("/calls?number=777")
    await page.locator(".picker-open").first.click()
    await expect(page.locator("dialog.picker")).to_be_visible()
    faults = [f"picker: {fault}" for fault in await walk.axe_faults()]
    await page.keyboard.press("Escape")
    await page.evaluate("document.dispatchEvent(new CustomEvent('pbx:ended'))")
    await expect(page.locator("#notice")).to_be_visible()
    faults += [f"notice: {fault}" for fault in await walk.axe_faults()]
    await page.locator(".notice-close").click()
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.locator(".menu-button").click()
    await expect(page.locator("#menu")).to_be_visible()
    faults += [f"menu: {fault}" for fault in await walk.axe_faults()]
    await page.emulate_media(color_scheme="dark")
    faults += [f"menu, dark: {fault}" for fault in await walk.axe_faults()]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(("language", "month"), [("fa", "1405-08"), ("en", "2026-11")])
async def test_a_month_is_printed_on_one_sheet_without_what_is_for_the_screen(
    walks: Mapping[str, Walk], language: str, month: str
) -> None:
    page = walks[language].page
    await page.goto(f"{walks[language].site}/reports/month/{month}")
    await page.emulate_media(media="print", color_scheme="dark")
    seen = await page.evaluate("document.body.innerText")
    for gone in (".top", ".skip", "#menu", ".ranges", ".notice", "button"):
        assert await page.locator(gone).evaluate_all("all => all.every(one => !one.checkVisibility())"), gone
    colours = "[document.body, document.querySelector('h1')].map(e => getComputedStyle(e).color)"
    assert await page.evaluate(colours) == ["rgb(0, 0, 0)"] * 2
    assert await page.locator("h1").inner_text() in seen
    paper = await page.pdf(format="A4", print_background=False)
    await page.emulate_media(media="screen")
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 1
