"""`/admin/tokens`: what programs read the pages' data with."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from pbx_bridge.errors import AccountRefused
from pbx_bridge.store.tokens import Token
from pbx_bridge.store.users import Role
from pbx_bridge.web import keys, pages
from pbx_bridge.web.admin import forms
from pbx_bridge.web.permits import Permission, needs

_ROLES = (Role.READ_ONLY, Role.LEAD, Role.ADMIN)


@needs(Permission.ADMIN)
async def show(request: web.Request) -> web.StreamResponse:
    """GET /admin/tokens."""
    return await _page(request, {})


@needs(Permission.ADMIN)
async def make(request: web.Request) -> web.StreamResponse:
    """POST /admin/tokens: a new one; it stands on the answer's page and nowhere else."""
    fields = await forms.fields_of(request)
    try:
        token, secret = await _make(request, fields)
    except AccountRefused as error:
        return await _page(request, fields, problem=error.key)
    ends = token.ends_at.isoformat(timespec="seconds") if token.ends_at else "-"
    await forms.note(request, "token_made", token.title, f"role={token.role} ends={ends}")
    return await _page(request, {}, made=token, secret=secret)


@needs(Permission.ADMIN)
async def revoke(request: web.Request) -> web.StreamResponse:
    """POST /admin/tokens/revoke: it holds no more, from now on."""
    number = forms.typed(await forms.fields_of(request), "number")
    try:
        title = await request.app[keys.TOKENS].rows.revoke(number)
    except AccountRefused as error:
        return await _page(request, {}, problem=error.key)
    await forms.note(request, "token_revoked", title)
    raise web.HTTPSeeOther("/admin/tokens")


async def _make(request: web.Request, fields: Mapping[str, str]) -> tuple[Token, str]:
    try:
        ends_at = forms.end_of_day(forms.typed(fields, "ends"), request)
    except (ValueError, OverflowError):
        raise AccountRefused("date", "that is no date") from None
    title, role = forms.typed(fields, "title"), forms.role_in(fields)
    return await request.app[keys.TOKENS].rows.make(title, role, request[keys.USER].name, ends_at)


async def _page(
    request: web.Request,
    fields: Mapping[str, str],
    *,
    problem: str = "",
    made: Token | None = None,
    secret: str = "",
) -> web.StreamResponse:
    context = {
        "tokens": await request.app[keys.TOKENS].rows.list(),
        "roles": _ROLES,
        "typed": {name: forms.typed(fields, name) for name in ("title", "role", "ends")},
        "problem": problem,
        "made": made,
        "secret": secret,
    }
    return pages.page(request, "admin/tokens.html", context, status=forms.REFUSED if problem else 200)


ROUTES = [
    web.get("/admin/tokens", show),
    web.post("/admin/tokens", make),
    web.post("/admin/tokens/revoke", revoke),
]
