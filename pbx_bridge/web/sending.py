"""A sound sent to whoever may hear it, whole or the part that a player asks for, whatever form it has on the disk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import BinaryIO

import structlog
from aiohttp import hdrs, web

_log = structlog.get_logger()

_PIECE = 256 * 1024


async def send_sound(
    request: web.Request, file: BinaryIO, headers: Mapping[str, str], *, checksum: str
) -> web.StreamResponse:
    """Answer with an open sound, from its beginning or with the range that was asked for; 416: it has no such.

    Args:
        checksum: by it a player knows whether it is still the sound of which it has a part.
    """
    size = await asyncio.to_thread(file.seek, 0, os.SEEK_END)
    tag = f'"{checksum}"'
    told = {"Content-Type": "audio/wav", "Cache-Control": "private, no-store", "Accept-Ranges": "bytes", "ETag": tag}
    response = web.StreamResponse(headers={**told, **headers})
    start, end = 0, size
    if hdrs.RANGE in request.headers and request.headers.get(hdrs.IF_RANGE, tag) == tag:
        found = _part(request, size)
        if found is None:
            return web.Response(status=416, headers={hdrs.CONTENT_RANGE: f"bytes */{size}"})
        start, end = found
        response.set_status(206)
        response.headers[hdrs.CONTENT_RANGE] = f"bytes {start}-{end - 1}/{size}"
    response.content_length = end - start
    await response.prepare(request)
    if request.method != hdrs.METH_HEAD:
        await _send(request, response, file, start, end)
    return response


def _part(request: web.Request, size: int) -> tuple[int, int] | None:
    """[start, end) of the one range that is asked for; None: there is no such, or they ask for several."""
    try:
        start, end, _ = request.http_range.indices(size)
    except ValueError:
        return None
    return (start, end) if start < end else None


async def _send(request: web.Request, response: web.StreamResponse, file: BinaryIO, start: int, end: int) -> None:
    await asyncio.to_thread(file.seek, start)
    for place in range(start, end, _PIECE):
        try:
            piece = await asyncio.to_thread(file.read, min(_PIECE, end - place))
        except OSError as error:  # the browser must not take half of a sound for the whole
            _log.error("sound_broke_off", reason=str(error))
            if request.transport is not None:
                request.transport.close()
            return
        await response.write(piece)
    await response.write_eof()
