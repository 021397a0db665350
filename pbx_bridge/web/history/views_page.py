"""Saved views: a search under a name. Opening one is its address; here they are kept and dropped."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from pbx_bridge.values.hostile import clean
from pbx_bridge.web import keys, pages
from pbx_bridge.web.history.filters import FIELDS
from pbx_bridge.web.history.list_page import may_share
from pbx_bridge.web.permits import Permission, needs

_LONGEST = 60


@needs(Permission.SEE_CALLS)
async def save(request: web.Request) -> web.Response:
    """POST /calls/views: `name`, `address` (a query string), `shared`."""
    form = await request.post()
    name, query = clean(str(form.get("name", "")), _LONGEST), _plain(str(form.get("address", "")))
    who = pages.viewer(request)
    if not name:
        raise web.HTTPBadRequest
    shared = bool(form.get("shared")) and may_share(who)
    if not await request.app[keys.VIEWS].save(who.user, name, query, shared=shared):
        raise web.HTTPConflict
    raise web.HTTPSeeOther(f"/calls?{query}" if query else "/calls")


@needs(Permission.SEE_CALLS)
async def drop(request: web.Request) -> web.Response:
    """POST /calls/views/{view_id}/drop: back to `address`."""
    form, who = await request.post(), pages.viewer(request)
    view_id = request.match_info["view_id"]
    if not await request.app[keys.VIEWS].drop(who.user, view_id, any_owner=may_share(who)):
        raise web.HTTPNotFound
    query = _plain(str(form.get("address", "")))
    raise web.HTTPSeeOther(f"/calls?{query}" if query else "/calls")


def _plain(query: str) -> str:
    """Only fields of ours, so that an address leads nowhere else."""
    told = dict(parse_qsl(query[:2000]))
    return urlencode({name: clean(told[name], _LONGEST) for name in FIELDS if told.get(name)})


ROUTES = [web.post("/calls/views", save), web.post("/calls/views/{view_id:[0-9a-zA-Z-]{1,64}}/drop", drop)]
