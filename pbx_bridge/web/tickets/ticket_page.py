"""`/tickets/{number}`: one ticket or complaint, what was promised of it, its calls, and everything done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from aiohttp import web

from pbx_bridge.calls import escalation
from pbx_bridge.calls.escalation import Rung
from pbx_bridge.calls.facets import Kind
from pbx_bridge.store.complaint_steps import LONGEST_DONE, LONGEST_REASON, SATISFACTION, Complaint
from pbx_bridge.store.ticket_steps import COMPLAINT, LONGEST_NOTE, LONGEST_WORD, NEXT, Event, FullTicket
from pbx_bridge.store.wanted import Wanted
from pbx_bridge.values import tracking
from pbx_bridge.web import keys, pages
from pbx_bridge.web.permits import Permission, needs, own_only
from pbx_bridge.web.show import NOTHING
from pbx_bridge.web.tickets.people import assignees, may_see
from pbx_bridge.web.tickets.ports import PARTS, TicketParts
from pbx_bridge.web.tickets.promises import deadline, shown
from pbx_bridge.web.viewer import CallView, Viewer, call_view

ADDRESS = "/tickets/{number:[0-9]{6,12}}"
_MOST_CALLS = 30
_MOST_PHONES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What was wrong with a form of the page: its name, the key of the words, and its fields as they were typed."""

    form: str = ""
    error: str = ""
    typed: Mapping[str, str] | None = None

    def error_of(self, form: str) -> str:
        """The error, if it is of this form."""
        return self.error if self.form == form else ""

    def text(self, form: str, name: str, otherwise: str = "") -> str:
        """What was typed into a field of this form."""
        return (self.typed or {}).get(name, otherwise) if self.form == form else otherwise


NOTHING_REFUSED = Refused()


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """One line of the history: something that was done, or a call."""

    at: datetime
    event: Event | None = None
    call: CallView | None = None


@needs(Permission.SEE_CUSTOMERS)
async def show(request: web.Request) -> web.Response:
    """GET /tickets/{number}."""
    ticket = await find(request)
    return await render(request, ticket)


async def find(request: web.Request) -> FullTicket:
    """The ticket of the address. Raises HTTPNotFound, StoreError."""
    number = tracking.parse(request.match_info["number"])
    ticket = await request.app[PARTS].tickets.get(number) if number else None
    if ticket is None or not await may_see(request, ticket.customer_code, ticket.assigned_to):
        raise web.HTTPNotFound
    return ticket


async def render(request: web.Request, ticket: FullTicket, refused: Refused = NOTHING_REFUSED) -> web.Response:
    """The page; 409 or 400 with what was typed where a form of it was refused."""
    parts, who = request.app[PARTS], pages.viewer(request)
    promises = parts.tickets.promises
    events = await parts.tickets.history(ticket.tracking_number)
    calls = await _calls(request, ticket, who)
    sound = await parts.sounds.of_message(ticket.message) if ticket.message else None
    told = await _complaint(parts, ticket, who)
    context = {
        "ticket": ticket,
        "phones": (await parts.customers.phones_of(ticket.customer_code))[:_MOST_PHONES],
        "day_told": lambda text: _day_told(text, who),
        "promises": shown(ticket, promises, who, promises.near_until(who.now)),
        "read_out": read_out(ticket.tracking_number, who),
        "next_states": [status.value for status in NEXT[ticket.status]] if ticket.kind != COMPLAINT else [],
        "history": _history([*events, *_by_time(told, events, who.now)], calls),
        "calls": calls,
        "sound": sound,
        "people": await _people(request, ticket),
        "refused": refused,
        "longest_note": LONGEST_NOTE,
        "longest_word": LONGEST_WORD,
        "turn": f"/tickets/{ticket.tracking_number}?language={'en' if who.show.persian else 'fa'}",
        **told,
    }
    status = 409 if refused.error == "changed" else 400 if refused.error else 200
    return pages.page(request, "tickets/ticket.html", context, status=status)


def read_out(number: str, who: Viewer) -> str:
    """The number in the words and groups in which it is read out: four seven one, two zero eight."""
    groups = tracking.groups(number)
    return who.t("tickets.comma").join(" ".join(who.t(f"tickets.digit_{digit}") for digit in one) for one in groups)


async def _people(request: web.Request, ticket: FullTicket) -> Sequence[str]:
    people = await assignees(request)
    return people if ticket.assigned_to in ("", *people) else [*people, ticket.assigned_to]


async def _calls(request: web.Request, ticket: FullTicket, who: Viewer) -> Sequence[CallView]:
    """Those about it that whoever looks may see: linked by people, or their callers asked for it in the menus."""
    wanted = Wanted(
        facets=((Kind.TICKET.value, ticket.tracking_number),),
        own=own_only(request[keys.USER]),
    )
    found = await request.app[keys.CALLS].search(wanted, limit=_MOST_CALLS)
    return [call_view(line, who) for line in found.lines]


def _history(events: Sequence[Event], calls: Sequence[CallView]) -> Sequence[HistoryLine]:
    told = [HistoryLine(at=event.at, event=event) for event in events]
    rung = [HistoryLine(at=view.call.started_at, call=view) for view in calls]
    return sorted([*told, *rung], key=lambda line: line.at, reverse=True)


def _by_time(told: Mapping[str, Any], events: Sequence[Event], now: datetime) -> Sequence[Event]:
    """The levels that time has taken a complaint to, before people did."""
    complaint: Complaint | None = told["complaint"]
    if complaint is None:
        return ()
    until = complaint.answered_at or now
    by_hand = {event.after: event.at for event in events if event.what == "escalated"}
    return [
        Event(at=rung.at, user="", what="escalated", after=str(rung.number))
        for rung in told["rungs"]
        if rung.at is not None and rung.at <= min(until, by_hand.get(str(rung.number), until))
    ]


def _day_told(text: str, who: Viewer) -> str:
    """A day of the history in the reader's calendar."""
    try:
        return who.show.day(date.fromisoformat(text))
    except ValueError:
        return NOTHING


async def _complaint(parts: TicketParts, ticket: FullTicket, who: Viewer) -> Mapping[str, Any]:
    complaint = await parts.complaints.complaint(ticket.tracking_number) if ticket.kind == COMPLAINT else None
    if complaint is None:
        return {"complaint": None}
    rungs = escalation.rungs(parts.rules.levels, complaint.received_at)
    level = reached(complaint, parts, who.now)
    return {
        "complaint": complaint,
        "rungs": rungs,
        "level": level,
        "next_rung": next_rung(rungs, level),
        "deadline": deadline(complaint, who),
        "reasons": parts.rules.reasons,
        "satisfaction": SATISFACTION,
        "longest_done": LONGEST_DONE,
        "longest_reason": LONGEST_REASON,
    }


def reached(complaint: Complaint, parts: TicketParts, now: datetime) -> int:
    """The level a complaint is at; 0: none."""
    until = complaint.answered_at or now  # after its answer time takes it no further
    return escalation.reached(parts.rules.levels, complaint.received_at, complaint.level, until)


def next_rung(rungs: Sequence[Rung], level: int) -> Rung | None:
    """Who would be told next; None: nobody is left."""
    return rungs[level] if level < len(rungs) else None


ROUTES = [web.get(ADDRESS, show)]
