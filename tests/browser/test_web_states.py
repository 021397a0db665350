"""What is shown when something is not as it should be: no connection, a session that is over, an error of ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Page, Route, expect
from web_visitor import NAME, PASSWORD

if TYPE_CHECKING:
    from browser_window import Window

pytest_plugins = ("browser_window",)
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_FETCHER = """() => {
  document.querySelector('main').insertAdjacentHTML('beforeend',
    `<button id="fetcher" hx-get="/flow" hx-select="h1" hx-target="#fetched">fetch</button>
     <div id="fetched">old</div>`);
  htmx.process(document.querySelector('main'));
}"""


async def _with_fetcher(window: Window, language: str = "en") -> Page:
    page = await window.open("/calls?number=0912", language=language)
    await page.evaluate(_FETCHER)
    return page


async def test_without_connection_the_age_of_what_is_shown_is_told(window: Window) -> None:
    page = await _with_fetcher(window)
    notice = page.locator("#notice")
    await page.route("**/flow", lambda route: route.abort("connectionfailed"))
    await page.click("#fetcher")
    await expect(notice).to_contain_text("No connection. What you see is of 12:12")
    await expect(page.locator("#fetched")).to_have_text("old")
    await page.unroute("**/flow")
    await notice.get_by_role("button", name="Try again").click()
    await expect(page.locator("#fetched")).to_have_text("Call flow")
    await expect(notice).to_be_hidden()
    window.troubles.clear()  # the browser itself remarks on the lost request


async def test_the_browser_says_that_it_is_offline(window: Window) -> None:
    page = await window.open("/flow", language="fa")
    await page.context.set_offline(True)
    await expect(page.locator("#notice")).to_contain_text("مربوط به ساعت ۱۲:۱۲ است")
    await page.context.set_offline(False)
    await expect(page.locator("#notice")).to_be_hidden()
    window.troubles.clear()


async def test_a_session_that_is_over_leads_back_to_the_same_place(window: Window) -> None:
    page = await _with_fetcher(window)
    await page.context.clear_cookies(name=re.compile("session"))
    await page.click("#fetcher")
    notice = page.locator("#notice")
    await expect(notice).to_contain_text("Your session is over")
    await expect(page.locator("#fetched")).to_have_text("old")
    await notice.get_by_role("link", name="Sign in").click()
    await page.fill("[name=name]", NAME)
    await page.fill("[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    await page.wait_for_url("**/calls?number=0912")
    window.troubles.clear()


async def test_an_error_within_a_page_is_told_in_its_own_words(window: Window) -> None:
    page = await _with_fetcher(window)
    await page.evaluate("document.querySelector('#fetcher').setAttribute('hx-get', '/no/such')")
    await page.evaluate("htmx.process(document.querySelector('main'), true)")
    await page.click("#fetcher")
    notice = page.locator("#notice")
    await expect(notice).to_contain_text("There is nothing here.")
    await expect(page.locator("#fetched")).to_have_text("old")
    await notice.get_by_role("button", name="Close").click()
    await expect(notice).to_be_hidden()
    window.troubles.clear()


@pytest.mark.parametrize("status", [500, 503])
async def test_a_bare_error_of_a_proxy_is_told_too(window: Window, status: int) -> None:
    page = await _with_fetcher(window, "fa")

    async def fail(route: Route) -> None:
        await route.fulfill(status=status, body="<center>bad gateway</center>", content_type="text/html")

    await page.route("**/flow", fail)
    await page.click("#fetcher")
    await expect(page.locator("#notice")).to_contain_text("این کار انجام نشد")
    await expect(page.get_by_role("button", name="تلاش دوباره")).to_be_visible()
    await expect(page.locator("#fetched")).to_have_text("old")
    window.troubles.clear()


async def test_the_menu_opens_without_script_on_a_phone(window: Window) -> None:
    context = await window.browser.new_context(
        java_script_enabled=False, locale="fa", viewport={"width": 360, "height": 740}
    )
    page = await context.new_page()
    await page.goto(f"{window.address}/flow")
    await page.fill("[name=name]", NAME)
    await page.fill("[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    menu = page.locator("#menu")
    await expect(menu).to_be_hidden()
    await page.get_by_role("button", name="فهرست").click()
    await expect(menu.locator("[aria-current=page]")).to_have_text("جریان تماس")
    await page.keyboard.press("Escape")
    await expect(menu).to_be_hidden()
    await page.get_by_role("button", name="فهرست").press("Enter")
    await menu.get_by_role("link", name="تماس‌ها", exact=True).click()
    await page.wait_for_url("**/calls")


@pytest.mark.parametrize("path", ["/calls", "/flow", "/"])
async def test_on_paper_there_is_the_content_alone(window: Window, path: str) -> None:
    page = await window.open(path, scheme="dark")
    await page.emulate_media(media="print")
    for gone in (".top", ".skip", "#menu", "button", ".notice"):
        assert await page.locator(gone).evaluate_all("all => all.every(one => !one.checkVisibility())"), gone
    await expect(page.locator("h1").first).to_be_visible()
    colours = await page.evaluate("[document.body, document.querySelector('h1')].map(e => getComputedStyle(e).color)")
    assert colours == ["rgb(0, 0, 0)"] * 2
