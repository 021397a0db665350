"""`/callbacks`: who is to be called now, the most urgent first; who later; and what is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from pbx_bridge.store.callbacks import CallbackLine, place_of
from pbx_bridge.web import keys, pages
from pbx_bridge.web.callbacks import own
from pbx_bridge.web.callbacks.ports import PARTS
from pbx_bridge.web.callbacks.rows import Row, most_urgent_first, rows_of
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.viewer import Viewer

SHOWN = ("due", "later", "done")
PAGE, MOST_DUE = 50, 200
_INSTANT = timedelta(microseconds=1)


@needs(Permission.HANDLE)
async def show(request: web.Request) -> web.Response:
    """GET /callbacks: `show` is due, later or done; `who` is mine, queues or all."""
    shown = request.query.get("show", "")
    shown = shown if shown in SHOWN else "due"
    lines, more = await _lines(request, shown)
    rows = await rows_for(request, lines)
    who, chosen = pages.viewer(request), own.chosen(request)
    query = {"show": shown, "who": chosen}
    context = {
        "rows": most_urgent_first(rows) if shown == "due" else rows,
        "shown": shown,
        "tabs": tabs(who, shown, chosen),
        "ranges": ranges(request, who, "/callbacks", {"show": shown}),
        "agents": await request.app[keys.AGENTS].names(),
        "too_many": shown == "due" and more,
        "more": _address({**query, "after": _text(lines[-1])}) if more and shown != "due" else "",
        "first": _address(query) if request.query.get("after") else "",
    }
    return pages.page(request, "callbacks/list.html", context)


async def rows_for(request: web.Request, lines: Sequence[CallbackLine]) -> list[Row]:
    """How whoever asks sees them. Raises StoreError."""
    parts = request.app[PARTS]
    return rows_of(lines, await parts.book.wrong(lines), parts.weights, pages.viewer(request))


def tabs(who: Viewer, here: str, chosen: str) -> list[tuple[str, str, bool]]:
    """The lists and the calendar as neighbouring pages."""
    told = [(f"/callbacks?show={one}&who={chosen}", who.t(f"callback.show_{one}"), one == here) for one in SHOWN]
    return [*told, (f"/callbacks/calendar?who={chosen}", who.t("callback.calendar"), here == "calendar")]


def ranges(request: web.Request, who: Viewer, path: str, kept: Mapping[str, str]) -> list[tuple[str, str, bool]]:
    """Whose, as links."""
    chosen = own.chosen(request)
    return [
        (f"{path}?{urlencode({**kept, 'who': one})}", who.t(f"callback.who_{one}"), one == chosen)
        for one in own.choices(request)
    ]


async def _lines(request: web.Request, shown: str) -> tuple[Sequence[CallbackLine], bool]:
    """What is shown, and whether there is more."""
    book, now = request.app[PARTS].book, request.app[keys.CLOCK]()
    whose, after = own.whose(request, own.chosen(request)), _place(request)
    most = MOST_DUE if shown == "due" else PAGE
    lines: Sequence[Any]
    match shown:
        case "due":
            lines = await book.open(whose, until=now + _INSTANT, limit=most + 1)
        case "later":
            lines = await book.open(whose, since=now + _INSTANT, after=after, limit=most + 1)
        case _:
            lines = await book.done(whose, after=after, limit=most + 1)
    return lines[:most], len(lines) > most


def _place(request: web.Request) -> tuple[int, str] | None:
    at, _, name = request.query.get("after", "")[:60].partition(".")
    return (int(at), name) if at.isascii() and at.isdigit() and len(at) < 19 else None


def _text(line: CallbackLine) -> str:
    at, name = place_of(line)
    return f"{at}.{name}"


def _address(query: Mapping[str, str]) -> str:
    return f"/callbacks?{urlencode(query)}"


ROUTES = [web.get("/callbacks", show)]
