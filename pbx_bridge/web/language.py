"""Which language a person sees: the one they chose, else the one their browser asks for, else Persian."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from pbx_bridge.web.guard import behind_https, safe_next
from pbx_bridge.web.show import Language

COOKIE = "pbx_bridge_language"
PARAMETER = "language"
_YEAR_S = 365 * 86400
_KNOWN = frozenset(language.value for language in Language)


def of(request: web.Request) -> Language:
    """The language of this request's page."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in _KNOWN:
        return Language(chosen)
    return asked(request.headers.get("Accept-Language", ""))


def asked(header: str) -> Language:
    """The language of ours an Accept-Language header likes best; Persian when it names none."""
    best, best_weight = Language.FA, 0.0
    for part in header.split(",")[:20]:
        name, _, parameter = part.strip().partition(";")
        primary = name.strip().partition("-")[0].lower()
        weight = _weight(parameter)
        if primary in _KNOWN and weight > best_weight:
            best, best_weight = Language(primary), weight
    return best


def _weight(parameter: str) -> float:
    key, _, value = parameter.strip().partition("=")
    if key.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


@web.middleware
async def switch(request: web.Request, handler: Handler) -> web.StreamResponse:
    """`?language=fa` on any page: remember the choice and show the same page in it."""
    chosen = request.query.get(PARAMETER, "")
    if request.method != "GET" or chosen not in _KNOWN:
        return await handler(request)
    rest = request.rel_url.without_query_params(PARAMETER)
    response = web.Response(status=303, headers={"Location": safe_next(str(rest)), "Cache-Control": "no-store"})
    response.set_cookie(
        COOKIE, chosen, max_age=_YEAR_S, httponly=True, samesite="Lax", secure=behind_https(request), path="/"
    )
    return response
