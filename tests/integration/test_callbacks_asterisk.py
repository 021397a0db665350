"""A promise kept on a real Asterisk with real phones: asked for in the shipped menus, busy, tried again, answered."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from harness.need import an_asterisk
from harness.own_flow import agent, caller_who_keys, outside
from harness.system import SystemUnderTest, running_system, talking
from own_ports import own_port
from private_pbx import PbxUnderTest, private_pbx

from pbx_bridge.pbx.phone import Answer, Reject
from pbx_bridge.store import open_store

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]

PASSWORD = "a fine password"
CALLER = "09121234567"
_POLL_S = 0.05


@pytest.fixture
def trunk_pbx() -> Iterator[PbxUnderTest]:
    with an_asterisk(private_pbx(trunk=f"127.0.0.1:{own_port()}", dial_s=5, wrap_up_s=0)) as pbx:
        pbx.start()
        yield pbx


@pytest.fixture
async def house(trunk_pbx: PbxUnderTest) -> AsyncIterator[SystemUnderTest]:
    """A daemon with the shipped flow; agents 101 and 102 may sign in."""
    async with running_system(trunk_pbx) as system:
        async with open_store(system.store, folding=False) as store:
            for number in ("101", "102"):
                await store.users.create(f"agent{number}", PASSWORD, "agent", extension=number)
        yield system


class Page:
    """Somebody before the pages."""

    def __init__(self, web: aiohttp.ClientSession) -> None:
        self._web = web

    async def until(self, path: str, words: str, timeout_s: float = 20.0) -> str:
        """Wait until a page says so."""
        text = ""
        try:
            async with asyncio.timeout(timeout_s):
                while words not in text:
                    text = await (await self._web.get(path)).text()
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise AssertionError(f"{path} does not say {words!r}: {re.sub(r'<[^>]+>', ' ', text)[-900:]}") from None
        return text

    async def click(self, button: str, key: str) -> tuple[int, str]:
        """Click on the number of a callback; where its call is shown, or why there is none."""
        headers = {"Sec-Fetch-Site": "same-origin"}
        answer = await self._web.post("/dial", data={"to": button, "key": key}, headers=headers)
        return answer.status, answer.url.path if answer.status == 200 else await answer.text()


@asynccontextmanager
async def page_of(house: SystemUnderTest, name: str) -> AsyncIterator[Page]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(house.page_url, cookie_jar=jar, headers={"Accept-Language": "en"}) as web:
        assert (await web.post("/sign-in", data={"name": name, "password": PASSWORD})).status == 200
        yield Page(web)


async def test_who_asked_is_called_until_they_answer(house: SystemUnderTest) -> None:
    async with caller_who_keys(house, "2", CALLER) as caller:
        await caller.hears("menu")
        await caller.press("5")
        await caller.hears("callback_confirm")
        await caller.press("1")
        await caller.hears("callback_promised")
        await caller.call.hang_up()
    async with page_of(house, "agent101") as page, page_of(house, "agent102") as colleague:
        listed = await page.until("/callbacks", "|callback:")
        (button,) = set(re.findall(r'value="(\+[0-9]+\|callback:[0-9a-f]{16})"', listed))
        where = f"/callbacks/{button.partition('callback:')[2]}"
        async with agent(house, "101", Answer()) as one, agent(house, "102", Answer()):
            async with outside(house, Reject(status=486)):
                await page.until("/dial/state", "Free")
                await colleague.until("/dial/state", "Free")
                told = await asyncio.gather(page.click(button, "a"), colleague.click(button, "b"))
                # Only one of the two calls them; the other is told why not.
                assert sorted(status for status, _ in told) == [200, 409], told
                assert "A colleague is calling" in next(text for status, text in told if status == 409)
                who = page if told[0][0] == 200 else colleague
                await who.until(next(path for status, path in told if status == 200), "The line was busy")
                shown = await page.until(where, ">Busy<")
            assert "Nobody has called yet" not in shown
            await page.until("/callbacks?show=later", button)  # tried again by rule, in an hour
            await page.until("/dial/state", "Free")
            async with outside(house, Answer()) as world:
                assert (await page.click(button, "c"))[0] == 200
                customer = await world.rung()
                await talking(customer)
                await customer.hang_up()
            await (await one.rung()).ended(10)
            await page.until(where, "Spoken with")
            await page.until("/callbacks?show=done", where)
