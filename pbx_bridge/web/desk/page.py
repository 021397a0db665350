"""`/desk` and its stream."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from pbx_bridge.web import keys, pages, streams, words
from pbx_bridge.web.desk import blocks
from pbx_bridge.web.desk.hub import Hub
from pbx_bridge.web.permits import Permission, needs

HUB = web.AppKey("desk_hub", Hub)

BEAT_S = 5.0  # how often a silent stream says that it lives; the page believes it for twice as long


def tell_of_callbacks(app: web.Application, *users: str) -> None:
    """Callbacks were given to these people, or are theirs no more: their desks show it at once."""
    for user in set(users) - {""}:
        app[HUB].handed(user)


@needs(Permission.DESK)
async def show(request: web.Request) -> web.Response:
    """GET /desk; `error`: the key of what went wrong with a form that was sent without script."""
    who = pages.viewer(request)
    if not request[keys.USER].extension:
        return pages.page(request, "desk/no_phone.html", {})
    desk = await request.app[HUB].desk_of(who)
    error = f"desk.error.{request.query.get('error', '')}"
    return pages.page(
        request,
        "desk/desk.html",
        {
            "pieces": desk.screen.pieces,
            "events": f"/desk/events?mark={desk.screen.mark}",
            "now_ms": round(who.now.timestamp() * 1000),
            "extension": desk.extension,
            "error": error if words.known(error) else "",
            "blocks": await blocks.of_page(request),
        },
    )


@needs(Permission.DESK)
async def events(request: web.Request) -> web.StreamResponse:
    """GET /desk/events: `change` (pieces by id, and which are gone), `whole` (all there is), `beat` (the time)."""
    if not request[keys.USER].extension:
        raise web.HTTPNotFound

    async def write(stream: EventSourceResponse) -> None:
        hub, mark = request.app[HUB], request.headers.get("Last-Event-ID") or request.query.get("mark", "")
        desk = await hub.desk_of(pages.viewer(request))
        loop = asyncio.get_running_loop()
        end = loop.time() + streams.LIFE_S
        await stream.send("", event="hello", retry=streams.AGAIN_MS)
        async with hub.looking(desk):
            while stream.is_connected() and not hub.closed and loop.time() < end:
                for change in desk.screen.since(mark):
                    mark = change.mark
                    await stream.send(change.text, event="whole" if change.whole else "change", id=mark)
                await stream.send(str(round(request.app[keys.CLOCK]().timestamp() * 1000)), event="beat")
                await desk.screen.wait(mark, BEAT_S)

    return await streams.serve(request, write)


ROUTES = [web.get("/desk", show), web.get("/desk/events", events)]
