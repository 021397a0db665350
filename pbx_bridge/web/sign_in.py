"""Sign-in and sign-out: local users, an encrypted session cookie, a brake on guessing."""

from __future__ import annotations

import asyncio
import warnings
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import aiohttp_security
import aiohttp_session
import structlog
from aiohttp import web
from aiohttp_session.cookie_storage import EncryptedCookieStorage

from pbx_bridge.web import guard, keys, limit, pages, ports
from pbx_bridge.web.permits import Permission, needs, open_to_all

SESSION_S = 12 * 3600
_COOKIE = "pbx_bridge_session"
_TRIES, _SPAN = 5, timedelta(minutes=10)
_TRIES_OF_ADDRESS = 30  # whatever the names: one address must not go through all of them
_MAX_NAME, _MAX_PASSWORD = 64, 1024

_log = structlog.get_logger(__name__)

# A password check takes tens of megabytes and milliseconds by design: one at a time.
_CHECKING = web.AppKey("checking", asyncio.Semaphore)
_ADDRESSES = web.AppKey("addresses", limit.Limiter)


class _Cookies(EncryptedCookieStorage):
    """The session cookie: Secure behind https, and a damaged one is no session instead of an error."""

    async def load_session(self, request: web.Request) -> aiohttp_session.Session:
        try:
            return await super().load_session(request)
        except ValueError:
            return await self.new_session()

    async def save_session(
        self, request: web.Request, response: web.StreamResponse, session: aiohttp_session.Session
    ) -> None:
        await super().save_session(request, response, session)
        if guard.behind_https(request) and self.cookie_name in response.cookies:
            response.cookies[self.cookie_name]["secure"] = True


class _Policy(aiohttp_security.AbstractAuthorizationPolicy):
    """A session is good as long as its user exists; so far everyone who may sign in may see everything."""

    def __init__(self, users: ports.Users) -> None:
        self._users = users

    async def authorized_userid(self, identity: str) -> str | None:
        return identity if any(user.name == identity for user in await self._users.list()) else None

    async def permits(self, identity: str | None, permission: str | Enum, context: Any = None) -> bool:
        return identity is not None and await self.authorized_userid(identity) is not None


def install(app: web.Application, session_key: bytes) -> None:
    """Set up sessions, policy and brakes. Raises ValueError for a key that is not 32 bytes."""
    # aiohttp-session keeps its session in the request under a plain string, which aiohttp warns about.
    warnings.filterwarnings("ignore", message="It is recommended to use web.RequestKey", category=UserWarning)
    storage = _Cookies(session_key, cookie_name=_COOKIE, max_age=SESSION_S, httponly=True, samesite="Lax")
    aiohttp_session.setup(app, storage)
    aiohttp_security.setup(app, aiohttp_security.SessionIdentityPolicy(), _Policy(app[keys.USERS]))
    app[keys.LIMITER] = limit.Limiter(_TRIES, _SPAN)
    app[_ADDRESSES] = limit.Limiter(_TRIES_OF_ADDRESS, _SPAN)
    app[_CHECKING] = asyncio.Semaphore(1)


@open_to_all
async def show(request: web.Request) -> web.StreamResponse:
    """GET /sign-in."""
    target = guard.safe_next(request.query.get("next", "/"))
    if await aiohttp_security.authorized_userid(request) is not None:
        raise web.HTTPSeeOther(target)
    return _form(request, target)


@open_to_all
async def enter(request: web.Request) -> web.StreamResponse:
    """POST /sign-in."""
    form = await request.post()
    name, password, target = (_field(form.get(field)) for field in ("name", "password", "next"))
    name, target = name.strip(), guard.safe_next(target or "/")
    now, address = request.app[keys.CLOCK](), request.remote or ""
    if minutes := _must_wait(request, address, name, now):
        return _form(request, target, name, minutes=minutes)
    user = await _verify(request, name, password)
    if user is None:
        _failed(request, address, name, now)
        return _form(request, target, name, wrong=True)
    request.app[keys.LIMITER].succeeded((address, name))
    # A new session, never the one the browser came with: nobody can plant theirs.
    await aiohttp_session.new_session(request)
    response = web.HTTPSeeOther(target)
    await aiohttp_security.remember(request, response, user.name)
    raise response


@needs(Permission.SIGNED_IN)
async def leave(request: web.Request) -> web.StreamResponse:
    """POST /sign-out."""
    (await aiohttp_session.get_session(request)).invalidate()
    raise web.HTTPSeeOther(guard.SIGN_IN)


async def _verify(request: web.Request, name: str, password: str) -> ports.User | None:
    if not (0 < len(name) <= _MAX_NAME and 0 < len(password) <= _MAX_PASSWORD):
        return None
    async with request.app[_CHECKING]:
        return await request.app[keys.USERS].verify(name, password)


def _must_wait(request: web.Request, address: str, name: str, now: datetime) -> int:
    return max(
        request.app[keys.LIMITER].wait((address, name[:_MAX_NAME]), now),
        request.app[_ADDRESSES].wait((address, ""), now),
    )


def _failed(request: web.Request, address: str, name: str, now: datetime) -> None:
    # The name is not logged: people type passwords into the wrong field.
    _log.warning("sign_in_failed", address=address)
    request.app[keys.LIMITER].failed((address, name[:_MAX_NAME]), now)
    request.app[_ADDRESSES].failed((address, ""), now)


def _form(
    request: web.Request, target: str, name: str = "", *, wrong: bool = False, minutes: int = 0
) -> web.StreamResponse:
    status = 429 if minutes else 401 if wrong else 200
    context = {"next": target, "name": name[:_MAX_NAME], "wrong": wrong, "minutes": minutes}
    response = pages.page(request, "sign_in.html", context, status=status)
    if minutes:
        response.headers["Retry-After"] = str(minutes * 60)
    return response


def _field(value: object) -> str:
    return value if isinstance(value, str) else ""


ROUTES = [web.get(guard.SIGN_IN, show), web.post(guard.SIGN_IN, enter), web.post("/sign-out", leave)]
