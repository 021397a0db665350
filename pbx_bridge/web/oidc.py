"""An OpenID Connect provider as we use it: code flow with PKCE, and an ID token that is believed only when everything
about it is right.

    begin ─► browser to the provider ─► callback: state ─► code for token ─► signature, iss, aud, exp, nonce ─► claims
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import msgspec
from joserfc import jwk, jws, jwt
from joserfc.errors import InvalidKeyIdError, JoseError

from pbx_bridge.errors import BridgeError, SettingsError
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store.users import Role
from pbx_bridge.values.loopback import is_loopback

_DISCOVERY = "/.well-known/openid-configuration"
# Signatures with the provider's own key only: never `none`, never HS256, whose key would be our secret.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_SCOPES = ("openid", "profile", "email")
_PUBLIC_KEYS = ("RSA", "EC", "OKP")
_LIMIT_S = 10.0
_LARGEST = 256 * 1024  # bytes of any answer
_KEPT_S = 3600.0  # what the provider says of itself
_REFRESH_S = 10.0  # an unknown key id is looked up anew, but not for everybody who sends one
_LEEWAY_S = 60  # between two clocks
_LONGEST_SUBJECT = 255


class OidcError(BridgeError):
    """Somebody cannot be signed in by the provider.

    Args:
        key: which words the page has for it: `provider`, `refused`, `stale`, `not_allowed`, `disabled`, `taken`.
        reason: one sentence for the log, without secrets.
    """

    def __init__(self, key: str, reason: str) -> None:
        self.key = key
        super().__init__(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """How sign-in by a provider is set up.

    Attributes:
        issuer: the provider's address; https, or loopback.
        client_id, client_secret: what the provider knows us by.
        redirect_uri: where it sends browsers back to, exactly: `https://OURS/sign-in/oidc/callback`.
        role_claim: the claim, `a.b` for one within another, whose values `roles` turns into roles; empty: none.
        roles: role by value of that claim; the first of ADMIN, LEAD, AGENT, READ_ONLY that is among them counts.
        default_role: of those whom no value gives one; None: they may not come in.
        name_claim: what their user name is made of.

    Raises:
        SettingsError: an address is neither https nor loopback.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    role_claim: str = ""
    roles: Mapping[str, Role] = field(default_factory=dict)
    default_role: Role | None = None
    name_claim: str = "preferred_username"

    def __post_init__(self) -> None:
        for name, url in (("issuer", self.issuer), ("redirect_uri", self.redirect_uri)):
            if not is_safe(url):
                raise SettingsError(f"setting web.oidc.{name}: {url!r} is not https://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What a browser carries, encrypted, while it is at the provider."""

    state: str
    nonce: str
    verifier: str
    next: str

    @classmethod
    def new(cls, target: str) -> Attempt:
        """A new one, with secrets that nobody can guess."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state=state, nonce=nonce, verifier=verifier, next=target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whom the provider vouches for. `role`: None if nothing it says gives one."""

    subject: str
    name: str
    full_name: str
    role: Role | None


class _Provider(msgspec.Struct, frozen=True):
    """What the provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Answer(msgspec.Struct, frozen=True):
    """What it gives for a code."""

    id_token: str


class Oidc:
    """One provider. What it says of itself and its keys are remembered for an hour."""

    def __init__(self, settings: OidcSettings, clock: Clock = utc_now) -> None:
        self.settings, self._clock = settings, clock
        self._provider: _Provider | None = None
        self._keys: jwk.KeySet | None = None
        self._asked, self._keys_asked = -_KEPT_S, -_KEPT_S
        self._asking = asyncio.Lock()

    async def begin(self, attempt: Attempt) -> str:
        """Where to send the browser. Raises OidcError."""
        provider = await self._known()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest()).rstrip(b"=")
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect_uri,
            "scope": " ".join(_SCOPES),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }
        mark = "&" if urlsplit(provider.authorization_endpoint).query else "?"
        return f"{provider.authorization_endpoint}{mark}{urlencode(asked)}"

    async def finish(self, attempt: Attempt, told: Mapping[str, str]) -> Person:
        """Who came back, from the query of the callback. Raises OidcError."""
        if not secrets.compare_digest(told.get("state", "").encode(), attempt.state.encode()):
            raise OidcError("stale", "the state is not that of this browser")
        if told.get("iss", self.settings.issuer) != self.settings.issuer:  # RFC 9207
            raise OidcError("provider", "the answer is of another issuer")
        if "error" in told or not told.get("code"):
            raise OidcError("refused", "the provider gave no code")
        provider = await self._known()
        claims = await self._believed(await self._exchange(provider, told["code"], attempt.verifier))
        if not secrets.compare_digest(str(claims.get("nonce", "")).encode(), attempt.nonce.encode()):
            raise OidcError("provider", "the ID token is of another sign-in: its nonce differs")
        return self._person(claims)

    async def _known(self) -> _Provider:
        async with self._asking:
            if self._provider is None or time.monotonic() - self._asked > _KEPT_S:
                found = await self._get(self.settings.issuer.rstrip("/") + _DISCOVERY, _Provider)
                if found.issuer != self.settings.issuer:
                    raise OidcError("provider", "it says that it is another issuer")
                for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
                    if not is_safe(url):
                        raise OidcError("provider", "it names an address that is not https")
                self._provider, self._asked = found, time.monotonic()
            return self._provider

    async def _exchange(self, provider: _Provider, code: str, verifier: str) -> str:
        ours = self.settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": ours.redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        if "client_secret_basic" in provider.token_endpoint_auth_methods_supported:
            # RFC 6749, 2.3.1: each part form-encoded first.
            pair = ":".join(urlencode({"": part})[1:] for part in (ours.client_id, ours.client_secret))
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": ours.client_id, "client_secret": ours.client_secret}
        async with _session() as session:
            body = await _read(session.post(provider.token_endpoint, data=form, headers=headers, **_PLAIN))
        answer: _Answer = _decode(body, _Answer)
        return answer.id_token

    async def _believed(self, token: str) -> Mapping[str, Any]:
        try:
            try:
                claims = _verified(token, await self._key_set())
            except InvalidKeyIdError:
                claims = _verified(token, await self._key_set(anew=True))
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise OidcError(
                "provider", f"the ID token is not signed as it must be: {type(error).__name__}"
            ) from error
        self._check(claims)
        return claims

    def _check(self, claims: Mapping[str, Any]) -> None:
        now = self._clock().timestamp()
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        ours = self.settings.client_id
        if claims.get("iss") != self.settings.issuer:
            raise OidcError("provider", "the ID token is of another issuer")
        if ours not in audiences or claims.get("azp", ours) != ours or (len(audiences) > 1 and "azp" not in claims):
            raise OidcError("provider", "the ID token is for somebody else")
        if not _number(claims.get("exp")) or claims["exp"] <= now - _LEEWAY_S:
            raise OidcError("provider", "the ID token is over")
        if (
            not _number(claims.get("iat"))
            or claims["iat"] > now + _LEEWAY_S
            or claims.get("nbf", 0) > now + _LEEWAY_S
        ):
            raise OidcError("provider", "the ID token is of a time to come")
        if not isinstance(claims.get("sub"), str) or not 0 < len(claims["sub"]) <= _LONGEST_SUBJECT:
            raise OidcError("provider", "the ID token says not whose it is")

    async def _key_set(self, *, anew: bool = False) -> jwk.KeySet:
        provider = await self._known()
        async with self._asking:
            age = time.monotonic() - self._keys_asked
            if self._keys is None or age > _KEPT_S or (anew and age > _REFRESH_S):
                told = await self._get(provider.jwks_uri, dict[str, Any])
                self._keys, self._keys_asked = _public(told), time.monotonic()
            return self._keys

    async def _get(self, url: str, kind: Any) -> Any:
        async with _session() as session:
            return _decode(await _read(session.get(url, **_PLAIN)), kind)

    def _person(self, claims: Mapping[str, Any]) -> Person:
        names = (claims.get(self.settings.name_claim), claims.get("email"), claims["sub"])
        return Person(
            subject=f"{self.settings.issuer}|{claims['sub']}",
            name=next(name for name in names if isinstance(name, str) and name.strip()),
            full_name=str(claims.get("name") or ""),
            role=self._role(claims),
        )

    def _role(self, claims: Mapping[str, Any]) -> Role | None:
        found: Any = claims
        for part in self.settings.role_claim.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        values = found if isinstance(found, list) else [found]
        given = {
            self.settings.roles[value] for value in values if isinstance(value, str) and value in self.settings.roles
        }
        return next((role for role in Role if role in given), None)


def is_safe(url: str) -> bool:
    """Whether an address is https, or on this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return True
    return parts.scheme == "http" and is_loopback(parts.hostname or "")


# A redirect would carry our secret or believe another host's keys.
_PLAIN: Mapping[str, Any] = {"allow_redirects": False}


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_LIMIT_S), cookie_jar=aiohttp.DummyCookieJar())


