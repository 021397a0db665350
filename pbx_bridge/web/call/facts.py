"""`/calls/{call_id}/facts`: everything that was told of a call, in order of time; and the same for programs."""

from __future__ import annotations

from aiohttp import web

from pbx_bridge.store.lines import line_of
from pbx_bridge.web import keys, pages, problems
from pbx_bridge.web.call import own
from pbx_bridge.web.call.fact_lines import as_json, fact_lines
from pbx_bridge.web.call.ports import PARTS
from pbx_bridge.web.permits import Permission, may, needs
from pbx_bridge.web.show import masked
from pbx_bridge.web.viewer import call_view

MOST = 1000  # lines of the table; the file has them all
_CHUNK = 200  # facts sent at once


@needs(Permission.SEE_ALL_CALLS)
async def show(request: web.Request) -> web.StreamResponse:
    """GET /calls/{call_id}/facts."""
    row = await own.find(request)
    if row is None:
        return problems.unknown_call(request)
    who = pages.viewer(request)
    facts = await request.app[PARTS].context.facts(row.call.call_id)
    context = {
        "row": call_view(line_of(row), who),
        "call": row.call,
        "lines": list(fact_lines(facts[:MOST], who.private)),
        "count": len(facts),
        "more": max(0, len(facts) - MOST),
    }
    return pages.page(request, "call/facts.html", context)


@needs(Permission.EXPORT)
async def download(request: web.Request) -> web.StreamResponse:
    """GET /calls/{call_id}/facts.json: an array, a fact a line."""
    account = request[keys.USER]
    if not may(account.role, Permission.SEE_ALL_CALLS):
        raise web.HTTPForbidden
    row = await own.find(request)
    if row is None:
        return problems.unknown_call(request)
    call_id = row.call.call_id
    facts = await request.app[PARTS].context.facts(call_id)
    await request.app[keys.AUDIT].note(account, "took_facts", call_id, str(len(facts)), request.remote or "")
    veil = str if pages.viewer(request).may("see_numbers") else masked
    response = web.StreamResponse(
        headers={
            "Content-Type": "application/json",
            "Content-Disposition": f'attachment; filename="call-{call_id}-facts.json"',
        }
    )
    await response.prepare(request)
    await response.write(b"[")
    for start in range(0, len(facts), _CHUNK):
        told = ",\n".join(as_json(raw, veil) for raw in facts[start : start + _CHUNK])
        await response.write(f"{',' if start else ''}\n{told}".encode())
    await response.write(b"\n]\n")
    return response


ROUTES = [web.get(f"{own.ADDRESS}/facts", show), web.get(f"{own.ADDRESS}/facts.json", download)]
