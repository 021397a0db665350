"""`/dial/events`: what an agent's phone does, and how far the call has come that they asked for, as they happen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from pbx_bridge.ari_handlers.progress import Progress
from pbx_bridge.web import keys, pages, streams
from pbx_bridge.web.dial.ports import PARTS
from pbx_bridge.web.dial.state import HUB, PhoneState, state_for
from pbx_bridge.web.permits import Permission, may, needs

BEAT_S = 5.0  # how often a silent stream looks again; what colleagues do is not told more often


class _Told:
    """What a browser has been told: nothing is painted that it has."""

    def __init__(self, request: web.Request) -> None:
        self._request, self._dial_id = request, request.query.get("call", "")
        self._wants_state = "state" in request.query
        self._state: PhoneState | None = None
        self._state_at = 0.0
        self._call: Progress | None = None

    async def news(self) -> AsyncIterator[tuple[str, str]]:
        """Each event's name and text."""
        if self._wants_state and await self._is_new_state():
            yield "state", pages.fragment(self._request, "dial/_state.html", {"told": {"phone": self._state}})
        if self._dial_id and await self._is_new_call():
            yield "call", pages.fragment(self._request, "dial/_progress.html", {"progress": self._call})

    async def _is_new_state(self) -> bool:
        state, now = await state_for(self._request), asyncio.get_running_loop().time()
        before = self._state
        if before is not None and (state == before or (state.is_as(before) and now - self._state_at < BEAT_S)):
            return False
        self._state, self._state_at = state, now
        return True

    async def _is_new_call(self) -> bool:
        found = await self._request.app[PARTS].dialler.progress(self._dial_id)
        account, before = self._request[keys.USER], self._call
        if found is None or (found.dial.user != account.name and not may(account.role, Permission.SEE_ALL_CALLS)):
            return False
        self._call = found
        return before is None or (before.phase, before.dial) != (found.phase, found.dial)


@needs(Permission.DESK)
async def events(request: web.Request) -> web.StreamResponse:
    """GET /dial/events?state=1&call=…: `state` and `call`, each a piece of a page, whenever it has changed."""

    async def write(stream: EventSourceResponse) -> None:
        hub, loop, told = request.app[HUB], asyncio.get_running_loop(), _Told(request)
        end = loop.time() + streams.LIFE_S
        await stream.send("", event="hello", retry=streams.AGAIN_MS)
        while stream.is_connected() and not hub.closed and loop.time() < end:
            version = hub.version
            async for name, text in told.news():
                await stream.send(text, event=name)
            await hub.wait(version, BEAT_S)

    return await streams.serve(request, write)


ROUTES = [web.get("/dial/events", events)]