async def _read(asked: Any) -> bytes:
    try:
        async with asked as answer:
            body: bytes = await answer.content.read(_LARGEST + 1)
            while len(body) <= _LARGEST and (more := await answer.content.read(_LARGEST + 1)):
                body += more
            status: int = answer.status
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise OidcError("provider", f"it cannot be reached: {type(error).__name__}") from error
    if status != 200 or len(body) > _LARGEST:
        raise OidcError("provider", f"it answered with status {status} and {len(body)} bytes")
    return body


def _decode(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (ValueError, RecursionError) as error:
        raise OidcError("provider", f"its answer cannot be read: {error}") from error


def _public(told: Mapping[str, Any]) -> jwk.KeySet:
    found = told.get("keys")
    keys = [key for key in found if _is_public(key)] if isinstance(found, list) else []
    try:
        return jwk.KeySet.import_key_set({"keys": keys})
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise OidcError("provider", f"its keys cannot be read: {type(error).__name__}") from error


def _is_public(key: Any) -> bool:
    return isinstance(key, dict) and key.get("kty") in _PUBLIC_KEYS and key.get("use", "sig") == "sig"


def _verified(token: str, keys: jwk.KeySet) -> Mapping[str, Any]:
    return jwt.decode(token, keys, algorithms=_ALGORITHMS, registry=jws.JWSRegistry(algorithms=_ALGORITHMS)).claims


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
