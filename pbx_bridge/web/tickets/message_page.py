"""`/tickets/{number}/message.…`: what the caller recorded with their ticket. Who listens stands in the audit log."""

from __future__ import annotations

import asyncio

from aiohttp import web

from pbx_bridge.spool.sounds import Sound
from pbx_bridge.store.ticket_steps import FullTicket
from pbx_bridge.web import keys, sending
from pbx_bridge.web.call import wave
from pbx_bridge.web.call.recordings import SITTINGS
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.tickets import ticket_page
from pbx_bridge.web.tickets.ports import PARTS


@needs(Permission.HEAR)
async def listen(request: web.Request) -> web.StreamResponse:
    """GET /tickets/{number}/message.wav."""
    ticket, sound = await _find(request)
    if sound is None or not sound.is_there:
        raise web.HTTPNotFound
    try:
        file = await asyncio.to_thread(request.app[PARTS].sounds.open, sound)
    except OSError:
        raise web.HTTPNotFound from None
    with file:
        if request.method == "GET":
            await _note(request, ticket, sound)
        return await sending.send_sound(request, file, {}, checksum=sound.sha256)


async def _note(request: web.Request, ticket: FullTicket, sound: Sound) -> None:
    account, now, sittings = request[keys.USER], request.app[keys.CLOCK](), request.app[SITTINGS]
    if not sittings.goes_on(account.name, sound.key, now):
        await request.app[keys.AUDIT].note(account, "heard", ticket.tracking_number, sound.file, request.remote or "")
    sittings.note(account.name, sound.key, now)


@needs(Permission.HEAR)
async def waveform(request: web.Request) -> web.Response:
    """GET /tickets/{number}/message.svg: 204 where there is nothing to be drawn."""
    _, sound = await _find(request)
    found = await request.app[PARTS].sounds.waveform(sound) if sound is not None and sound.is_there else None
    if sound is None or found is None:
        return web.Response(status=204)
    text = wave.drawing(found, (), sound.length_us)
    return web.Response(text=text, content_type="image/svg+xml", headers={"Cache-Control": "private, no-store"})


async def _find(request: web.Request) -> tuple[FullTicket, Sound | None]:
    ticket = await ticket_page.find(request)
    return ticket, await request.app[PARTS].sounds.of_message(ticket.message)


ROUTES = [
    web.get(f"{ticket_page.ADDRESS}/message.wav", listen),
    web.get(f"{ticket_page.ADDRESS}/message.svg", waveform),
]
