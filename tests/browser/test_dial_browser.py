"""Calls by a click and the agent's own phone in a real browser: what happens is shown where one stands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from live_line import LiveLine
from playwright.async_api import Browser, Page, expect
from site_phones import site_phones
from store_facts import quick_store
from toy_dialler import Daemon, Toy, daemon
from web_visitor import NAME, PASSWORD, TEHRAN, Parts

from pbx_bridge.ami.events import BridgeEntered
from pbx_bridge.ari_handlers import dialler
from pbx_bridge.store import Role
from pbx_bridge.web.admin.site import AccountParts
from pbx_bridge.web.dial.ports import DialParts
from pbx_bridge.web.memory import MemoryAgents
from pbx_bridge.web.server import serve
from pbx_bridge.web.site import SiteParts, make_site

pytest_plugins = ("browser_window",)
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

NUMBER = "09121234567"


@dataclass
class House:
    """A site with telephones: calls go to a toy, phones are those of a live line."""

    address: str
    one: Daemon
    toy: Toy
    line: LiveLine


@asynccontextmanager
async def open_house(folder: Path) -> AsyncIterator[House]:
    parts, toy, line = Parts(agents=MemoryAgents({"101": "زهرا کریمی", "102": "Reza"})), Toy(), LiveLine()
    parts.users.roles[NAME], parts.users.extensions[NAME] = Role.AGENT, "101"
    line.member("101")
    line.member("102")
    line.connect()
    async with quick_store(folder / "s.db") as store, daemon(store, toy) as one:
        told = site_phones(line.feed, NAME)
        made = SiteParts(
            health=parts.health,
            calls=parts.calls,
            users=parts.users,
            session_key=b"k" * 32,
            zone=TEHRAN,
            accounts=AccountParts(sessions=parts.sessions, tokens=parts.tokens),
            agents=parts.agents,
            dial=DialParts(dialler=one.dialler, phones=told.phones, feed=line.feed),
        )
        async with serve(make_site(made), "127.0.0.1", 0) as address:
            yield House(address, one, toy, line)


@pytest_asyncio.fixture(loop_scope="session")
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(dialler, "_GONE", dialler._GONE / 100)  # no record ever comes of a toy's calls
    async with open_house(tmp_path) as opened:
        yield opened


async def signed_in(browser: Browser, house: House, language: str, width: int, path: str) -> Page:
    context = await browser.new_context(
        locale=language, reduced_motion="reduce", viewport={"width": width, "height": 740}
    )
    page = await context.new_page()
    await page.goto(f"{house.address}/sign-in?language={language}")
    await page.fill("[name=name]", NAME)
    await page.fill("[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    await page.goto(f"{house.address}{path}")
    return page


@pytest.mark.parametrize(
    ("language", "width", "rings", "talks", "over"),
    [
        ("fa", 360, "تلفن شما زنگ می‌خورد", "در گفت‌وگو", "پایان تماس دانسته نیست"),
        ("en", 1440, "Your phone rings", "Talking", "How it ended is not known"),
    ],
)
async def test_a_number_is_called_where_it_stands(
    house: House, browser: Browser, language: str, width: int, rings: str, talks: str, over: str
) -> None:
    page = await signed_in(browser, house, language, width, f"/dial?number={NUMBER}")
    other = await signed_in(browser, house, language, width, f"/dial?number={NUMBER}")
    for one in (page, other):  # a button as on any page, which here has no list of calls
        await one.evaluate(
            """number => { const button = document.createElement("button");
              Object.assign(button, {type: "submit", name: "to", value: `${number}|customer:C1`, id: "number"});
              button.setAttribute("form", "dial"); button.textContent = number;
              document.querySelector("main").append(button); }""",
            NUMBER,
        )
    await page.focus("#number")
    await page.keyboard.press("Enter")
    dock = page.locator("#dial-dock")
    await expect(dock).to_be_visible()
    house.one.seen()
    await expect(dock).to_contain_text(rings)
    await other.dblclick("#number")
    await expect(other.locator("#dial-dock")).to_contain_text(rings)
    assert len(house.toy.sent) == 1
    assert page.url.endswith(f"/dial?number={NUMBER}"), "one stays where one is"
    over_width = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over_width <= 0

    channel = house.toy.sent[0]
    house.toy.living["far"] = "PJSIP/trunk-00000009"
    house.one.seen()
    for name in (channel, "far"):
        house.one.live.channels.apply(BridgeEntered(channel=name, linkedid=channel, bridge="b", at=None))
    house.one.dialler.touch()
    for one in (page, other):
        await expect(one.locator("#dial-dock")).to_contain_text(talks)
    await page.locator("#dial-dock button[form^=dial-cancel]").click()
    house.toy.living.clear()
    house.one.seen()
    for one in (page, other):
        await expect(one.locator("#dial-dock")).to_contain_text(over, timeout=15_000)
        await one.context.close()


async def test_the_phone_is_told_live_and_nothing_typed_is_lost(house: House, browser: Browser) -> None:
    page = await signed_in(browser, house, "en", 1440, "/dial/state")
    state = page.locator("#phone-state")
    await expect(state).to_contain_text("Free")
    house.line.calls("1.1", NUMBER)
    house.line.waits_in("1.1")
    phone = house.line.rings("1.1", "101")
    await expect(state).to_contain_text("Ringing")
    house.line.talks("1.1", phone)
    await expect(state).to_contain_text("Talking")
    await page.fill("[name=note]", "wants the invoice")
    house.line.member("102", paused=True, paused_reason="lunch")
    house.line.member("101", paused=True, paused_reason="lunch")
    await expect(state.locator("#phone-line")).to_contain_text("I am available")
    assert await page.input_value("[name=note]") == "wants the invoice"
    await page.click("text=Hold")
    await expect(state.locator("[role=alert]")).to_contain_text("cannot do that now")
    house.line.member("101")
    await expect(state.locator("#phone-line")).not_to_contain_text("I am available")
    await expect(state.locator("[role=alert]")).to_contain_text("cannot do that now")
    house.line.lose()
    await expect(state).to_contain_text("not known")
    await page.context.close()
