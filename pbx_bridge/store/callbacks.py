"""Callbacks and follow-ups as people work on them: lists, one with all that was tried, and what is done with it.

What calls say of them is kept by requests_calls.py; what flows ask for comes in through requests.py.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pbx_bridge.calls.call import Outcome
from pbx_bridge.calls.moments import MomentKind
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store import call_body
from pbx_bridge.store.callbacks_rules import CLOSED_AS, Kind
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.requests import callback_id
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, maybe_us, to_us
from pbx_bridge.store.writer import Writer
from pbx_bridge.values import digits
from pbx_bridge.values.hostile import clean

LONGEST = 500  # letters of what a follow-up is for, and of what is said at its end
LATELY = timedelta(days=30)  # bad moments of before count no more
_FIRST, _LAST = -(2**62), 2**62
_MOST_NAME = 64
_MOST_HANDED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackLine:
    """A callback as a list shows it; texts are hostile, times aware UTC.

    Attributes:
        number: E.164, or an extension. customer_code: empty if it is not known who that is.
        queue: of which it was asked; empty of a follow-up. about: as `contract:CODE:NUMBER`; empty: nothing else.
        owner: who is to call; empty: anybody of the queue. made_by: who set it; empty: the caller asked.
        tries: in vain. taken_by: who is calling now; taken_until: then it is free again.
    """

    id: str
    kind: Kind
    number: str
    customer_code: str
    customer_name: str
    tier: str
    queue: str
    about: str
    why: str
    owner: str
    made_by: str
    asked_at: datetime
    wanted_at: datetime
    tries: int
    taken_by: str
    taken_until: datetime | None
    done_at: datetime | None
    done_by: str
    result: str

    def held_by(self, now: datetime) -> str:
        """Who is calling now; empty: nobody."""
        return self.taken_by if self.taken_until is not None and self.taken_until > now else ""

    def is_due(self, now: datetime) -> bool:
        """Whether somebody should call."""
        return self.done_at is None and self.wanted_at <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """Whose callbacks.

    Attributes:
        owner: this person's. pool: also those of nobody in `queues`; None: in any. everybody: all of them.
    """

    owner: str = ""
    pool: bool = False
    queues: Collection[str] | None = None
    everybody: bool = False

    def sees(self, line: CallbackLine) -> bool:
        """Whether it is one of these."""
        if self.everybody or (self.owner and line.owner == self.owner):
            return True
        return self.pool and not line.owner and (self.queues is None or not line.queue or line.queue in self.queues)

    def values(self) -> dict[str, Any]:
        """As the statements want them."""
        queues = "*" if self.queues is None else f",{','.join(sorted(self.queues))},"
        owner = self.owner or "\n"  # nobody is called so
        return {"owner": owner, "pool": int(self.pool), "queues": queues, "everybody": int(self.everybody)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """What went wrong lately with a person: calls that were the third, unhappy surveys, long waits given up."""

    third: int = 0
    unhappy: int = 0
    abandoned: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """A call that was made for it. `agent`: the extension, empty if none spoke; `outcome`: a word of the record."""

    call_id: str
    at: datetime
    agent: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What somebody did: `made`, `taken`, `freed`, `put_off`, `given`, `seen`, `closed`, `opened`."""

    at: datetime
    user: str
    what: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """One that somebody else gave a person, who has done nothing with it since. `by`: who gave it."""

    line: CallbackLine
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFollowUp:
    """Somebody is to be called.

    Attributes:
        origin: the same at each repetition, so that it is set once.
        number: as a person types it. wanted_at: aware. owner: who is to call; empty: whoever comes first.
    """

    origin: str
    number: str
    wanted_at: datetime
    why: str
    by: str
    owner: str = ""
    customer_code: str = ""
    queue: str = ""
    about: str = ""


