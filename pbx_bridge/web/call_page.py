"""`/calls/{call_id}`: one call with its parts, its steps and what is known of the record itself."""

from __future__ import annotations

from aiohttp import web

from pbx_bridge.store.lines import line_of
from pbx_bridge.web import keys, pages, problems, timeline
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.transcript import transcript
from pbx_bridge.web.viewer import call_view

_ADDRESS = "/calls/{call_id:[0-9a-f-]{36}}"


@needs(Permission.SEE_CALLS)
async def show(request: web.Request) -> web.Response:
    """GET /calls/{call_id}."""
    mark = request.app[keys.LIVE].mark
    row = await request.app[keys.CALLS].get(request.match_info["call_id"])
    if row is None:
        return problems.unknown_call(request)
    who = pages.viewer(request)
    mirrored = who.show.persian
    lanes = timeline.lanes(row.call, who.now, mirrored=mirrored)
    context = {
        "row": call_view(line_of(row), who),
        "call": row.call,
        "lanes": lanes,
        "bars": sorted((bar for lane in lanes for bar in lane.bars), key=lambda bar: bar.offset_us),
        "ticks": timeline.ticks(row.call, who.now, mirrored=mirrored),
        "width": timeline.WIDTH,
        "lines": transcript(row.call, who),
        "recordings": [one for one in await request.app[keys.RECORDINGS].of_call(row.call.call_id) if one.is_shown],
        "candidates": await request.app[keys.CALLS].candidates(row.call),
        "agents": await request.app[keys.AGENTS].names(),
        "stream": f"/calls/events?mark={mark}",
    }
    return pages.page(request, "call.html", context)


ROUTES = [web.get(_ADDRESS, show)]
