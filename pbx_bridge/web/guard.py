"""What every request and answer passes: sign-in, cross-site requests, security headers."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp_security import authorized_userid

from pbx_bridge.web import keys, permits

SIGN_IN = "/sign-in"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_HEADERS = {
    # No inline script or style, nothing from elsewhere, no frames.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with it browsers send `Origin: null` on our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


async def harden(_request: web.Request, response: web.StreamResponse) -> None:
    """Put the security headers on every answer; pages about people are not kept in any cache."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")


@web.middleware
async def refuse_cross_site(request: web.Request, handler: Handler) -> web.StreamResponse:
    """403 for a change that another site's page asks for."""
    if request.method not in _SAFE_METHODS and not _same_site(request):
        raise web.HTTPForbidden
    return await handler(request)


def _same_site(request: web.Request) -> bool:
    fetch = request.headers.get("Sec-Fetch-Site")
    if fetch is not None:
        return fetch in ("same-origin", "none")
    origin = request.headers.get("Origin")
    # Neither header: no browser of this decade, so no cookie that a page elsewhere could make it send.
    return origin is None or urlsplit(origin).netloc == request.host


@web.middleware
async def require_sign_in(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Everything but the sign-in itself, health and style is for those who are signed in and may see it."""
    known = request.match_info.http_exception is None
    needed = permits.needed(request.match_info.handler) if known else None
    if known and needed is None:
        return await handler(request)
    name = await authorized_userid(request)
    account = await request.app[keys.USERS].account(name) if name is not None else None
    if account is None:
        raise _to_sign_in(request)
    request[keys.USER] = account
    if needed is not None and not permits.may(account.role, needed):
        raise web.HTTPForbidden
    return await handler(request)


def check_marks(app: web.Application) -> None:
    """Every route says who may call it. Raises LookupError for one that does not."""
    for route in app.router.routes():
        permits.needed(route.handler)


def _to_sign_in(request: web.Request) -> web.HTTPException:
    if request.method != "GET" or "text/event-stream" in request.headers.get("Accept", ""):
        return web.HTTPUnauthorized()
    here = str(request.rel_url)
    return web.HTTPSeeOther(SIGN_IN if here == "/" else f"{SIGN_IN}?next={quote(here, safe='/')}")


def safe_next(target: str) -> str:
    """The target if it is a path of ours, else `/`: a link must not send a person elsewhere after sign-in."""
    plain = target.isascii() and target.isprintable() and "\\" not in target
    ours = target.startswith("/") and not target.startswith("//")
    return target if plain and ours and len(target) <= 2000 else "/"


def behind_https(request: web.Request) -> bool:
    """Whether the browser speaks https, to us or to the proxy before us.

    The header may be forged, but whoever forges it only keeps their own cookie off plain http.
    """
    return request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"