class Callbacks:
    """The people's side. Every method may raise StoreError; those that change one tell whether it was so."""

    def __init__(self, writer: Writer, reader: Database, clock: Clock = utc_now, region: str = "IR") -> None:
        self._writer, self._reader, self._clock, self._region = writer, reader, clock, region

    async def get(self, name: str) -> CallbackLine | None:
        """One of them."""
        rows = await self._reader.rows(SQL["callback"], id=name)
        return line_of(rows[0]) if rows else None

    async def open(
        self,
        whose: Whose,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        after: tuple[int, str] | None = None,
        limit: int = 50,
    ) -> list[CallbackLine]:
        """Those not done that are wanted in [since, until), the longest wanted first, after a place in that order."""
        return await self._page("page_open_callbacks", whose, since, until, after or (_FIRST, ""), limit)

    async def between(self, whose: Whose, since: datetime, until: datetime, limit: int = 500) -> list[CallbackLine]:
        """Those wanted in [since, until), done or not."""
        return await self._page("page_callbacks_between", whose, since, until, (_FIRST, ""), limit)

    async def done(
        self, whose: Whose, *, after: tuple[int, str] | None = None, limit: int = 50
    ) -> list[CallbackLine]:
        """Those that are over, the last first, after a place in that order."""
        return await self._page("page_done_callbacks", whose, None, None, after or (_LAST, "~"), limit)

    async def of_customer(self, code: str, limit: int = 20) -> list[CallbackLine]:
        """A customer's, the last wanted first."""
        rows = await self._reader.rows(SQL["callback_lines_of_customer"], code=code, limit=limit)
        return [line_of(row) for row in rows]

    async def handed(self, user: str) -> list[Handed]:
        """Those that others gave this person and that they have not taken notice of, the last given first."""
        rows = await self._reader.rows(SQL["callbacks_handed_to"], user_name=user, limit=_MOST_HANDED)
        told = {row[0]: Handed(line=line_of(row[:-2]), by=row[-2], at=from_us(row[-1])) for row in rows}
        return list(told.values())

    async def wrong(self, lines: Iterable[CallbackLine]) -> Mapping[str, Wrong]:
        """What went wrong lately with those who are to be called, by the callback's id."""
        since_us, who = to_us(self._clock() - LATELY), {line.id: _person(line) for line in lines}

        def read(db: Db) -> dict[tuple[str, str], Wrong]:
            return {one: _wrong(db, one, since_us) for one in set(who.values())}

        found = await self._reader.read(read) if who else {}
        return {name: found[one] for name, one in who.items()}

    async def tries(self, name: str) -> list[Try]:
        """The calls that were made for it, the oldest first."""
        rows = await self._reader.rows(SQL["tries_of_callback"], id=name)
        return [Try(call_id=one, at=from_us(at), agent=agent, outcome=outcome) for one, at, agent, outcome in rows]

    async def changes(self, name: str) -> list[Change]:
        """What people did with it, the oldest first."""
        rows = await self._reader.rows(SQL["changes_of_callback"], id=name)
        return [Change(at=from_us(at), user=user, what=what, detail=detail) for at, user, what, detail in rows]

    async def follow_up(self, new: NewFollowUp) -> str:
        """Set one; its id. The same origin sets it once."""
        now = self._clock()
        return await self._writer.submit(lambda tx: set_follow_up(tx.db, new, now, self._region))

    async def take(self, name: str, user: str, lasts: timedelta) -> str:
        """`user` is about to call; who else does, if they may not: empty if they may. None of this id: `?`."""
        now = self._clock()

        def take(db: Db) -> str:
            told = {"id": name, "user_name": user, "at_us": to_us(now), "until_us": to_us(now + lasts)}
            if db.execute(SQL["take_callback"], told).fetchone():
                _note(db, name, user, "taken", "", now)
                return ""
            other = db.execute(SQL["who_calls"], {"id": name, "at_us": to_us(now)}).fetchone()
            return other[0] if other else "?"

        return await self._writer.submit(lambda tx: take(tx.db))

    async def take_for(self, about: str, user: str, lasts: timedelta) -> bool:
        """Whether `user` may call about `callback:ID`, which they have taken then; about anything else they may."""
        kind, _, name = about.partition(":")
        return kind != "callback" or await self.take(name, user, lasts) in ("", "?")

    async def free(self, name: str, user: str) -> bool:
        """They do not call after all."""
        return await self._change("free_callback", name, user, "freed", "")

    async def put_off(self, name: str, user: str, until: datetime, why: str = "") -> bool:
        """Not before then."""
        return await self._change("put_off_callback", name, user, "put_off", why, wanted_at_us=to_us(until))

    async def give(self, name: str, user: str, owner: str) -> bool:
        """To another; empty: to whoever comes first."""
        owner = clean(owner, _MOST_NAME)
        return await self._change("give_callback", name, user, "given", owner, owner=owner)

    async def seen(self, name: str, user: str) -> bool:
        """Its owner has taken notice of it."""
        return await self._change("callback_of_owner", name, user, "seen", "")

    async def close(self, name: str, user: str, by: str, result: str, note: str = "") -> bool:
        """It is over. `by`: their extension or name; `result`: a word of CLOSED_AS. Raises ValueError for another."""
        if result not in CLOSED_AS:
            raise ValueError(f"{result!r} is no result: {', '.join(CLOSED_AS)}")
        told = {"at_us": to_us(self._clock()), "by": clean(by, 40), "result": result}
        return await self._change("close_callback", name, user, "closed", note or "", **told)

    async def open_again(self, name: str, user: str, at: datetime) -> bool:
        """It is not over after all; its tries begin anew."""
        return await self._change("open_callback_again", name, user, "opened", "", wanted_at_us=to_us(at))

    async def _change(self, statement: str, name: str, user: str, what: str, detail: str, **told: Any) -> bool:
        now, values = self._clock(), {"id": name, "user_name": user, **told}

        def change(db: Db) -> bool:
            so = db.execute(SQL[statement], values).fetchone() is not None
            if so:
                _note(db, name, user, what, detail, now)
            return so

        return await self._writer.submit(lambda tx: change(tx.db))

    async def _page(
        self,
        statement: str,
        whose: Whose,
        since: datetime | None,
        until: datetime | None,
        after: tuple[int, str],
        limit: int,
    ) -> list[CallbackLine]:
        first, last = maybe_us(since), maybe_us(until)
        rows = await self._reader.rows(
            SQL[statement],
            from_us=_FIRST if first is None else first,
            until_us=_LAST if last is None else last,
            after_us=after[0],
            after_id=after[1],
            limit=limit,
            **whose.values(),
        )
        return [line_of(row) for row in rows]


