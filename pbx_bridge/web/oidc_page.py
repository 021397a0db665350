"""`/sign-in/oidc` and its callback: the company's own sign-in, and whom of it we let in."""

from __future__ import annotations

import base64
from dataclasses import replace

import msgspec
import structlog
from aiohttp import web
from cryptography.fernet import Fernet, InvalidToken

from pbx_bridge.errors import AccountRefused
from pbx_bridge.store.users import Role, User
from pbx_bridge.values.hostile import clean
from pbx_bridge.web import guard, keys, sign_in
from pbx_bridge.web.oidc import Attempt, Oidc, OidcError, Person
from pbx_bridge.web.permits import open_to_all

_START, _BACK = "/sign-in/oidc", "/sign-in/oidc/callback"
_COOKIE = "pbx_bridge_oidc"
_AWAY_S = 600  # seconds that somebody may take at the provider
_LONGEST = 4096

_log = structlog.get_logger(__name__)


def sealer(session_key: bytes) -> Fernet:
    """What encrypts an attempt for the browser. Raises ValueError for a key that is not 32 bytes."""
    return Fernet(base64.urlsafe_b64encode(session_key))


@open_to_all
async def start(request: web.Request) -> web.StreamResponse:
    """GET /sign-in/oidc: to the provider."""
    target = guard.safe_next(request.query.get("next", "/"))
    attempt = Attempt.new(target)
    try:
        address = await _provider(request).begin(attempt)
    except OidcError as error:
        return await _told(request, error, target)
    response = web.HTTPSeeOther(address)
    sealed = request.app[keys.SEALER].encrypt(msgspec.json.encode(attempt)).decode()
    https = guard.behind_https(request)
    # Lax, not Strict: the provider's redirect must bring it back.
    response.set_cookie(_name(https), sealed, max_age=_AWAY_S, httponly=True, samesite="Lax", secure=https, path="/")
    raise response


@open_to_all
async def back(request: web.Request) -> web.StreamResponse:
    """GET /sign-in/oidc/callback: from the provider."""
    provider, attempt = _provider(request), _attempt(request)
    try:
        if attempt is None:
            raise OidcError("stale", "this browser began no sign-in, or too long ago")
        person = await provider.finish(attempt, request.query)
        user = await _admitted(request, provider, person)
    except OidcError as error:
        return await _told(request, error, attempt.next if attempt else "/")
    response = await sign_in.begin(request, user, attempt.next, "oidc")
    _forget(request, response)
    raise response


async def _admitted(request: web.Request, provider: Oidc, person: Person) -> User:
    users = request.app[keys.USERS]
    known = await users.of_subject(person.subject)
    if known is not None and known.disabled:
        raise OidcError("disabled", f"the user {known.name} is disabled")
    settings = provider.settings
    if known is not None and not settings.role_claim:
        return known  # their role is what an admin says
    role = person.role or settings.default_role
    if role is None:
        raise OidcError("not_allowed", "no claim of theirs gives a role")
    return await _made(request, person, role) if known is None else await _updated(request, known, role)


async def _made(request: web.Request, person: Person, role: Role) -> User:
    # Never joined to an account of the same name: whoever picks their name at the provider would take it over.
    plain = clean(person.name, 50)
    for name in (plain, f"{plain}@oidc"):
        try:
            user = await request.app[keys.USERS].admit(name, role, person.subject, full_name=person.full_name)
        except AccountRefused:
            continue
        await request.app[keys.AUDIT].note(user, "user_made", user.name, f"role={role} by oidc", request.remote or "")
        return user
    raise OidcError("taken", "their name is taken, or cannot be one")


async def _updated(request: web.Request, known: User, role: Role) -> User:
    if known.role is role:
        return known
    now = replace(known, role=role)
    try:
        await request.app[keys.USERS].change(now)
    except AccountRefused as error:  # the last admin stays one
        _log.warning("oidc_role_not_taken", reason=str(error))
        return known
    detail = f"role: {known.role} > {role} by oidc"
    await request.app[keys.AUDIT].note(known, "user_changed", known.name, detail, request.remote or "")
    return now


def _provider(request: web.Request) -> Oidc:
    provider = request.app[keys.OIDC]
    if provider is None:
        raise web.HTTPNotFound
    return provider


def _attempt(request: web.Request) -> Attempt | None:
    sealed = request.cookies.get(_name(guard.behind_https(request)), "")
    if not sealed or len(sealed) > _LONGEST:
        return None
    try:
        return msgspec.json.decode(request.app[keys.SEALER].decrypt(sealed, ttl=_AWAY_S), type=Attempt)
    except (InvalidToken, msgspec.DecodeError, TypeError, ValueError):
        return None


async def _told(request: web.Request, error: OidcError, target: str) -> web.StreamResponse:
    _log.warning("oidc_sign_in_failed", kind=error.key, reason=str(error))
    response = await sign_in.form(request, target, problem=f"sign_in.oidc.{error.key}")
    _forget(request, response)
    return response


def _forget(request: web.Request, response: web.StreamResponse) -> None:
    https = guard.behind_https(request)
    response.del_cookie(_name(https), path="/", secure=https, httponly=True, samesite="Lax")


def _name(https: bool) -> str:
    return f"__Host-{_COOKIE}" if https else _COOKIE


ROUTES = [web.get(_START, start), web.get(_BACK, back)]
