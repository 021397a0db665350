"""`/calls`: the history, newest first, and its stream of new revisions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from pbx_bridge.store import CallLine, PageKey
from pbx_bridge.store.lines import line_of
from pbx_bridge.web import filters, keys, pages, streams
from pbx_bridge.web.filters import Filters
from pbx_bridge.web.live import Entry
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.viewer import call_view

PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    rows: Sequence[CallLine]
    newer: bool
    older: bool


@needs(Permission.SEE_CALLS)
async def show(request: web.Request) -> web.Response:
    """GET /calls."""
    search = filters.read(request.query, request.app[keys.ZONE])
    mark = request.app[keys.LIVE].mark  # before reading: what comes meanwhile is told again, never missed
    page = await _read(request, search)
    status = 400 if search.errors else 200
    return pages.page(request, "calls.html", _context(request, search, page, mark), status=status)


async def _read(request: web.Request, search: Filters) -> _Page:
    if search.errors:
        return _Page(rows=(), newer=False, older=False)
    if after := _key(request, "after"):
        rows = await _rows(request, search, after=after)
        if len(rows) > PAGE:
            return _Page(rows=rows[1:], newer=True, older=True)
        # Fewer than a page is newer: the newest page holds them all, and is full.
    elif before := _key(request, "before"):
        rows = await _rows(request, search, before=before)
        return _Page(rows=rows[:PAGE], newer=True, older=len(rows) > PAGE)
    rows = await _rows(request, search)
    return _Page(rows=rows[:PAGE], newer=False, older=len(rows) > PAGE)


def _key(request: web.Request, name: str) -> PageKey | None:
    try:
        return PageKey.parse(request.query.get(name, "")[:100])
    except ValueError:
        return None  # edited by hand: the newest page is the answer


async def _rows(request: web.Request, search: Filters, **where: Any) -> Sequence[CallLine]:
    calls = request.app[keys.CALLS]
    return await calls.lines(number=search.number, start=search.start, end=search.end, limit=PAGE + 1, **where)


def _context(request: web.Request, search: Filters, page: _Page, mark: str) -> Mapping[str, Any]:
    who = pages.viewer(request)
    rows = [call_view(line, who) for line in page.rows]
    typed = {name: text for name, text in search.typed.items() if text}
    older = str(PageKey.of(page.rows[-1])) if page.older else ""
    newer = str(PageKey.of(page.rows[0])) if page.newer and page.rows else ""
    return {
        "search": search,
        "rows": rows,
        "first": not page.newer,
        "older": _address({**typed, "before": older}) if older else "",
        "newer": _address({**typed, "after": newer}) if newer else "",
        "newest": _address(typed),
        "ranges": [(key, _address(fields), fields) for key, fields in filters.ready_ranges(who.show, who.now)],
        "today": who.show.typed_day(who.show.local(who.now).date()),
        "stream": f"/calls/events?{urlencode({**typed, 'mark': mark})}",
        "page_size": PAGE,
    }


def _address(query: Mapping[str, str]) -> str:
    return f"/calls?{urlencode(query)}" if query else "/calls"


@needs(Permission.SEE_CALLS)
async def events(request: web.Request) -> web.StreamResponse:
    """GET /calls/events: each new revision that answers the search, as a row; `stale`: read the page anew."""

    async def write(stream: EventSourceResponse) -> None:
        live = request.app[keys.LIVE]
        search = filters.read(request.query, request.app[keys.ZONE])
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
                if search.matches(entry.row.call, request.app[keys.REGION]):
                    await stream.send(_row(request, entry), event="call", id=mark)
            await live.wait(mark, streams.LOOK_S)

    return await streams.serve(request, write)


def _row(request: web.Request, entry: Entry) -> str:
    who = pages.viewer(request)
    shown = entry.shown.get(who.language)
    if shown is None:
        shown = pages.fragment(request, "_row.html", {"row": call_view(line_of(entry.row), who)})
        entry.shown[who.language] = shown
    return shown


ROUTES = [web.get("/calls", show), web.get("/calls/events", events)]
