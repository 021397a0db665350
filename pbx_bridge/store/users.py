"""The people who may sign in to the pages. Passwords are kept as argon2id hashes only."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from pbx_bridge.errors import StoreError
from pbx_bridge.store.database import Database
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.writer import Writer

SHORTEST_PASSWORD = 8
_LONGEST_PASSWORD = 1024  # a hostile one must not cost more than a sign-in
_LONGEST_NAME = 64

# OWASP's least memory for argon2id: the daemon stays small while several people sign in.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class Role(enum.StrEnum):
    """What a user may see and do."""

    ADMIN = "admin"
    LEAD = "lead"
    AGENT = "agent"
    READ_ONLY = "read_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Someone who may sign in. `extension` is their phone; empty if they have none."""

    name: str
    role: Role
    extension: str = ""


class Users:
    """The accounts."""

    def __init__(self, writer: Writer, reader: Database) -> None:
        self._writer, self._reader = writer, reader

    async def create(self, name: str, password: str, role: Role | str) -> User:
        """A new user. Raises StoreError for a name that is taken or unfit, or a password too short."""
        user = User(name=_fit_name(name), role=_role(role))
        password_hash = await asyncio.to_thread(_HASHER.hash, _fit_password(password))
        values = {"name": user.name, "role": user.role.value, "password_hash": password_hash}
        made = await self._writer.submit(lambda tx: tx.db.execute(SQL["insert_user"], values).fetchall())
        if not made:
            raise StoreError(f"there is a user {user.name} already")
        return user

    async def verify(self, name: str, password: str) -> User | None:
        """The user, if the password is theirs. An unknown name takes as long as a wrong password."""
        rows = await self._reader.rows(SQL["user"], name=name.strip()[:_LONGEST_NAME])
        password_hash = rows[0][3] if rows else None
        right = await asyncio.to_thread(_matches, password_hash, password)
        return _user_of(rows[0]) if rows and right else None

    async def set_password(self, name: str, password: str) -> None:
        """Give a user a new password. Raises StoreError for an unknown name or a password too short."""
        password_hash = await asyncio.to_thread(_HASHER.hash, _fit_password(password))
        values = {"name": name.strip(), "password_hash": password_hash}
        changed = await self._writer.submit(lambda tx: tx.db.execute(SQL["set_password"], values).fetchall())
        if not changed:
            raise StoreError(f"there is no user {name}")

    async def account(self, name: str) -> User | None:
        """Somebody as they stand now."""
        rows = await self._reader.rows(SQL["user"], name=name)
        return _user_of(rows[0]) if rows else None

    async def list(self) -> list[User]:
        """Every user, by name."""
        return [_user_of(row) for row in await self._reader.rows(SQL["users"])]


def _user_of(row: Sequence[Any]) -> User:
    name, role, extension, *_ = row
    return User(name=name, role=Role(role), extension=extension)


@cache
def _nobody() -> str:
    return _HASHER.hash("nobody's password")


def _matches(password_hash: str | None, password: str) -> bool:
    try:
        _HASHER.verify(password_hash or _nobody(), password[:_LONGEST_PASSWORD])
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False
    return password_hash is not None


def _fit_name(name: str) -> str:
    plain = name.strip()
    if not plain or len(plain) > _LONGEST_NAME or not plain.isprintable():
        raise StoreError(f"a user's name has 1 to {_LONGEST_NAME} letters")
    return plain


def _fit_password(password: str) -> str:
    if not SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
        raise StoreError(f"a password has {SHORTEST_PASSWORD} to {_LONGEST_PASSWORD} letters")
    return password


def _role(role: Role | str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise StoreError(f"{role!r} is no role: admin, lead, agent or read_only") from None
