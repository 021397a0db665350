"""Reminders: how many callbacks are due, and the first of them. On the desk, and by itself anew every half minute.

Put it on a page with `{% include "callbacks/_due.html" %}` and `told=await due.told(request)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from aiohttp import web

from pbx_bridge.web import keys, pages
from pbx_bridge.web.callbacks import own
from pbx_bridge.web.callbacks.list_page import rows_for
from pbx_bridge.web.callbacks.ports import PARTS
from pbx_bridge.web.callbacks.rows import most_urgent_first
from pbx_bridge.web.permits import Permission, needs

MOST = 99
_INSTANT = timedelta(microseconds=1)


async def told(request: web.Request) -> Mapping[str, Any]:
    """What the reminder shows of one's own and one's queues' callbacks. Raises StoreError."""
    book, now = request.app[PARTS].book, request.app[keys.CLOCK]()
    whose = own.whose(request, "queues")
    lines = await book.open(whose, until=now + _INSTANT, limit=MOST + 1)
    rows = most_urgent_first(await rows_for(request, lines[:MOST]))
    later = [] if rows else await book.open(whose, since=now + _INSTANT, limit=1)
    first = rows[0] if rows else next(iter(await rows_for(request, later)), None)
    return {"due": len(rows), "more": len(lines) > MOST, "first": first}


@needs(Permission.HANDLE)
async def show(request: web.Request) -> web.StreamResponse:
    """GET /callbacks/due: the reminder alone, for a page that has it; anybody else goes on to the list."""
    if "HX-Request" not in request.headers:
        raise web.HTTPSeeOther("/callbacks")
    text = pages.fragment(request, "callbacks/_due.html", {"told": await told(request)})
    return web.Response(text=text, content_type="text/html")


ROUTES = [web.get("/callbacks/due", show)]
