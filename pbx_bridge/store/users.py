"""The people who may sign in to the pages. Passwords are kept as argon2id hashes only."""

from __future__ import annotations

import asyncio
import enum
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from pbx_bridge.errors import AccountRefused
from pbx_bridge.store.database import Database
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.writer import Writer
from pbx_bridge.values.hostile import clean

SHORTEST_PASSWORD = 8
_LONGEST_PASSWORD = 1024  # a hostile one must not cost more than a sign-in
_LONGEST_NAME = 64
_LONGEST_FULL_NAME = 80
_LONGEST_EXTENSION = 15

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
    """Someone who may sign in, unless they are disabled.

    Attributes:
        name: what they sign in with; never changed.
        extension: their phone; empty if they have none.
        full_name: as people call them; may be empty.
        subject: how an identity provider knows them; empty if none does.
    """

    name: str
    role: Role
    extension: str = ""
    full_name: str = ""
    disabled: bool = False
    subject: str = ""


class Users:
    """The accounts."""

    def __init__(self, writer: Writer, reader: Database) -> None:
        self._writer, self._reader = writer, reader
        self.version = 0  # grows with every change made here: whoever remembers an account looks at it

    async def create(
        self, name: str, password: str, role: Role | str, *, full_name: str = "", extension: str = ""
    ) -> User:
        """A new user. Raises AccountRefused for a name that is taken or unfit, or a password too short."""
        user = User(
            name=_fit_name(name), role=_role(role), full_name=_fit_full(full_name), extension=_fit_ext(extension)
        )
        return await self._insert(user, await asyncio.to_thread(_HASHER.hash, _fit_password(password)))

    async def admit(self, name: str, role: Role, subject: str, *, full_name: str = "") -> User:
        """A new user whom an identity provider vouches for, without a password. Raises AccountRefused."""
        user = User(name=_fit_name(name), role=role, full_name=_fit_full(full_name), subject=subject)
        return await self._insert(user, "")

    async def verify(self, name: str, password: str) -> User | None:
        """The user, if the password is theirs and they are not disabled. An unknown name takes as long as others."""
        rows = await self._row(name.strip()[:_LONGEST_NAME])
        password_hash = (rows[0][-1] or None) if rows else None
        right = await asyncio.to_thread(_matches, password_hash, password)
        user = _user_of(rows[0]) if rows and right else None
        return None if user is None or user.disabled else user

    async def set_password(self, name: str, password: str) -> None:
        """Give a user a new password. Raises AccountRefused for an unknown name or a password too short."""
        password_hash = await asyncio.to_thread(_HASHER.hash, _fit_password(password))
        values = {"name": name.strip(), "password_hash": password_hash}
        changed = await self._writer.submit(lambda tx: tx.db.execute(SQL["set_password"], values).fetchall())
        self.version += 1
        if not changed:
            raise _unknown(name)

    async def change(self, user: User) -> User:
        """Keep a user's role, names, extension and whether they are disabled; what it was before.

        Raises AccountRefused for an unknown name, an unfit value, or when no admin would be left.
        """
        kept = User(
            name=user.name,
            role=_role(user.role),
            full_name=_fit_full(user.full_name),
            extension=_fit_ext(user.extension),
            disabled=user.disabled,
        )
        before = await self._writer.submit(lambda tx: _change(tx, kept))
        self.version += 1
        return before

    async def account(self, name: str) -> User | None:
        """Somebody as they stand now; None also for whoever is disabled."""
        user = await self.get(name)
        return None if user is None or user.disabled else user

    async def get(self, name: str) -> User | None:
        """Somebody, disabled or not."""
        rows = await self._row(name)
        return _user_of(rows[0]) if rows else None

    async def of_subject(self, subject: str) -> User | None:
        """Whom an identity provider knows by this, disabled or not."""
        rows = await self._reader.rows(SQL["user_of_subject"], oidc_subject=subject)
        return _user_of(rows[0]) if rows else None

    async def list(self) -> list[User]:
        """Every user, by name."""
        return [_user_of(row) for row in await self._reader.rows(SQL["users"])]

    async def _row(self, name: str) -> Sequence[Any]:
        # No name of ours holds such letters, and not every engine takes them in a question.
        return await self._reader.rows(SQL["user"], name=name) if name.isprintable() else ()

    async def _insert(self, user: User, password_hash: str) -> User:
        values = {
            "name": user.name,
            "role": user.role.value,
            "password_hash": password_hash,
            "full_name": user.full_name,
            "extension": user.extension,
            "oidc_subject": user.subject or None,
        }
        made = await self._writer.submit(lambda tx: tx.db.execute(SQL["insert_user"], values).fetchall())
        if not made:
            raise AccountRefused("taken", f"there is a user {user.name} already")
        return user


def new_password() -> str:
    """A password that nobody thought of: 96 random bits."""
    return secrets.token_urlsafe(12)


def _change(transaction: Transaction, user: User) -> User:
    db = transaction.db
    rows = db.execute(SQL["user"], {"name": user.name}).fetchall()
    if not rows:
        raise _unknown(user.name)
    values = {
        "name": user.name,
        "role": user.role.value,
        "full_name": user.full_name,
        "extension": user.extension,
        "disabled": int(user.disabled),
    }
    db.execute(SQL["update_user"], values)
    before = _user_of(rows[0])
    was_admin = before.role is Role.ADMIN and not before.disabled
    if was_admin and db.execute(SQL["admins"], {}).fetchone() is None:
        raise AccountRefused("last_admin", f"{user.name} is the last admin: make another first")
    return before


def _unknown(name: str) -> AccountRefused:
    return AccountRefused("unknown", f"there is no user {name}")


def _user_of(row: Sequence[Any]) -> User:
    name, role, extension, full_name, disabled, subject, *_ = row
    return User(
        name=name,
        role=Role(role),
        extension=extension,
        full_name=full_name,
        disabled=bool(disabled),
        subject=subject or "",
    )


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
    # `token:` is how the audit log names programs.
    if not plain or len(plain) > _LONGEST_NAME or not plain.isprintable() or plain.startswith("token:"):
        raise AccountRefused("name", f"a user's name has 1 to {_LONGEST_NAME} letters")
    return plain


def _fit_full(full_name: str) -> str:
    return clean(full_name, _LONGEST_FULL_NAME)


def _fit_ext(extension: str) -> str:
    plain = extension.strip()
    if plain and not (plain.isascii() and plain.isdigit() and len(plain) <= _LONGEST_EXTENSION):
        raise AccountRefused("extension", f"an extension is at most {_LONGEST_EXTENSION} digits")
    return plain


def _fit_password(password: str) -> str:
    if not SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
        raise AccountRefused("password", f"a password has {SHORTEST_PASSWORD} to {_LONGEST_PASSWORD} letters")
    return password


def _role(role: Role | str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise AccountRefused("role", f"{role!r} is no role: admin, lead, agent or read_only") from None
