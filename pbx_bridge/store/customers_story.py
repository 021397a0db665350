"""What happened with one customer, newest first: calls with their notes and surveys, tickets, complaints, callbacks.

Each source is read from a place on, and the pages are merged; all of them are ordered by moment and id.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pbx_bridge.calls.facets import Kind
from pbx_bridge.store.announce import CallRow
from pbx_bridge.store.call_context import Mine
from pbx_bridge.store.call_notes import Note
from pbx_bridge.store.crm import TicketStatus
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.lines import WHOLE_CALLS, read_row
from pbx_bridge.store.page_key import FIRST, LAST
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, to_us

_WINDOW = 50  # calls read at once where not each is shown
_LOOKED_AT = 250  # calls in one request
_MET = 2000  # calls looked at to see whether somebody had to do with the customer
_WRONG = 20

Place = tuple[int, str]


class StoryKind(enum.StrEnum):
    """What a part of the story is told of."""

    CALL = "call"
    NOTE = "note"  # calls at which people noted something
    SURVEY = "survey"  # calls after which something was answered
    TICKET = "ticket"
    COMPLAINT = "complaint"
    CALLBACK = "callback"


_CALLS = frozenset({StoryKind.CALL, StoryKind.NOTE, StoryKind.SURVEY})
_TICKETS = {StoryKind.TICKET: "request", StoryKind.COMPLAINT: "complaint"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryTicket:
    """A ticket or complaint; `kind` is request or complaint."""

    number: str
    kind: str
    status: TicketStatus
    subject: str
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryCallback:
    """A callback; `done_at` is None while it is open."""

    id: str
    number: str
    queue: str
    wanted_at: datetime
    done_at: datetime | None
    done_by: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened, at a moment (aware UTC): one of `call`, `ticket` and `callback` is told."""

    at: datetime
    id: str
    call: CallRow | None = None
    notes: tuple[Note, ...] = ()
    ticket: StoryTicket | None = None
    callback: StoryCallback | None = None

    @property
    def place(self) -> Place:
        """Where it stands in the story."""
        return to_us(self.at), self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A page. `older`: where the next one begins, empty: that was all. `cut`: there may be less on it than there is
    room for, as only so many calls are looked at for a page.
    """

    happenings: tuple[Happening, ...] = ()
    older: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A moment that went wrong; `at` is when its call began, `state` open or done."""

    call_id: str
    kind: str
    at: datetime
    detail: str
    state: str


class Stories:
    """Reads. Every method may raise StoreError."""

    def __init__(self, reader: Database) -> None:
        self._reader = reader

    async def page(
        self, code: str, *, kind: StoryKind | None = None, before: str = "", limit: int = 30, mine: Mine | None = None
    ) -> Story:
        """What happened before a place, as a page before told it; with `mine` only those calls."""
        return await self._reader.read(lambda db: _page(db, code, kind, _place(before), limit, mine))

    async def troubles(self, code: str, since: datetime, limit: int = 5, mine: Mine | None = None) -> list[Trouble]:
        """What went wrong at the customer's calls since a moment, newest first; with `mine` only at those."""

        def read(db: Db) -> list[Trouble]:
            values = {"code": code, "since_us": to_us(since), "limit": limit if mine is None else _WRONG}
            rows = db.execute(SQL["story_moments"], values).fetchall()
            return [_trouble(row) for row in rows if mine is None or _is_mine(db, row[0], mine)][:limit]

        return await self._reader.read(read)

    async def met(self, code: str, extension: str, queues: Sequence[str] = ()) -> bool:
        """Whether a phone of ours rang or talked in a call of the customer, or it came to one of the queues."""
        told = [(Kind.AGENT, extension), (Kind.RANG, extension)] if extension else []
        facets = [*told, *((Kind.QUEUE, queue) for queue in queues)]
        return await self._reader.read(lambda db: any(_has_met(db, code, kind, value) for kind, value in facets))


def _page(db: Db, code: str, kind: StoryKind | None, below: Place, limit: int, mine: Mine | None) -> Story:
    found: list[Happening] = []
    cut_at: Place | None = None
    if kind is None or kind in _CALLS:
        found, cut_at = _calls(db, code, kind, below, limit + 1, mine)
    if kind is None or kind in _TICKETS:
        found += _tickets(db, code, _TICKETS[kind] if kind else "", below, limit + 1)
    if kind in (None, StoryKind.CALLBACK):
        found += _callbacks(db, code, below, limit + 1)
    found.sort(key=lambda happening: happening.place, reverse=True)
    if cut_at is not None:  # what is older comes after calls that were not looked at
        found = [happening for happening in found if happening.place > cut_at]
    if len(found) > limit:
        return Story(happenings=tuple(found[:limit]), older=_text(found[limit - 1].place))
    return Story(happenings=tuple(found), older=_text(cut_at) if cut_at else "", cut=cut_at is not None)


