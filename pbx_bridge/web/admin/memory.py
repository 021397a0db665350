"""Accounts, sessions and tokens in memory: for tests, and to show the pages without a store."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from pbx_bridge.errors import AccountRefused
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store.sessions import Session
from pbx_bridge.store.tokens import PREFIX, Token
from pbx_bridge.store.users import Role, User


class MemoryUsers:
    """Accounts with plain passwords; `roles` and `extensions` by name, where they are not a lead without one."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self.passwords = dict(passwords)
        self.roles: dict[str, Role] = {}
        self.extensions: dict[str, str] = {}
        self.disabled: set[str] = set()
        self.subjects: dict[str, str] = {}

    @property
    def version(self) -> int:
        """As ports.Users tells."""
        told = (*self.passwords.items(), *self.roles.items(), *self.extensions.items(), *sorted(self.disabled))
        return hash(told)

    async def verify(self, name: str, password: str) -> User | None:
        """As ports.Users tells."""
        right = bool(password) and self.passwords.get(name) == password
        return await self.account(name) if right else None

    async def account(self, name: str) -> User | None:
        """As ports.Users tells."""
        return None if name in self.disabled else await self.get(name)

    async def get(self, name: str) -> User | None:
        """As ports.Users tells."""
        return self._user(name) if name in self.passwords else None

    async def of_subject(self, subject: str) -> User | None:
        """As ports.Users tells."""
        return next((self._user(name) for name, known in self.subjects.items() if known == subject), None)

    async def list(self) -> Sequence[User]:
        """As ports.Users tells."""
        return [self._user(name) for name in sorted(self.passwords)]

    async def create(
        self, name: str, password: str, role: Role | str, *, full_name: str = "", extension: str = ""
    ) -> User:
        """As ports.Users tells, without full names."""
        if name in self.passwords:
            raise AccountRefused("taken", f"there is a user {name} already")
        self.passwords[name], self.roles[name], self.extensions[name] = password, Role(role), extension
        return self._user(name)

    async def admit(self, name: str, role: Role, subject: str, *, full_name: str = "") -> User:
        """As ports.Users tells."""
        self.subjects[name] = subject
        return await self.create(name, "", role)

    async def set_password(self, name: str, password: str) -> None:
        """As ports.Users tells."""
        self.passwords[name] = password

    async def change(self, user: User) -> User:
        """As ports.Users tells, but for the last admin."""
        before = self._user(user.name)
        self.roles[user.name], self.extensions[user.name] = user.role, user.extension
        (self.disabled.add if user.disabled else self.disabled.discard)(user.name)
        return before

    def _user(self, name: str) -> User:
        return User(
            name=name,
            role=self.roles.get(name, Role.LEAD),
            extension=self.extensions.get(name, ""),
            disabled=name in self.disabled,
            subject=self.subjects.get(name, ""),
        )


class MemorySessions:
    """Sessions that are gone with the process."""

    def __init__(self) -> None:
        self.version = 0
        self.kept: dict[str, Session] = {}

    async def add(self, session: Session) -> None:
        """As ports.Sessions tells."""
        self.kept[session.id_hash] = session

    async def find(self, id_hash: str) -> Session | None:
        """As ports.Sessions tells."""
        return self.kept.get(id_hash)

    async def of(self, user: str) -> Sequence[Session]:
        """As ports.Sessions tells."""
        own = [session for session in self.kept.values() if session.user == user]
        return sorted(own, key=lambda session: session.seen, reverse=True)

    def touch(self, id_hash: str, seen: datetime) -> None:
        """As ports.Sessions tells."""
        if id_hash in self.kept:
            self.kept[id_hash] = replace(self.kept[id_hash], seen=seen)

    async def end(self, user: str, id_hash: str) -> bool:
        """As ports.Sessions tells."""
        return bool(self._keep(lambda session: (session.user, session.id_hash) != (user, id_hash)))

    async def end_all(self, user: str, but: str = "") -> int:
        """As ports.Sessions tells."""
        return self._keep(lambda session: session.user != user or session.id_hash == but)

    async def drop(self, *, began_before: datetime, seen_before: datetime) -> int:
        """As ports.Sessions tells."""
        return self._keep(lambda session: session.began >= began_before and session.seen >= seen_before)

    def _keep(self, stays: Callable[[Session], bool]) -> int:
        before = len(self.kept)
        self.kept = {id_hash: session for id_hash, session in self.kept.items() if stays(session)}
        self.version += 1
        return before - len(self.kept)


class MemoryTokens:
    """Tokens that are gone with the process."""

    def __init__(self, clock: Clock = utc_now) -> None:
        self.version = 0
        self._clock = clock
        self._tokens: dict[str, Token] = {}

    async def make(self, title: str, role: Role | str, made_by: str, ends_at: datetime | None) -> tuple[Token, str]:
        """As ports.Tokens tells."""
        secret, now = PREFIX + secrets.token_urlsafe(32), self._clock()
        number = str(len(self._tokens))
        token = Token(number=number, title=title, role=Role(role), made_by=made_by, made_at=now, ends_at=ends_at)
        self._tokens[secret] = token
        return token, secret

    async def find(self, secret: str) -> Token | None:
        """As ports.Tokens tells."""
        return self._tokens.get(secret)

    async def list(self) -> Sequence[Token]:
        """As ports.Tokens tells."""
        return [*reversed(self._tokens.values())]

    async def revoke(self, number: str) -> str:
        """As ports.Tokens tells."""
        for secret, token in self._tokens.items():
            if token.number == number and token.revoked_at is None:
                self._tokens[secret] = replace(token, revoked_at=self._clock())
                self.version += 1
                return token.title
        raise AccountRefused("token", "there is no such token in use")

    def used(self, token: Token) -> None:
        """As ports.Tokens tells."""
        for secret, kept in self._tokens.items():
            if kept.number == token.number:
                self._tokens[secret] = replace(kept, used_at=self._clock())
