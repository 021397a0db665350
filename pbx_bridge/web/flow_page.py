"""`/flow`: the flows that callers meet, drawn, with how often each way was taken in a chosen period."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode

from aiohttp import web

from pbx_bridge.web import keys, pages
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.viewer import Viewer

PERIODS = ("1", "7", "30")
"""Days, today being the last of them."""

# The drawing brings its own style and nothing else; it is shown as a picture, in which no program runs.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


@needs(Permission.SEE_FLOW)
async def show(request: web.Request) -> web.Response:
    """GET /flow."""
    days, line = _days(request), _line(request)
    return pages.page(
        request,
        "flow.html",
        {
            "days": days,
            "periods": PERIODS,
            "line": line,
            "lines": request.app[keys.FLOW].lines(),
            "address": _address,
            "picture": _address("/flow.svg", line, days),
        },
    )


@needs(Permission.SEE_FLOW)
async def picture(request: web.Request) -> web.Response:
    """GET /flow.svg: the drawing in the viewer's language."""
    who = pages.viewer(request)
    days = _days(request)
    start = _start(who, int(days)) if days else None
    text = await request.app[keys.FLOW].svg(who.language.value, start, _line(request))
    headers = {"Content-Security-Policy": _POLICY, "Vary": "Cookie, Accept-Encoding"}
    response = web.Response(text=text, content_type="image/svg+xml", headers=headers)
    response.enable_compression()
    return response


def _days(request: web.Request) -> str:
    days = request.query.get("days", "")
    return days if days in PERIODS else ""


def _line(request: web.Request) -> str:
    """The line that was chosen; the main one, if there is no such."""
    line = request.query.get("line", "")
    return line if line in request.app[keys.FLOW].lines() else ""


def _address(path: str, line: str, days: str) -> str:
    asked = urlencode({name: value for name, value in (("line", line), ("days", days)) if value})
    return f"{path}?{asked}" if asked else path


def _start(who: Viewer, days: int) -> datetime:
    """Midnight so many days ago, today counted as one."""
    today = who.show.local(who.now).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days - 1)


ROUTES = [web.get("/flow", show), web.get("/flow.svg", picture)]
