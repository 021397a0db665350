"""Errors as pages, in the viewer's language."""

from __future__ import annotations

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from pbx_bridge.errors import StoreError
from pbx_bridge.web import keys, pages

_log = structlog.get_logger(__name__)
_OWN_WORDS = (401, 403, 404, 500, 503)


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what is raised into a page; log what is our fault."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _problem(request, error.status, allow=error.headers.get("Allow"))
    except StoreError as error:
        _log.error("page_store_failed", reason=str(error))
        return _problem(request, 503)
    except ConnectionError:
        return web.Response(status=503)  # the browser has gone; nobody is left to read this
    except Exception:
        # The route, not the address: numbers are searched for in it.
        _log.exception("page_failed", route=_route(request))
        return _problem(request, 500)


def unknown_call(request: web.Request) -> web.Response:
    """404 for a call that is not on the record."""
    return _page(request, 404, "problem.404", "problem.404_call")


def _problem(request: web.Request, status: int, allow: str | None = None) -> web.Response:
    key = f"problem.{status}" if status in _OWN_WORDS else "problem.500" if status > 499 else "problem.4xx"
    if status == 403 and keys.USER in request:  # signed in, from a page of ours: their role is the reason
        key = "problem.403_role"
    response = _page(request, status, key, f"{key}_lead")
    response.headers["HX-Reswap"] = "none"  # a whole page: notice.js tells its words instead
    if allow:
        response.headers["Allow"] = allow
    return response


def _page(request: web.Request, status: int, title: str, lead: str) -> web.Response:
    return pages.page(request, "problem.html", {"status": status, "title": title, "lead": lead}, status=status)


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else "none"