def _calls(
    db: Db, code: str, kind: StoryKind | None, below: Place, limit: int, mine: Mine | None
) -> tuple[list[Happening], Place | None]:
    """At most so many; and the place of the last one looked at, if there may be more behind it."""
    name = "story_noted_calls" if kind is StoryKind.NOTE else "page_calls_of_customer"
    found: list[Happening] = []
    for _ in range(0, _LOOKED_AT, _WINDOW):
        rows = [read_row(row) for row in db.execute(WHOLE_CALLS[name], _span(code, below)).fetchall()]
        found += [
            _of_call(db, row)
            for row in rows
            if (kind is not StoryKind.SURVEY or row.call.survey) and (mine is None or mine(row.call))
        ]
        if len(rows) < _WINDOW:
            return found[:limit], None
        below = to_us(rows[-1].call.started_at), rows[-1].call.call_id
        if len(found) >= limit:
            return found[:limit], None
    return found, below


def _span(code: str, below: Place) -> dict[str, Any]:
    return {
        "customer": code,
        "above_us": FIRST[0],
        "above_id": FIRST[1],
        "below_us": below[0],
        "below_id": below[1],
        "limit": _WINDOW,
    }


def _of_call(db: Db, row: CallRow) -> Happening:
    notes = db.execute(SQL["notes_of_call"], {"call_id": row.call.call_id}).fetchall()
    told = tuple(Note(id=name, at=from_us(at_us), user=user, text=text) for name, at_us, user, text in notes)
    return Happening(at=row.call.started_at, id=row.call.call_id, call=row, notes=told)


def _tickets(db: Db, code: str, kind: str, below: Place, limit: int) -> Iterable[Happening]:
    values = {"code": code, "kind": kind, "below_us": below[0], "below_id": below[1], "limit": limit}
    for at_us, number, told_kind, status, subject, updated_at_us in db.execute(
        SQL["story_tickets"], values
    ).fetchall():
        ticket = StoryTicket(
            number=number,
            kind=told_kind,
            status=TicketStatus(status),
            subject=subject,
            updated_at=from_us(updated_at_us),
        )
        yield Happening(at=from_us(at_us), id=number, ticket=ticket)


def _callbacks(db: Db, code: str, below: Place, limit: int) -> Iterable[Happening]:
    values = {"code": code, "below_us": below[0], "below_id": below[1], "limit": limit}
    for at_us, name, number, queue, wanted_us, done_us, done_by, result in db.execute(
        SQL["story_callbacks"], values
    ).fetchall():
        callback = StoryCallback(
            id=name,
            number=number,
            queue=queue,
            wanted_at=from_us(wanted_us),
            done_at=None if done_us is None else from_us(done_us),
            done_by=done_by,
            result=result,
        )
        yield Happening(at=from_us(at_us), id=name, callback=callback)


def _has_met(db: Db, code: str, kind: Kind, value: str) -> bool:
    row = db.execute(SQL["facet_number"], {"kind": kind.value, "value": value}).fetchone()
    if row is None:
        return False
    values = {"code": code, "facet": row[0], "limit": _MET}
    return db.execute(SQL["customer_met"], values).fetchone() is not None


def _is_mine(db: Db, call_id: str, mine: Mine) -> bool:
    row = db.execute(SQL["get_call"], {"call_id": call_id}).fetchone()
    return row is not None and mine(read_row(row).call)


def _trouble(row: Any) -> Trouble:
    call_id, kind, at_us, detail, state = row
    return Trouble(call_id=call_id, kind=kind, at=from_us(at_us), detail=detail, state=state)


def _text(place: Place) -> str:
    return f"{place[0]}.{place[1]}"


def _place(text: str) -> Place:
    at_us, _, name = text.partition(".")
    plain = at_us.removeprefix("-")
    if not (plain.isascii() and plain.isdigit() and len(plain) < 19):  # none, or edited by hand: from the beginning
        return LAST
    return int(at_us), name
