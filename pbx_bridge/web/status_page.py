"""`/`: how each link stands, and what the record may lack, kept up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from pbx_bridge.errors import StoreError
from pbx_bridge.health import Health, LinkState
from pbx_bridge.web import keys, pages, permits, streams, words
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.show import masked
from pbx_bridge.web.viewer import Viewer

T = TypeVar("T")

_EVERY_S = 1.0
_PATIENCE_S = 1.0


@needs(Permission.SIGNED_IN)
async def show(request: web.Request) -> web.Response:
    """GET /; who may not see it is sent on to what they may."""
    account = request[keys.USER]
    if not permits.may(account.role, Permission.SEE_STATUS):
        raise web.HTTPSeeOther("/desk" if account.extension else "/calls")
    return pages.page(request, "status.html", await _context(request))


@needs(Permission.SEE_STATUS)
async def events(request: web.Request) -> web.StreamResponse:
    """GET /status/events: the links' part of the page whenever it reads differently."""

    async def write(stream: EventSourceResponse) -> None:
        loop, before = asyncio.get_running_loop(), ""
        end = loop.time() + streams.LIFE_S
        while stream.is_connected() and not request.app[keys.STOPPING].is_set() and loop.time() < end:
            now = pages.fragment(request, "_links.html", await _context(request))
            if now != before:
                await stream.send(now, event="links", retry=streams.AGAIN_MS)
                before = now
            await _pause(request.app[keys.STOPPING])

    return await streams.serve(request, write)


async def _pause(stopping: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_EVERY_S):
            await stopping.wait()


async def _context(request: web.Request) -> Mapping[str, Any]:
    health, vitals, who = request.app[keys.HEALTH], request.app[keys.VITALS], pages.viewer(request)
    return {
        "sizes": await vitals.sizes(),
        "flow_uses": vitals.flows(),
        "mishaps": vitals.mishaps(),
        "versions": vitals.versions(),
        "in_bytes": lambda count: in_bytes(who, count),
        "masked": masked,  # for everybody: a reason may hold a number, and nobody needs it here
        "links": health.links(),
        "overall": overall(health),
        "known": words.known,
        "shortfall": await _in_time(request.app[keys.SHORTFALLS].shortfall()),
        "waiting": await _in_time(request.app[keys.DESK].waiting()),
    }


def in_bytes(who: Viewer, count: int) -> str:
    """A size as people say it: 1.4 GB."""
    size, unit = float(count), "B"
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    figure = f"{size:.1f}" if unit != "B" and size < 100 else f"{size:.0f}"
    return who.t(f"bytes.{unit}", n=who.show.digits(figure))


async def _in_time(asked: Awaitable[T]) -> T | None:
    # The page tells how the store stands: it must not depend on it.
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await asked
    except (StoreError, TimeoutError):
        return None


def overall(health: Health) -> str:
    """`ready`, `look` (ready, but a link is degraded) or `not_ready`."""
    if not health.ready:
        return "not_ready"
    degraded = any(link.state is LinkState.DEGRADED for link in health.links())
    return "look" if degraded else "ready"


ROUTES = [web.get("/", show), web.get("/status/events", events)]
