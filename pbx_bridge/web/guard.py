"""What every request and answer passes: sign-in, cross-site requests, security headers."""

from __future__ import annotations

import asyncio
from urllib.parse import quote, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from pbx_bridge.errors import StoreError
from pbx_bridge.web import keys, permits, sessions

SIGN_IN = "/sign-in"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_OF_A_FILE = ("X-Content-Type-Options", "Cross-Origin-Resource-Policy")  # the others are about documents
_HEADERS = {
    # No inline script or style, nothing from elsewhere, no frames.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; media-src 'self'; "
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


async def harden(request: web.Request, response: web.StreamResponse) -> None:
    """Put the security headers on every answer; pages about people are not kept in any cache."""
    is_file = request.path.startswith("/static/")
    for name in _OF_A_FILE if is_file else _HEADERS:
        response.headers.setdefault(name, _HEADERS[name])
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
    token = bearer(request)
    account = await _of_token(request, token, needed) if token is not None else await _of_browser(request)
    request[keys.USER] = account
    if needed is not None and not permits.may(account.role, needed):
        raise web.HTTPForbidden
    if _is_stream(request):
        return await _while_signed_in(request, handler)
    return await handler(request)


def bearer(request: web.Request) -> str | None:
    """The token that a program sends; None for a browser."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


async def _of_token(request: web.Request, sent: str, needed: permits.Permission | None) -> permits.Account:
    token = await request.app[keys.TOKENS].check(sent)
    if token is None:
        raise web.HTTPUnauthorized
    # A program reads, but where a handler says otherwise; what belongs to a person's own account is none of its.
    reads = request.method in ("GET", "HEAD") or permits.is_for_programs(request.match_info.handler)
    if not reads or needed is permits.Permission.SIGNED_IN:
        raise web.HTTPForbidden
    return token


async def _of_browser(request: web.Request) -> permits.Account:
    signed_in = await session_of(request, in_use=not _is_stream(request))
    if signed_in is None:
        raise _to_sign_in(request)
    request[keys.SESSION] = signed_in.session
    return signed_in.account


async def session_of(request: web.Request, *, in_use: bool = True) -> sessions.SignedInAs | None:
    """Who is signed in in the browser that asks. Raises StoreError."""
    sent = request.cookies.get(sessions.cookie_name(https=behind_https(request)), "")
    return await request.app[keys.SIGN_INS].check(sent, in_use=in_use)


async def _while_signed_in(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A stream ends with its session or token: it would tell for minutes what its viewer may no longer see."""
    account = request[keys.USER]
    stream = asyncio.ensure_future(handler(request))
    try:
        while not (await asyncio.wait({stream}, timeout=sessions.RECENT_S))[0]:
            if not await _is_still(request, account):
                if request.transport is not None:
                    request.transport.close()
                break
        return await stream
    finally:
        stream.cancel()


async def _is_still(request: web.Request, account: permits.Account) -> bool:
    token = bearer(request)
    try:
        if token is not None:
            return await request.app[keys.TOKENS].check(token) is not None
        now = await session_of(request, in_use=False)
    except StoreError:
        return True
    return now is not None and now.account == account


def _is_stream(request: web.Request) -> bool:
    return "text/event-stream" in request.headers.get("Accept", "")


def check_marks(app: web.Application) -> None:
    """Every route says who may call it. Raises LookupError for one that does not."""
    for route in app.router.routes():
        permits.needed(route.handler)


def _to_sign_in(request: web.Request) -> web.HTTPException:
    # A request from within a page, which a redirect would fill with the sign-in's page.
    within = "HX-Request" in request.headers or _is_stream(request)
    if request.method != "GET" or within:
        return web.HTTPUnauthorized()
    here = str(request.rel_url)
    return web.HTTPSeeOther(SIGN_IN if here == "/" else f"{SIGN_IN}?next={quote(here, safe='/')}")


def safe_next(target: str) -> str:
    """The target if it is a path of ours, else `/`: a link must not send a person elsewhere after sign-in."""
    plain = target.isascii() and target.isprintable() and "\\" not in target
    ours = target.startswith("/") and not target.startswith("//")
    return target if plain and ours and len(target) <= 2000 else "/"


def behind_https(request: web.Request) -> bool:
    """Whether the browser speaks https, to us or to a proxy of the settings before us (see proxies)."""
    return request.secure
