"""What sign-in and the admin pages need of the store. `memory` has it for tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from pbx_bridge.store.sessions import Session
from pbx_bridge.store.tokens import Token
from pbx_bridge.store.users import Role, User


class Users(Protocol):
    """Who may sign in. Every method raises StoreError; those that change something, AccountRefused too."""

    @property
    def version(self) -> int:
        """Another number whenever an account was changed in this process."""

    async def verify(self, name: str, password: str) -> User | None:
        """The user if the password is theirs and they may sign in."""

    async def account(self, name: str) -> User | None:
        """Somebody who may sign in, as they stand now."""

    async def get(self, name: str) -> User | None:
        """Somebody, disabled or not."""

    async def of_subject(self, subject: str) -> User | None:
        """Whom an identity provider knows by this, disabled or not."""

    async def list(self) -> Sequence[User]:
        """Everybody, by name."""

    async def create(
        self, name: str, password: str, role: Role | str, *, full_name: str = "", extension: str = ""
    ) -> User:
        """A new user."""

    async def admit(self, name: str, role: Role, subject: str, *, full_name: str = "") -> User:
        """A new user whom an identity provider vouches for."""

    async def set_password(self, name: str, password: str) -> None:
        """A new password."""

    async def change(self, user: User) -> User:
        """Keep role, names, extension and whether they are disabled; the user as they were."""


class Sessions(Protocol):
    """Who is signed in where. Every method but `touch` raises StoreError."""

    @property
    def version(self) -> int:
        """Another number whenever a session was ended in this process."""

    async def add(self, session: Session) -> None:
        """Keep a new session."""

    async def find(self, id_hash: str) -> Session | None:
        """One session."""

    async def of(self, user: str) -> Sequence[Session]:
        """Somebody's sessions, the last used first."""

    def touch(self, id_hash: str, seen: datetime) -> None:
        """It is in use."""

    async def end(self, user: str, id_hash: str) -> bool:
        """End one of somebody's own; whether it was there."""

    async def end_all(self, user: str, but: str = "") -> int:
        """End all of somebody's, but one where it is named; how many."""

    async def drop(self, *, began_before: datetime, seen_before: datetime) -> int:
        """Forget what can be used no more; how many."""


class Tokens(Protocol):
    """What programs read with. Every method but `used` raises StoreError."""

    @property
    def version(self) -> int:
        """Another number whenever a token was revoked in this process."""

    async def make(self, title: str, role: Role | str, made_by: str, ends_at: datetime | None) -> tuple[Token, str]:
        """A new token and what its program sends. Raises AccountRefused."""

    async def find(self, secret: str) -> Token | None:
        """The token of what a program sent, whether it holds or not."""

    async def list(self) -> Sequence[Token]:
        """Every token, the newest first."""

    async def revoke(self, number: str) -> str:
        """End a token at once; its name. Raises AccountRefused."""

    def used(self, token: Token) -> None:
        """It was used now."""
