"""`/admin/users` and `/admin/user`: who may sign in, with which role, and from which phone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from aiohttp import web

from pbx_bridge.errors import AccountRefused
from pbx_bridge.store.users import Role, User, new_password
from pbx_bridge.web import keys, pages
from pbx_bridge.web.admin import forms
from pbx_bridge.web.admin.browsers import browser_of
from pbx_bridge.web.permits import Permission, needs

_LIST, _ONE = "/admin/users", "/admin/user"


@needs(Permission.ADMIN)
async def home(_request: web.Request) -> web.StreamResponse:
    """GET /admin."""
    raise web.HTTPSeeOther(_LIST)


@needs(Permission.ADMIN)
async def show(request: web.Request) -> web.StreamResponse:
    """GET /admin/users."""
    return await _list(request, {})


@needs(Permission.ADMIN)
async def create(request: web.Request) -> web.StreamResponse:
    """POST /admin/users: a new user; their password stands on the answer's page and nowhere else."""
    fields = await forms.fields_of(request)
    names = {"full_name": forms.typed(fields, "full_name"), "extension": forms.typed(fields, "extension")}
    password = new_password()
    try:
        role = forms.role_in(fields)
        user = await request.app[keys.USERS].create(forms.typed(fields, "name"), password, role, **names)
    except AccountRefused as error:
        return await _list(request, fields, problem=error.key)
    await forms.note(request, "user_made", user.name, _told(user))
    return await _one(request, user, made=True, secret=password)


@needs(Permission.ADMIN)
async def show_one(request: web.Request) -> web.StreamResponse:
    """GET /admin/user?name=…"""
    return await _one(request, await forms.known_user(request, request.query.get("name", "")))


@needs(Permission.ADMIN)
async def change(request: web.Request) -> web.StreamResponse:
    """POST /admin/user: role, names, extension, and whether they may sign in."""
    fields = await forms.fields_of(request)
    known = await forms.known_user(request, fields.get("name", ""))
    try:
        wanted = _wanted(known, fields)
        before = await request.app[keys.USERS].change(wanted)
    except AccountRefused as error:
        return await _one(request, known, problem=error.key)
    if wanted.disabled:
        await request.app[keys.SIGN_INS].rows.end_all(known.name)
    now = await forms.known_user(request, known.name)
    await forms.note(request, "user_changed", known.name, _difference(before, now))
    return await _one(request, now, saved=True)


@needs(Permission.ADMIN)
async def give_password(request: web.Request) -> web.StreamResponse:
    """POST /admin/user/password: a new one, shown once; whoever uses the old one is out."""
    user = await forms.known_user(request, (await forms.fields_of(request)).get("name", ""))
    password = new_password()
    await request.app[keys.USERS].set_password(user.name, password)
    await request.app[keys.SIGN_INS].rows.end_all(user.name)
    await forms.note(request, "password_given", user.name)
    return await _one(request, user, secret=password)


@needs(Permission.ADMIN)
async def end_sessions(request: web.Request) -> web.StreamResponse:
    """POST /admin/user/sessions: they are signed out everywhere."""
    user = await forms.known_user(request, (await forms.fields_of(request)).get("name", ""))
    ended = await request.app[keys.SIGN_INS].rows.end_all(user.name)
    await forms.note(request, "sessions_ended", user.name, str(ended))
    if user.name == request[keys.USER].name:
        raise web.HTTPSeeOther("/sign-in")
    return await _one(request, user, saved=True)


def _wanted(known: User, fields: Mapping[str, str]) -> User:
    return replace(
        known,
        role=forms.role_in(fields),
        full_name=forms.typed(fields, "full_name"),
        extension=forms.typed(fields, "extension"),
        disabled="disabled" in fields,
    )


def _told(user: User) -> str:
    return f"role={user.role} extension={user.extension or '-'}"


def _difference(before: User, now: User) -> str:
    pairs = {
        "role": (before.role.value, now.role.value),
        "extension": (before.extension, now.extension),
        "full_name": (before.full_name, now.full_name),
        "disabled": (str(before.disabled), str(now.disabled)),
    }
    return "; ".join(f"{name}: {old or '-'} > {new or '-'}" for name, (old, new) in pairs.items() if old != new)


async def _list(request: web.Request, fields: Mapping[str, str], problem: str = "") -> web.StreamResponse:
    context = {
        "users": await request.app[keys.USERS].list(),
        "roles": list(Role),
        "typed": {name: forms.typed(fields, name) for name in ("name", "full_name", "extension", "role")},
        "problem": problem,
    }
    return pages.page(request, "admin/users.html", context, status=forms.REFUSED if problem else 200)


async def _one(
    request: web.Request, user: User, *, problem: str = "", secret: str = "", made: bool = False, saved: bool = False
) -> web.StreamResponse:
    context = {
        "user": user,
        "roles": list(Role),
        "sessions": await request.app[keys.SIGN_INS].standing(user.name),
        "browser_of": browser_of,
        "problem": problem,
        "secret": secret,
        "made": made,
        "saved": saved,
        "is_me": user.name == request[keys.USER].name,
    }
    return pages.page(request, "admin/user.html", context, status=forms.REFUSED if problem else 200)


ROUTES = [
    web.get("/admin", home),
    web.get(_LIST, show),
    web.post(_LIST, create),
    web.get(_ONE, show_one),
    web.post(_ONE, change),
    web.post(f"{_ONE}/password", give_password),
    web.post(f"{_ONE}/sessions", end_sessions),
]
