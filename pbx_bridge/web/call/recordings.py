"""`/calls/{call_id}/sounds/…`: what can be heard of a call, whole or in part, and its waveform.

Where a file lies is told by the store alone. The first listening of a sitting, and each taking away, is in the audit
log before a byte of it is sent.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import datetime, timedelta

from aiohttp import web

from pbx_bridge.spool.sounds import Sound
from pbx_bridge.store import CallRow
from pbx_bridge.web import keys, problems, sending
from pbx_bridge.web.call import own, wave
from pbx_bridge.web.call.ports import PARTS
from pbx_bridge.web.call.position import stretches
from pbx_bridge.web.permits import Permission, may, needs

_ADDRESS = own.ADDRESS + "/sounds/{key:[0-9a-f]{16}}"
_SITTING = timedelta(minutes=30)
_MOST = 4096  # sittings remembered


class Sittings:
    """Who is listening to what: whoever asks again within half an hour still is. In memory, bounded."""

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[str, str], datetime] = OrderedDict()

    def goes_on(self, user: str, key: str, now: datetime) -> bool:
        """Whether they were listening to it a moment ago."""
        last = self._last.get((user, key))
        return last is not None and now - last < _SITTING

    def note(self, user: str, key: str, now: datetime) -> None:
        """They listen to it now."""
        self._last[user, key] = now
        self._last.move_to_end((user, key))
        while len(self._last) > _MOST:
            self._last.popitem(last=False)


SITTINGS = web.AppKey("sittings", Sittings)


@needs(Permission.HEAR)
async def listen(request: web.Request) -> web.StreamResponse:
    """GET /calls/{call_id}/sounds/{key}.wav; with `?take` to be kept as a file, which needs EXPORT."""
    row, sound = await _find(request)
    if row is None:
        return problems.unknown_call(request)
    if sound is None or not sound.is_there:
        raise web.HTTPNotFound
    take = "take" in request.query
    if take and not may(request[keys.USER].role, Permission.EXPORT):
        raise web.HTTPForbidden
    try:
        file = await asyncio.to_thread(request.app[PARTS].sounds.open, sound)
    except OSError:
        raise web.HTTPNotFound from None
    with file:
        if request.method == "GET":
            await _note(request, row, sound, take=take)
        headers = {"Content-Disposition": f'attachment; filename="{sound.file}"'} if take else {}
        return await sending.send_sound(request, file, headers, checksum=sound.sha256)


async def _note(request: web.Request, row: CallRow, sound: Sound, *, take: bool) -> None:
    account, now = request[keys.USER], request.app[keys.CLOCK]()
    sittings = request.app[SITTINGS]
    if take or not sittings.goes_on(account.name, sound.key, now):
        what = "took_sound" if take else "heard"
        await request.app[keys.AUDIT].note(account, what, row.call.call_id, sound.file, request.remote or "")
    if not take:
        sittings.note(account.name, sound.key, now)


@needs(Permission.HEAR)
async def waveform(request: web.Request) -> web.Response:
    """GET /calls/{call_id}/sounds/{key}.svg: 204 where there is nothing to be drawn."""
    row, sound = await _find(request)
    if row is None:
        return problems.unknown_call(request)
    found = await request.app[PARTS].sounds.waveform(sound) if sound is not None and sound.is_there else None
    if sound is None or found is None:
        return web.Response(status=204)
    parts = stretches(row.call, sound, request.app[keys.CLOCK]())
    text = wave.drawing(found, parts, sound.length_us)
    return web.Response(text=text, content_type="image/svg+xml", headers={"Cache-Control": "private, no-store"})


async def _find(request: web.Request) -> tuple[CallRow | None, Sound | None]:
    row = await own.find(request)
    if row is None:
        return None, None
    key = request.match_info["key"]
    sounds = await request.app[PARTS].sounds.of_call(row.call)
    return row, next((sound for sound in sounds if sound.key == key), None)


ROUTES = [web.get(f"{_ADDRESS}.wav", listen), web.get(f"{_ADDRESS}.svg", waveform)]
