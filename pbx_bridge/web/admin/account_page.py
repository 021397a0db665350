"""`/account`: somebody's own account: who they are here, their password, where they are signed in."""

from __future__ import annotations

from typing import cast

from aiohttp import web

from pbx_bridge.errors import AccountRefused
from pbx_bridge.store.users import User
from pbx_bridge.web import guard, keys, pages, sign_in
from pbx_bridge.web.admin import forms
from pbx_bridge.web.admin.browsers import browser_of
from pbx_bridge.web.permits import Permission, needs

_HERE = "/account"


@needs(Permission.SIGNED_IN)
async def show(request: web.Request) -> web.StreamResponse:
    """GET /account."""
    return await _page(request)


@needs(Permission.SIGNED_IN)
async def change_password(request: web.Request) -> web.StreamResponse:
    """POST /account/password: the old one is asked for, guessing it is slowed down; other sessions end."""
    fields, user = await forms.fields_of(request), _me(request)
    now, key = request.app[keys.CLOCK](), (request.remote or "", user.name)
    if request.app[keys.LIMITER].wait(key, now):
        return await _page(request, problem="limited")
    new = fields.get("new", "")
    if new != fields.get("again", ""):
        return await _page(request, problem="again")
    if await sign_in.verify(request, user.name, fields.get("old", "")) is None:
        request.app[keys.LIMITER].failed(key, now)
        return await _page(request, problem="old")
    try:
        await request.app[keys.USERS].set_password(user.name, new)
    except AccountRefused as error:
        return await _page(request, problem=error.key)
    request.app[keys.LIMITER].succeeded(key)
    await request.app[keys.SIGN_INS].rows.end_all(user.name, but=request[keys.SESSION].id_hash)
    await forms.note(request, "password_changed", user.name)
    return await _page(request, done="password")


@needs(Permission.SIGNED_IN)
async def end_one(request: web.Request) -> web.StreamResponse:
    """POST /account/sessions/end: one of one's own."""
    number, user = forms.typed(await forms.fields_of(request), "number"), _me(request)
    if await request.app[keys.SIGN_INS].rows.end(user.name, number):
        await forms.note(request, "sessions_ended", user.name, "1")
    raise sign_in.gone(request) if number == request[keys.SESSION].id_hash else web.HTTPSeeOther(_HERE)


@needs(Permission.SIGNED_IN)
async def end_all(request: web.Request) -> web.StreamResponse:
    """POST /account/sessions/end-all: signed out everywhere, here too."""
    user = _me(request)
    ended = await request.app[keys.SIGN_INS].rows.end_all(user.name)
    await forms.note(request, "sessions_ended", user.name, str(ended))
    raise sign_in.gone(request)


def _me(request: web.Request) -> User:
    # The guard lets no token into pages of one's own account, and whoever signed in is a user.
    return cast(User, request[keys.USER])


async def _page(request: web.Request, *, problem: str = "", done: str = "") -> web.StreamResponse:
    user = _me(request)
    context = {
        "user": user,
        "sessions": await request.app[keys.SIGN_INS].standing(user.name),
        "this": request[keys.SESSION].id_hash,
        "problem": problem,
        "done": done,
        "browser_of": browser_of,
        "https": guard.behind_https(request),
    }
    return pages.page(request, "account/account.html", context, status=forms.REFUSED if problem else 200)


ROUTES = [
    web.get(_HERE, show),
    web.post(f"{_HERE}/password", change_password),
    web.post(f"{_HERE}/sessions/end", end_one),
    web.post(f"{_HERE}/sessions/end-all", end_all),
]
