"""Who the browser or program of a request is, checked against the store at most some seconds ago.

    cookie ─► hash ─► remembered for RECENT_S ─► session and account in the store ─► idle and absolute end

What is remembered is forgotten as soon as an account, session or token is changed in this process; a change by a
command counts after RECENT_S. A store that cannot be read ends nobody's session.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import structlog
from aiohttp import web

from pbx_bridge.errors import StoreError
from pbx_bridge.health import Clock
from pbx_bridge.store.sessions import Session
from pbx_bridge.store.tokens import Token, hash_of
from pbx_bridge.store.users import User
from pbx_bridge.web.admin.ports import Sessions, Tokens, Users

T = TypeVar("T")

_log = structlog.get_logger(__name__)

RECENT_S = 2.0
PATIENCE_S = 3.0  # that a sign-in waits for the store
_REMEMBERED = 4096
_TOUCH = timedelta(minutes=1)  # so often a session in use is written down as such
_LONGEST = 256  # of anything that claims to be an id of ours

_COOKIE = "pbx_bridge_session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """When sessions end: so long after their last use, and so long after sign-in whatever happens."""

    idle: timedelta = timedelta(hours=8)
    absolute: timedelta = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInAs:
    """A session that holds, and whose it is."""

    session: Session
    account: User


@dataclass(slots=True)
class _Remembered(Generic[T]):
    what: T
    version: tuple[int, int]
    looked: float
    used: datetime


class _Memory(Generic[T]):
    """What was looked up lately, at most so many."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Remembered[T]] = OrderedDict()

    def recent(self, key: str, version: tuple[int, int]) -> _Remembered[T] | None:
        """What is known of a key, if nothing was changed since and it is not long ago."""
        known = self._kept.get(key)
        if known is None or known.version != version or time.monotonic() - known.looked > RECENT_S:
            return None
        return known

    def older(self, key: str, version: tuple[int, int]) -> _Remembered[T] | None:
        """The same, however long ago."""
        known = self._kept.get(key)
        return known if known is not None and known.version == version else None

    def keep(self, key: str, what: T, version: tuple[int, int], used: datetime) -> _Remembered[T]:
        """Remember it."""
        before = self._kept.get(key)
        known = _Remembered(what, version, time.monotonic(), max(used, before.used) if before else used)
        self._kept[key] = known
        self._kept.move_to_end(key)
        while len(self._kept) > _REMEMBERED:
            self._kept.popitem(last=False)
        return known

    def forget(self, key: str) -> None:
        """It holds no more."""
        self._kept.pop(key, None)


class SignIns:
    """Begins, checks and ends sessions."""

    def __init__(self, rows: Sessions, users: Users, clock: Clock, ends: Ends | None = None) -> None:
        self.rows, self._users, self._clock, self.ends = rows, users, clock, ends or Ends()
        self._memory: _Memory[SignedInAs] = _Memory()
        self._unwritten: dict[str, Session] = {}
        self._writing: set[asyncio.Task[object]] = set()

    async def begin(self, user: str, address: str, agent: str) -> str:
        """A new session; the id that its browser keeps. Raises StoreError."""
        secret, now = secrets.token_urlsafe(32), self._clock()
        session = Session(id_hash=hash_of(secret), user=user, began=now, seen=now, address=address, agent=agent)
        self._unwritten[session.id_hash] = session
        await self.soon(self._write(session, now))
        return secret

    async def soon(self, write: Coroutine[Any, Any, object]) -> None:
        """Wait some seconds for a write; one that takes longer goes on by itself. Raises StoreError.

        A full disk must not keep people from the page that tells of it.
        """
        task = asyncio.create_task(write)
        self._writing.add(task)
        task.add_done_callback(self._written)
        if (await asyncio.wait({task}, timeout=PATIENCE_S))[0]:
            task.result()

    async def _write(self, session: Session, now: datetime) -> None:
        try:
            await self.rows.drop(began_before=now - self.ends.absolute, seen_before=now - self.ends.idle)
            await self.rows.add(session)
        finally:
            del self._unwritten[session.id_hash]

    def _written(self, task: asyncio.Task[object]) -> None:
        self._writing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("session_not_written", reason=str(error))

    async def check(self, secret: str, *, in_use: bool = True) -> SignedInAs | None:
        """Who holds this id, if the session stands; `in_use` puts its idle end off. Raises StoreError."""
        if not secret or len(secret) > _LONGEST:
            return None
        key, now, version = hash_of(secret), self._clock(), (self.rows.version, self._users.version)
        known = self._memory.recent(key, version) or await self._look_up(key, version)
        if known is None or self._is_over(known, now):
            self._memory.forget(key)
            return None
        if in_use and now - known.used >= _TOUCH:
            known.used = now
            self.rows.touch(key, now)
        return known.what

    async def standing(self, user: str) -> Sequence[Session]:
        """Somebody's sessions that can still be used, the last used first. Raises StoreError."""
        now = self._clock()
        own = await self.rows.of(user)
        return [session for session in own if not self._has_ended(session.began, session.seen, now)]

    async def _look_up(self, key: str, version: tuple[int, int]) -> _Remembered[SignedInAs] | None:
        try:
            session = await self.rows.find(key) or self._unwritten.get(key)
            account = await self._users.account(session.user) if session is not None else None
        except StoreError:
            if (known := self._memory.older(key, version)) is not None:
                return known
            raise
        if session is None or account is None:
            return None
        return self._memory.keep(key, SignedInAs(session=session, account=account), version, session.seen)

    def _is_over(self, known: _Remembered[SignedInAs], now: datetime) -> bool:
        return self._has_ended(known.what.session.began, known.used, now)

    def _has_ended(self, began: datetime, used: datetime, now: datetime) -> bool:
        return now - began >= self.ends.absolute or now - used >= self.ends.idle


class TokenCheck:
    """Who sends a token."""

    def __init__(self, rows: Tokens, clock: Clock) -> None:
        self.rows, self._clock = rows, clock
        self._memory: _Memory[Token] = _Memory()

    async def check(self, secret: str) -> Token | None:
        """The token, if it holds. Raises StoreError."""
        if not secret or len(secret) > _LONGEST:
            return None
        key, now, version = hash_of(secret), self._clock(), (self.rows.version, 0)
        known = self._memory.recent(key, version)
        if known is None:
            token = await self.rows.find(secret)
            if token is None:
                return None
            known = self._memory.keep(key, token, version, token.used_at or token.made_at - _TOUCH)
        if not known.what.holds(now):
            return None
        if now - known.used >= _TOUCH:
            known.used = now
            self.rows.used(known.what)
        return known.what


def cookie_name(*, https: bool) -> str:
    """Behind https a name that browsers take from this very host only, over https only."""
    return f"__Host-{_COOKIE}" if https else _COOKIE


def give(response: web.StreamResponse, secret: str, *, https: bool, max_age: timedelta) -> None:
    """Hand a browser its session's id."""
    seconds = int(max_age.total_seconds())
    name = cookie_name(https=https)
    response.set_cookie(name, secret, max_age=seconds, httponly=True, samesite="Lax", secure=https, path="/")


def take_away(response: web.StreamResponse, *, https: bool) -> None:
    """Have a browser forget its session's id."""
    response.del_cookie(cookie_name(https=https), path="/", secure=https, httponly=True, samesite="Lax")
