"""`/calls`: the history, newest first, and its stream of new revisions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web
from aiohttp_sse import EventSourceResponse

from pbx_bridge.store import CallLine, PageKey
from pbx_bridge.store.lines import line_of
from pbx_bridge.store.search import Found
from pbx_bridge.store.views import View
from pbx_bridge.web import keys, pages, streams
from pbx_bridge.web.history.asked import Asked, asked
from pbx_bridge.web.history.form import Form, address
from pbx_bridge.web.history.painted import painted
from pbx_bridge.web.live import Entry
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.viewer import Viewer

PAGE = 50
_FEW = 10  # rows found before the bound was met: the page goes on looking by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """`newer`, `older`: where that way goes on. `found`: what was told of how far was looked."""

    lines: Sequence[CallLine] = ()
    newer: PageKey | None = None
    older: PageKey | None = None
    found: Found | None = None
    first: bool = True


@needs(Permission.SEE_CALLS)
async def show(request: web.Request) -> web.Response:
    """GET /calls."""
    this = await asked(request)
    mark = request.app[keys.LIVE].mark  # before reading: what comes meanwhile is told again, never missed
    page = await _read(request, this)
    context = await _context(request, this, page, mark)
    return pages.page(request, "history/calls.html", context, status=400 if this.search.errors else 200)


async def _read(request: web.Request, this: Asked) -> _Page:
    if this.search.errors:
        return _Page()
    calls = request.app[keys.CALLS]
    if after := _key(request, "after"):
        found = await calls.search(this.wanted, after=after, limit=PAGE)
        if found.more is not None:
            older = PageKey.of(found.lines[-1]) if found.lines else after
            return _Page(lines=found.lines, newer=found.more, older=older, found=found, first=False)
        # Fewer than a page is newer: the newest page holds them all, and is full.
    elif before := _key(request, "before"):
        found = await calls.search(this.wanted, before=before, limit=PAGE)
        newer = PageKey.of(found.lines[0]) if found.lines else before
        return _Page(lines=found.lines, newer=newer, older=found.more, found=found, first=False)
    found = await calls.search(this.wanted, limit=PAGE)
    return _Page(lines=found.lines, older=found.more, found=found)


def _key(request: web.Request, name: str) -> PageKey | None:
    try:
        return PageKey.parse(request.query.get(name, "")[:100])
    except ValueError:
        return None  # edited by hand: the newest page is the answer


async def _context(request: web.Request, this: Asked, page: _Page, mark: str) -> Mapping[str, Any]:
    who, search, app = pages.viewer(request), this.search, request.app
    agents = await app[keys.AGENTS].names()
    form = Form(search, who, await app[keys.CALLS].choices(), agents)
    found, query = page.found, search.asked
    cut = found is not None and found.cut
    return {
        "search": search,
        "named": this.wanted.customers or (),
        "rows": painted(page.lines, who, agents),
        "first": page.first,
        "older": address({**query, "before": str(page.older)}) if page.older else "",
        "newer": address({**query, "after": str(page.newer)}) if page.newer else "",
        "newest": address(query),
        "until": found.until if found is not None else None,
        "upwards": cut and "after" in request.query and not page.first,
        "by_itself": cut and len(page.lines) < _FEW,
        "behind": found.behind if found is not None else None,
        "form": form,
        "views": [_view(view, who) for view in await app[keys.VIEWS].of(who.user)],
        "here": urlencode(query),
        "csv": address(query, "/calls/export.csv"),
        "xlsx": address(query, "/calls/export.xlsx"),
        "may_share": may_share(who),
        "today": who.show.typed_day(who.show.local(who.now).date()),
        "stream": address({**query, "mark": mark}, "/calls/events"),
        "page_size": PAGE,
    }


def may_share(who: Viewer) -> bool:
    """Whether they may show their views to everybody, and drop shared ones."""
    return who.may(Permission.SEE_ALL_CALLS) and who.may(Permission.HANDLE)


def _view(view: View, who: Viewer) -> Mapping[str, Any]:
    mine = view.user_name == who.user
    return {
        "view": view,
        "name": who.private(view.name, 60),
        "owner": "" if mine else who.private(view.user_name, 40),
        "address": f"/calls?{view.address}" if view.address else "/calls",
        "may_drop": mine or (view.shared and may_share(who)),
    }


@needs(Permission.SEE_CALLS)
async def events(request: web.Request) -> web.StreamResponse:
    """GET /calls/events: each new revision that answers the search, as a row; `stale`: read the page anew."""
    this = await asked(request)

    async def write(stream: EventSourceResponse) -> None:
        live = request.app[keys.LIVE]
        mark = request.headers.get("Last-Event-ID") or request.query.get("mark", "")
        await stream.send("", event="hello", retry=streams.AGAIN_MS)
        loop = asyncio.get_running_loop()
        end = loop.time() + streams.LIFE_S
        while stream.is_connected() and not live.closed and loop.time() < end:
            news = live.since(mark)
            mark = news.mark
            if news.stale:
                await stream.send("", event="stale", id=mark)
            for entry in news.entries:
                if await _is_wanted(request, this, entry):
                    await stream.send(await _row(request, entry), event="call", id=mark)
            await live.wait(mark, streams.LOOK_S)

    return await streams.serve(request, write)


async def _is_wanted(request: web.Request, this: Asked, entry: Entry) -> bool:
    region = request.app[keys.REGION]
    if this.search.errors or not this.wanted.matches(entry.row.call, region, recorded=True):
        return False
    return not this.wanted.recorded or await _is_recorded(request, entry)


async def _is_recorded(request: web.Request, entry: Entry) -> bool:
    call = entry.row.call
    if call.ended_at is None:  # a recording is kept when its call is over
        return False
    return call.call_id in await request.app[keys.CALLS].recorded([call.call_id])


async def _row(request: web.Request, entry: Entry) -> str:
    line = msgspec.structs.replace(line_of(entry.row), recorded=await _is_recorded(request, entry))
    (row,) = painted([line], pages.viewer(request), await request.app[keys.AGENTS].names())
    return row


ROUTES = [web.get("/calls", show), web.get("/calls/events", events)]