def set_follow_up(db: Db, new: NewFollowUp, now: datetime, region: str) -> str:
    """Set one in a transaction that does more; its id. Raises what the database raises."""
    name = callback_id(f"page:{new.origin}")
    values = {
        "id": name,
        "number": call_body.number_key(digits.to_ascii(new.number), region),
        "customer_code": new.customer_code,
        "queue": new.queue,
        "at_us": to_us(now),
        "wanted_at_us": to_us(new.wanted_at),
        "about": clean(new.about, 120),
        "why": clean(new.why, LONGEST),
        "owner": clean(new.owner, _MOST_NAME),
        "user_name": new.by,
    }
    if db.execute(SQL["insert_follow_up"], values).fetchone():
        _note(db, name, new.by, "made", "", now)
    return name


def withdraw(db: Db, name: str, user: str, now: datetime) -> None:
    """What it was set for is undone: it is over, unless it was before. Raises what the database raises."""
    told = {"id": name, "at_us": to_us(now), "by": user, "result": "withdrawn"}
    if db.execute(SQL["close_callback"], told).fetchone():
        _note(db, name, user, "closed", "", now)


def place_of(line: CallbackLine) -> tuple[int, str]:
    """Where a list of open ones goes on behind it; of done ones, its end counts."""
    return to_us(line.done_at or line.wanted_at), line.id


def _note(db: Db, name: str, user: str, what: str, detail: str, now: datetime) -> None:
    told = {"change": secrets.token_hex(8), "id": name, "at_us": to_us(now), "user_name": user, "what": what}
    db.execute(SQL["insert_callback_change"], {**told, "detail": clean(detail, LONGEST)})


def _person(line: CallbackLine) -> tuple[str, str]:
    return ("wrong_of_customer", line.customer_code) if line.customer_code else ("wrong_of_number", line.number)


def _wrong(db: Db, person: tuple[str, str], since_us: int) -> Wrong:
    statement, who = person
    counts = dict.fromkeys(("third", "unhappy", "abandoned"), 0)
    for kind, outcome, count in db.execute(SQL[statement], {"who": who, "since_us": since_us}).fetchall():
        if kind in (MomentKind.THIRD, MomentKind.UNHAPPY):
            counts[kind] += count
        elif kind == MomentKind.LONG_WAIT and outcome == Outcome.ABANDONED_QUEUE:
            counts["abandoned"] += count
    return Wrong(**counts)


def line_of(row: Sequence[Any]) -> CallbackLine:
    """A row of any of the statements."""
    name, kind, number, code, customer, tier, queue, about, why, owner, made_by, *rest = row
    asked_at_us, wanted_at_us, tries, taken_by, taken_until_us, done_at_us, done_by, result = rest
    return CallbackLine(
        id=name,
        kind=Kind(kind),
        number=number,
        customer_code=code,
        customer_name=customer or "",
        tier=tier or "",
        queue=queue,
        about=about,
        why=why,
        owner=owner,
        made_by=made_by,
        asked_at=from_us(asked_at_us),
        wanted_at=from_us(wanted_at_us),
        tries=tries,
        taken_by=taken_by,
        taken_until=None if taken_until_us is None else from_us(taken_until_us),
        done_at=None if done_at_us is None else from_us(done_at_us),
        done_by=done_by,
        result=result,
    )
