"""Sign-in and sign-out: local users, sessions on the server, a brake on guessing."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from urllib.parse import urlencode

import structlog
from aiohttp import web

from pbx_bridge.store.users import Role, User
from pbx_bridge.web import guard, keys, limit, pages, sessions
from pbx_bridge.web.permits import Permission, SignedIn, needs, open_to_all

_TRIES, _SPAN = 5, timedelta(minutes=10)
_TRIES_OF_ADDRESS = 30  # whatever the names: one address must not go through all of them
_MAX_NAME, _MAX_PASSWORD = 64, 1024

_log = structlog.get_logger(__name__)

# A password check takes tens of megabytes and milliseconds by design: one at a time.
_CHECKING = web.AppKey("checking", asyncio.Semaphore)
_ADDRESSES = web.AppKey("addresses", limit.Limiter)


def install(app: web.Application) -> None:
    """Set up the brakes."""
    app[keys.LIMITER] = limit.Limiter(_TRIES, _SPAN)
    app[_ADDRESSES] = limit.Limiter(_TRIES_OF_ADDRESS, _SPAN)
    app[_CHECKING] = asyncio.Semaphore(1)


@open_to_all
async def show(request: web.Request) -> web.StreamResponse:
    """GET /sign-in."""
    target = guard.safe_next(request.query.get("next", "/"))
    if await guard.session_of(request) is not None:
        raise web.HTTPSeeOther(target)
    return await form(request, target)


@open_to_all
async def enter(request: web.Request) -> web.StreamResponse:
    """POST /sign-in."""
    fields = await request.post()
    name, password, target = (_field(fields.get(field)) for field in ("name", "password", "next"))
    name, target = name.strip(), guard.safe_next(target or "/")
    now, address = request.app[keys.CLOCK](), request.remote or ""
    if not await by_password(request):
        return await form(request, target, name, problem="sign_in.no_passwords")
    if minutes := _must_wait(request, address, name, now):
        return await form(request, target, name, minutes=minutes)
    user = await verify(request, name, password)
    if user is None:
        await _failed(request, address, name, now)
        return await form(request, target, name, problem="sign_in.wrong")
    request.app[keys.LIMITER].succeeded((address, name))
    raise await begin(request, user, target)


async def begin(request: web.Request, user: User, target: str, how: str = "password") -> web.HTTPException:
    """Sign somebody in whose right to it is proven; the answer that leads on, to be raised."""
    address = request.remote or ""
    # A new session, never the one the browser came with: nobody can plant theirs.
    sign_ins = request.app[keys.SIGN_INS]
    await sign_ins.soon(_end(request))
    secret = await sign_ins.begin(user.name, address, request.headers.get("User-Agent", ""))
    await sign_ins.soon(_noted(request, user, how, address))
    response = web.HTTPSeeOther(target)
    https = guard.behind_https(request)
    sessions.give(response, secret, https=https, max_age=sign_ins.ends.absolute)
    return response


async def _noted(request: web.Request, user: User, how: str, address: str) -> None:
    await request.app[keys.AUDIT].note(user, "signed_in", "", how, address)


@needs(Permission.SIGNED_IN)
async def leave(request: web.Request) -> web.StreamResponse:
    """POST /sign-out."""
    await _end(request)
    raise gone(request)


def gone(request: web.Request) -> web.HTTPException:
    """To the sign-in, without the cookie."""
    response = web.HTTPSeeOther(guard.SIGN_IN)
    sessions.take_away(response, https=guard.behind_https(request))
    return response


async def _end(request: web.Request) -> None:
    signed_in = await guard.session_of(request, in_use=False)
    if signed_in is not None:
        await request.app[keys.SIGN_INS].rows.end(signed_in.account.name, signed_in.session.id_hash)
        await request.app[keys.AUDIT].note(signed_in.account, "signed_out", "", "", request.remote or "")


async def by_password(request: web.Request) -> bool:
    """Whether people may sign in by password: also against the settings while no admin could come in otherwise."""
    if request.app[keys.PASSWORDS] or request.app[keys.OIDC] is None:
        return True
    users = await request.app[keys.USERS].list()
    return not any(user.role is Role.ADMIN and user.subject and not user.disabled for user in users)


async def verify(request: web.Request, name: str, password: str) -> User | None:
    """The user, if the password is theirs; one check at a time."""
    if not (0 < len(name) <= _MAX_NAME and 0 < len(password) <= _MAX_PASSWORD):
        return None
    async with request.app[_CHECKING]:
        return await request.app[keys.USERS].verify(name, password)


def _must_wait(request: web.Request, address: str, name: str, now: datetime) -> int:
    return max(
        request.app[keys.LIMITER].wait((address, name[:_MAX_NAME]), now),
        request.app[_ADDRESSES].wait((address, ""), now),
    )


async def _failed(request: web.Request, address: str, name: str, now: datetime) -> None:
    # A name that is no user's is kept nowhere: people type passwords into the wrong field.
    _log.warning("sign_in_failed", address=address)
    request.app[keys.LIMITER].failed((address, name[:_MAX_NAME]), now)
    request.app[_ADDRESSES].failed((address, ""), now)
    user = await request.app[keys.USERS].get(name[:_MAX_NAME]) if name else None
    if user is not None:
        nobody = SignedIn(name="", role=user.role)
        noted = request.app[keys.AUDIT].note(nobody, "sign_in_failed", user.name, "", address)
        # Not awaited: how long the answer takes must not tell which names there are.
        asyncio.ensure_future(noted).add_done_callback(_look)


def _look(noted: asyncio.Future[None]) -> None:
    if not noted.cancelled() and (error := noted.exception()) is not None:
        _log.error("audit_not_kept", reason=str(error))


async def form(
    request: web.Request, target: str, name: str = "", *, problem: str = "", minutes: int = 0
) -> web.StreamResponse:
    """The sign-in's page; `problem` is the key of what went wrong."""
    status = 429 if minutes else 401 if problem else 200
    context = {
        "next": target,
        "name": name[:_MAX_NAME],
        "problem": problem,
        "minutes": minutes,
        "by_password": await by_password(request),
        "by_oidc": request.app[keys.OIDC] is not None,
        "onward": urlencode({"next": target}),
    }
    response = pages.page(request, "sign_in.html", context, status=status)
    if minutes:
        response.headers["Retry-After"] = str(minutes * 60)
    return response


def _field(value: object) -> str:
    return value if isinstance(value, str) else ""


ROUTES = [web.get(guard.SIGN_IN, show), web.post(guard.SIGN_IN, enter), web.post("/sign-out", leave)]
