"""How the promises of tickets stand, as a person is shown it: on a ticket, in a list, on a customer's card.

Other pages ask `promises_of` and show what it gives by `{% include "tickets/_promises.html" %}`, which reads it under
the name `promises`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from pbx_bridge.calls.promises import Promise, Promises, Stands
from pbx_bridge.store.complaint_steps import Complaint
from pbx_bridge.store.ticket_steps import COMPLAINT, FullTicket
from pbx_bridge.web import pages
from pbx_bridge.web.tickets.ports import PARTS
from pbx_bridge.web.viewer import Viewer

LOOKED_BACK = timedelta(days=90)
_TONES = {
    Stands.KEPT: ("good", "answered"),
    Stands.RUNNING: ("note", "abandoned_queue"),
    Stands.NEAR: ("warn", "degraded"),
    Stands.STOPPED: ("note", "busy"),
    Stands.BROKEN: ("bad", "failed"),
}
_WORST = (Stands.BROKEN, Stands.NEAR, Stands.RUNNING, Stands.STOPPED, Stands.KEPT)
_MINUTES, _HOURS = 60, 3600
_DAYS_FROM = 72 * _HOURS


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One promise as shown. `word` is the key of its name; `left`: how much time is left, or how late it is."""

    word: str
    stands: Stands
    due: datetime
    left: str
    tone: str
    icon: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A ticket with its promises."""

    ticket: FullTicket
    promises: Sequence[Shown]

    @property
    def worst(self) -> Shown | None:
        """The promise that wants somebody most; None: nothing was promised."""
        return min(self.promises, key=lambda one: (_WORST.index(one.stands), one.due), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerPromises:
    """What a customer was promised.

    Attributes:
        open: their open tickets and complaints, the newest first.
        kept, broken: promises of what they asked in the last LOOKED_BACK.
    """

    open: Sequence[Line]
    kept: int
    broken: int

    def of(self, number: str) -> Shown | None:
        """The promise of an open ticket that wants somebody most; None: nothing was promised of it."""
        return next((line.worst for line in self.open if line.ticket.tracking_number == number), None)


async def promises_of(request: web.Request, customer_code: str) -> CustomerPromises:
    """How the promises to a customer stand. Raises StoreError."""
    parts, who = request.app[PARTS], pages.viewer(request)
    found = await parts.kept.kept(who.now - LOOKED_BACK, who.now, customer_code) if customer_code else ()
    tickets = await parts.tickets.open_of(customer_code) if customer_code else ()
    return CustomerPromises(
        open=lines(tickets, parts.tickets.promises, who),
        kept=sum(tally.kept for one in found for tally in (one.respond, one.resolve, one.day)),
        broken=sum(tally.broken for one in found for tally in (one.respond, one.resolve, one.day)),
    )


def lines(tickets: Sequence[FullTicket], promises: Promises, who: Viewer) -> Sequence[Line]:
    """Tickets with their promises as shown."""
    near_until = promises.near_until(who.now)
    return [Line(ticket=ticket, promises=shown(ticket, promises, who, near_until)) for ticket in tickets]


def shown(ticket: FullTicket, promises: Promises, who: Viewer, near_until: datetime) -> Sequence[Shown]:
    """The promises of one ticket as shown. A complaint's run on the clock of the wall."""
    told = Promises(near=promises.near) if ticket.kind == COMPLAINT else promises
    until = told.near_until(who.now) if told is not promises else near_until
    return [_shown(one, ticket.kind, told, who, until) for one in ticket.promises]


def deadline(complaint: Complaint, who: Viewer) -> str:
    """How much time is left for what is to be done next with a complaint; empty: it is answered."""
    if complaint.next_by is None:
        return ""
    return words_left(complaint.next_by - who.now, who, working=False)


def words_left(left: timedelta, who: Viewer, *, working: bool) -> str:
    """`3 hours left`, `2 days late`. `working`: hours of work, which are not told as days."""
    seconds = abs(int(left.total_seconds()))
    if seconds < _HOURS:
        unit, size = "minutes", _MINUTES
    elif seconds < _DAYS_FROM or working:
        unit, size = "hours", _HOURS
    else:
        unit, size = "days", 24 * _HOURS
    return who.counted(f"promise.{'late' if left < timedelta() else 'left'}.{unit}", seconds // size)


def _shown(promise: Promise, kind: str, promises: Promises, who: Viewer, near_until: datetime) -> Shown:
    stands = promise.stands(who.now, near_until)
    tone, icon = _TONES[stands]
    at = promise.stopped_at or who.now
    working = promises.calendar is not None
    # Of a kept one only that it was; of the others what is left, or how late it is or was.
    left = "" if stands is Stands.KEPT else words_left(promises.left(promise.due, at), who, working=working)
    word = f"promise.{kind}.{promise.what}"
    return Shown(word=word, stands=stands, due=promise.due, left=left, tone=tone, icon=icon)
