"""Digest sign-in as a phone does it (RFC 2617 as RFC 3261 uses it): MD5, qop auth or none. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from pbx_bridge.pbx.phone import message
from pbx_bridge.pbx.phone.message import Headers, Response

_PAIR = re.compile(r'([A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What a server asked in WWW-Authenticate or Proxy-Authenticate."""

    realm: str
    nonce: str
    opaque: str = ""
    qop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A user and their password; never shown by repr."""

    user: str
    password: str = field(repr=False)


def parse_challenge(value: str) -> Challenge | None:
    """The challenge in a header value; None if it is not one we can answer."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        return None
    told = {name.lower(): quoted or plain for name, quoted, plain in _PAIR.findall(rest)}
    if "nonce" not in told or told.get("algorithm", "MD5").upper() != "MD5":
        return None
    offered = [word.strip().lower() for word in told.get("qop", "").split(",")]
    return Challenge(
        realm=told.get("realm", ""), nonce=told["nonce"], opaque=told.get("opaque", ""), qop="auth" in offered
    )


def answer(challenge: Challenge, credentials: Credentials, *, method: str, uri: str, cnonce: str) -> str:
    """The Authorization value for one request."""
    secret = _md5(f"{credentials.user}:{challenge.realm}:{credentials.password}")
    asked = _md5(f"{method}:{uri}")
    middle = f"{challenge.nonce}:00000001:{cnonce}:auth" if challenge.qop else challenge.nonce
    parts = [
        f'username="{credentials.user}"',
        f'realm="{challenge.realm}"',
        f'nonce="{challenge.nonce}"',
        f'uri="{uri}"',
        f'response="{_md5(f"{secret}:{middle}:{asked}")}"',
        "algorithm=MD5",
    ]
    if challenge.qop:
        parts += ["qop=auth", "nc=00000001", f'cnonce="{cnonce}"']
    if challenge.opaque:
        parts.append(f'opaque="{challenge.opaque}"')
    return "Digest " + ", ".join(parts)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def sign(response: Response, credentials: Credentials, *, method: str, uri: str, cnonce: str) -> Headers | None:
    """The header that answers a 401 or 407; None if its challenge is beyond us. `cnonce` is ours, used once."""
    asked, told = ("WWW-Authenticate", "Authorization")
    if response.status == 407:
        asked, told = ("Proxy-Authenticate", "Proxy-Authorization")
    for value in message.all_headers(response, asked):
        challenge = parse_challenge(value)
        if challenge is not None:
            return ((told, answer(challenge, credentials, method=method, uri=uri, cnonce=cnonce)),)
    return None
