"""Server-sent events: one open answer that ends by itself, with its browser or with the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web
from aiohttp_sse import EventSourceResponse

PING_S = 15.0
SEND_S = 10.0  # a browser that takes no data for so long is given up
AGAIN_MS = 2000
LOOK_S = 5.0  # how often a silent stream looks whether its browser is still there
LIFE_S = 15 * 60.0  # then the browser comes anew, and is asked for its session anew


async def serve(request: web.Request, write: Callable[[EventSourceResponse], Awaitable[None]]) -> web.StreamResponse:
    """Open the stream and let `write` fill it until it returns or the browser has gone."""
    if request.transport is None:
        raise ConnectionResetError("the browser has gone")
    stream = EventSourceResponse(ping_interval=PING_S, send_timeout=SEND_S)
    await stream.prepare(request)
    async with stream:
        with suppress(ConnectionError, TimeoutError):
            await write(stream)
    return stream
