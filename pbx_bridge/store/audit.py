"""The audit log: who signed in, heard, exported, noted or changed what, when and from where. Never changed, only
dropped when its time is up.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store.database import Database
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, to_us
from pbx_bridge.store.writer import Writer
from pbx_bridge.values.hostile import clean

_LAST = 2**63 - 1
_CHUNK = 500
_TRIMMED = 500  # rows of one small transaction


class Named(Protocol):
    """Who did it."""

    @property
    def name(self) -> str:
        """What they sign in with, or a token's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the log.

    Attributes:
        number: grows with each line.
        at: when, aware UTC.
        user: who.
        what: a word, as `heard`, `exported`, `signed_in`.
        about: what it was done to: a call's id, a user, a report; empty if there is nothing more to say.
        detail: more of it, for people.
        address: the network address it came from; empty for a command.
    """

    number: int
    at: datetime
    user: str
    what: str
    about: str
    detail: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which lines are meant: empty says any; begun in [start, end)."""

    user: str = ""
    what: str = ""
    about: str = ""
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditKey:
    """A place in the log, newest first."""

    at_us: int
    number: int

    @classmethod
    def of(cls, entry: Entry) -> AuditKey:
        """Where an entry stands."""
        return cls(at_us=to_us(entry.at), number=entry.number)


_NEWEST = AuditKey(at_us=_LAST, number=_LAST)


class AuditLog:
    """The log in the store. `keep`: so long each entry stays; 0: for ever."""

    def __init__(
        self, writer: Writer, reader: Database, clock: Clock = utc_now, keep: timedelta = timedelta(0)
    ) -> None:
        self.keep = keep
        self._writer, self._reader, self._clock = writer, reader, clock

    def note(self, account: Named, what: str, about: str, detail: str = "", address: str = "") -> Awaitable[None]:
        """Write a line. It is on its way when this returns, and on disk when the answer has been awaited.

        Await it before what it tells of is handed out: then nothing is heard or exported without a line. Raises
        StoreError from the await.
        """
        values = _values(account.name, what, about, detail, address, self._clock())
        return self._writer.put(lambda tx: _done(tx.db.execute(SQL["insert_audit"], values)), hurried=True)

    async def page(self, sought: Sought, before: AuditKey | None = None, limit: int = 50) -> Sequence[Entry]:
        """Entries newest first, those older than the key. Raises StoreError."""
        key = before or _NEWEST
        end_us = to_us(sought.end) if sought.end else _LAST
        rows = await self._reader.rows(
            SQL[_statement(sought)],
            user_name=sought.user,
            what=sought.what,
            about=sought.about,
            start_us=to_us(sought.start) if sought.start else -_LAST,
            until_us=min(end_us - 1, key.at_us),  # one bound for both: with two the planner looks through too much
            before_us=key.at_us,
            before_id=key.number,
            limit=limit,
        )
        return [_entry(row) for row in rows]

    async def all(self, sought: Sought) -> AsyncIterator[Sequence[Entry]]:
        """Every entry meant, newest first, in chunks. Raises StoreError."""
        key: AuditKey | None = None
        while chunk := await self.page(sought, key, _CHUNK):
            yield chunk
            key = AuditKey.of(chunk[-1])

    async def trim(self) -> int:
        """Drop the oldest of the entries whose time is up, at most some hundred; how many. Raises StoreError."""
        if not self.keep:
            return 0
        values = {"before_us": to_us(self._clock() - self.keep), "limit": _TRIMMED}
        if not await self._reader.rows(SQL["audit_before"], before_us=values["before_us"]):
            return 0
        return await self._writer.submit(lambda tx: tx.db.execute(SQL["trim_audit"], values).rowcount)


def _statement(sought: Sought) -> str:
    # The index that leaves least to look through: what is told of one thing, then of one person, then of a kind.
    if sought.about:
        return "page_audit_about"
    if sought.user:
        return "page_audit_user_what" if sought.what else "page_audit_user"
    return "page_audit_what" if sought.what else "page_audit"


def _values(user: str, what: str, about: str, detail: str, address: str, at: datetime) -> dict[str, Any]:
    return {
        "at_us": to_us(at),
        "user_name": clean(user, 80),
        "what": clean(what, 40),
        "about": clean(about, 200),
        "detail": clean(detail, 500),
        "address": clean(address, 64),
    }


def _done(_: object) -> None:
    """Nothing to tell but that it is done."""


def _entry(row: Sequence[Any]) -> Entry:
    number, at_us, user, what, about, detail, address = row
    return Entry(number=number, at=from_us(at_us), user=user, what=what, about=about, detail=detail, address=address)
