"""API tokens: what a program reads the pages with. Only the hash is kept; the token is shown once, when made."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from pbx_bridge.errors import AccountRefused
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store.database import Database
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, maybe_us, to_us
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.users import Role
from pbx_bridge.store.writer import Writer

log = structlog.get_logger()

PREFIX = "pbxb_"  # by which scanners for leaked secrets, and people, know it
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token. Times are aware UTC; `used_at` is true to a minute.

    An Account, as pages ask who somebody is: its name in the audit log is `token:NAME`.
    """

    number: str
    title: str
    role: Role
    made_by: str
    made_at: datetime
    ends_at: datetime | None = None
    used_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def name(self) -> str:
        """How the audit log names it."""
        return f"token:{self.title}"

    @property
    def extension(self) -> str:
        """No program has a phone."""
        return ""

    def holds(self, now: datetime) -> bool:
        """Whether it may still be used."""
        return self.revoked_at is None and (self.ends_at is None or now < self.ends_at)


class Tokens:
    """The tokens on record."""

    def __init__(self, writer: Writer, reader: Database, clock: Clock = utc_now) -> None:
        self._writer, self._reader, self._clock = writer, reader, clock
        self.version = 0  # grows with every token that was revoked here

    async def make(self, title: str, role: Role | str, made_by: str, ends_at: datetime | None) -> tuple[Token, str]:
        """A new token, and what its program sends: told now and never again.

        Raises AccountRefused for an unfit or taken name, the role of an agent, or an end that is past.
        """
        secret, now = PREFIX + secrets.token_urlsafe(32), self._clock()
        token = Token(
            number=secrets.token_hex(8),
            title=_fit_title(title),
            role=_fit_role(role),
            made_by=made_by,
            made_at=now,
            ends_at=ends_at,
        )
        if not token.holds(now):
            raise AccountRefused("ends", "a token's end lies before us")
        await self._writer.submit(lambda tx: _insert(tx, token, hash_of(secret)))
        return token, secret

    async def find(self, secret: str) -> Token | None:
        """The token of what a program sent, whether it holds or not. Raises StoreError."""
        rows = await self._reader.rows(SQL["token"], token_hash=hash_of(secret))
        return _token(rows[0]) if rows else None

    async def list(self) -> Sequence[Token]:
        """Every token, also those that hold no more, the newest first. Raises StoreError."""
        return [_token(row) for row in await self._reader.rows(SQL["tokens"])]

    async def revoke(self, number: str) -> str:
        """End a token at once; its name. Raises AccountRefused for one that is not there or was revoked before."""
        values = {"id": number, "revoked_at_us": to_us(self._clock())}
        rows = await self._writer.submit(lambda tx: tx.db.execute(SQL["revoke_token"], values).fetchall())
        self.version += 1
        if not rows:
            raise AccountRefused("token", "there is no such token in use")
        return str(rows[0][0])

    def used(self, token: Token) -> None:
        """It was used now. Written soon; a store that refuses costs no answer."""
        values = {"id": token.number, "used_at_us": to_us(self._clock())}
        self._writer.put(lambda tx: tx.db.execute(SQL["use_token"], values).rowcount).add_done_callback(_look)


def hash_of(secret: str) -> str:
    """The hash of a random secret of ours: it needs no salt and no slowness, as nobody can guess 256 bits."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _insert(transaction: Transaction, token: Token, token_hash: str) -> None:
    if transaction.db.execute(SQL["tokens_named"], {"name": token.title}).fetchone() is not None:
        raise AccountRefused("taken", f"there is a token {token.title} already")
    values = {
        "id": token.number,
        "token_hash": token_hash,
        "name": token.title,
        "role": token.role.value,
        "made_by": token.made_by,
        "made_at_us": to_us(token.made_at),
        "ends_at_us": maybe_us(token.ends_at),
    }
    transaction.db.execute(SQL["insert_token"], values)


def _look(written: Any) -> None:
    if not written.cancelled() and (error := written.exception()) is not None:
        log.warning("token_use_not_kept", reason=str(error))


def _token(row: Sequence[Any]) -> Token:
    number, title, role, made_by, made_at_us, ends_at_us, used_at_us, revoked_at_us = row
    return Token(
        number=number,
        title=title,
        role=Role(role),
        made_by=made_by,
        made_at=from_us(made_at_us),
        ends_at=_maybe(ends_at_us),
        used_at=_maybe(used_at_us),
        revoked_at=_maybe(revoked_at_us),
    )


def _maybe(at_us: int | None) -> datetime | None:
    return None if at_us is None else from_us(at_us)


def _fit_title(title: str) -> str:
    plain = title.strip()
    if not plain or len(plain) > _LONGEST_NAME or not plain.isprintable():
        raise AccountRefused("token_name", f"a token's name has 1 to {_LONGEST_NAME} letters")
    return plain


def _fit_role(role: Role | str) -> Role:
    # An agent sees the calls of their own phone, and no program has one.
    if role not in (Role.ADMIN, Role.LEAD, Role.READ_ONLY):
        raise AccountRefused("role", f"{role!r} is no role of a token: admin, lead or read_only")
    return Role(role)
