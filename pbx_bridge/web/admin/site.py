"""Accounts and admin as a part of the site: what it needs, and its routes."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web

from pbx_bridge.web import keys, oidc_page
from pbx_bridge.web.admin import account_page, audit_page, memory, ports, retention_page, tokens_page, users_page
from pbx_bridge.web.admin.retention_page import RETENTION, Retention
from pbx_bridge.web.oidc import Oidc
from pbx_bridge.web.sessions import Ends, SignIns, TokenCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountParts:
    """What sign-in and the admin pages are made of.

    Attributes:
        sessions: who is signed in where; `ends`: for how long.
        tokens: what programs read with.
        retention: what is kept how long.
        oidc: the company's own sign-in; None: there is none.
        passwords: whether people may sign in by password; where not, still so until an admin can come in by `oidc`.
    """

    sessions: ports.Sessions = field(default_factory=memory.MemorySessions)
    tokens: ports.Tokens = field(default_factory=memory.MemoryTokens)
    ends: Ends = field(default_factory=Ends)
    retention: Retention = field(default_factory=Retention)
    oidc: Oidc | None = None
    passwords: bool = True


def install(app: web.Application, parts: AccountParts, session_key: bytes) -> None:
    """Put the parts and the routes into a site that knows its users and its clock.

    Raises ValueError for a session key that is not 32 bytes.
    """
    app[keys.OIDC], app[keys.SEALER], app[keys.PASSWORDS] = parts.oidc, oidc_page.sealer(session_key), parts.passwords
    app[keys.SIGN_INS] = SignIns(parts.sessions, app[keys.USERS], app[keys.CLOCK], parts.ends)
    app[keys.TOKENS] = TokenCheck(parts.tokens, app[keys.CLOCK])
    app[RETENTION] = parts.retention
    for page in (oidc_page, users_page, tokens_page, audit_page, retention_page, account_page):
        app.add_routes(page.ROUTES)
