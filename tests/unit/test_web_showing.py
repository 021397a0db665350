"""One site follows another on the same address: streams end, what is under way is finished, nobody is sent away."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import web
from web_visitor import Parts

from pbx_bridge.web.board.feed import LiveFeed
from pbx_bridge.web.board.ports import BoardParts
from pbx_bridge.web.server import listening


def site(name: str, goes_on: asyncio.Event, begun: asyncio.Event) -> web.Application:
    """Says its name: at once, when it may, or for as long as it is served."""
    app, ends = web.Application(), asyncio.Event()

    async def at_once(_: web.Request) -> web.Response:
        return web.Response(text=name)

    async def slowly(_: web.Request) -> web.Response:
        begun.set()
        await goes_on.wait()
        return web.Response(text=name)

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(name.encode())
        await ends.wait()
        return response

    async def end(_: web.Application) -> None:
        ends.set()

    app.add_routes([web.get("/", at_once), web.get("/slow", slowly), web.get("/stream", stream)])
    app.on_shutdown.append(end)
    return app


async def test_the_next_site_answers_at_once_and_the_one_before_finishes() -> None:
    goes_on, begun = asyncio.Event(), asyncio.Event()
    async with listening("localhost", 0) as showing, aiohttp.ClientSession() as browser:
        url = f"http://{showing.address}"

        async def text(path: str) -> str:
            async with browser.get(f"{url}{path}") as answer:
                return await answer.text()

        await showing.show(site("one", goes_on, begun))
        assert await text("/") == "one"
        slow, stream = asyncio.create_task(text("/slow")), asyncio.create_task(text("/stream"))
        await begun.wait()
        await showing.show(site("two", goes_on, begun))
        assert await stream == "one"
        assert [await text("/") for _ in range(5)] == ["two"] * 5
        assert not slow.done()
        goes_on.set()
        assert await slow == "one"


async def test_a_site_that_has_ended_hears_nothing_any_more() -> None:
    feed = LiveFeed()
    parts = Parts(board=BoardParts(feed=feed))
    async with listening("127.0.0.1", 0) as showing:
        await showing.show(parts.site())
        await showing.show(parts.site())
        assert feed.listeners > 0
    assert feed.listeners == 0
