"""`/tickets/{number}/{step}`: what people do with a ticket. Each form tells the revision its reader saw."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta

from aiohttp import web

from pbx_bridge.errors import RequestRefused
from pbx_bridge.store.complaint_steps import Handling
from pbx_bridge.store.crm import TicketStatus
from pbx_bridge.store.ticket_steps import (
    Assign,
    Event,
    FullTicket,
    Move,
    PromiseDay,
    Remark,
    Reopen,
    TellCallers,
    remark,
)
from pbx_bridge.values import dates
from pbx_bridge.values.hostile import clean
from pbx_bridge.web import keys
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.tickets import ticket_page
from pbx_bridge.web.tickets.people import assignees
from pbx_bridge.web.tickets.ports import PARTS
from pbx_bridge.web.tickets.ticket_page import Refused

_LONGEST_FIELD = 8000
_TWICE = timedelta(seconds=30)
_REOPEN = "reopen"

Fields = Mapping[str, str]
Doer = Callable[[web.Request, FullTicket, Fields, int | None], Awaitable[str]]
"""Does it, and gives what the audit log tells of it. Raises RequestRefused."""


@needs(Permission.HANDLE)
async def do(request: web.Request) -> web.StreamResponse:
    """POST /tickets/{number}/{step}."""
    ticket, what = await ticket_page.find(request), request.match_info["step"]
    form = await request.post()
    fields = {name: value[:_LONGEST_FIELD] for name, value in form.items() if isinstance(value, str)}
    if await _was_just_done(request, ticket, what, fields):
        raise _back(ticket, what)
    try:
        detail = await _DOERS[what](request, ticket, fields, _revision(fields))
    except RequestRefused as error:
        # As it is now, so that whoever was too late sees what the other did.
        now = await ticket_page.find(request)
        refused = Refused(form=what, error=error.key, typed=fields)
        return await ticket_page.render(request, now, refused)
    about = f"{what} {detail}".strip()
    await request.app[keys.AUDIT].note(
        request[keys.USER], "changed_ticket", ticket.tracking_number, about, request.remote or ""
    )
    raise _back(ticket, what)


def _back(ticket: FullTicket, what: str) -> web.HTTPException:
    return web.HTTPSeeOther(f"/tickets/{ticket.tracking_number}{'#notes' if what == 'notes' else ''}")


async def _was_just_done(request: web.Request, ticket: FullTicket, what: str, fields: Fields) -> bool:
    """Whether this very form of theirs came a moment ago: a button that was pressed twice is no news to anybody."""
    revision = _revision(fields)
    if what != "notes" and revision != ticket.revision - 1:
        return False
    lines = await request.app[PARTS].tickets.history(ticket.tracking_number)
    if not lines:
        return False
    last = lines[0]
    mine = last.user == request[keys.USER].name and request.app[keys.CLOCK]() - last.at < _TWICE
    return mine and _does(what, fields, last)


def _does(what: str, fields: Fields, line: Event) -> bool:
    """Whether a form asks for what a line of the history tells."""
    to = fields.get("to", "")
    match what:
        case "status":
            return (line.what, line.after) == (("reopened", "") if to == _REOPEN else ("moved", to))
        case "assign":
            return (line.what, line.after) == ("assigned", clean(to, 64))
        case "notes":
            return (line.what, line.text) == ("noted", remark(fields.get("text", "")))
        case "complaint":
            return line.what == to
        case _:
            return line.what == {"promise": "promised", "word": "told", "escalate": "escalated"}.get(what, what)


def _revision(fields: Fields) -> int | None:
    text = fields.get("revision", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


async def _status(request: web.Request, ticket: FullTicket, fields: Fields, revision: int | None) -> str:
    to, tickets, by = fields.get("to", ""), request.app[PARTS].tickets, request[keys.USER].name
    if to == _REOPEN:
        await tickets.change(ticket.tracking_number, Reopen(), by=by, revision=revision)
    elif to in tuple(TicketStatus):
        await tickets.change(ticket.tracking_number, Move(TicketStatus(to)), by=by, revision=revision)
    else:
        raise RequestRefused("form", "that is no state")
    return to


async def _assign(request: web.Request, ticket: FullTicket, fields: Fields, revision: int | None) -> str:
    to = clean(fields.get("to", ""), 64)
    if to and to not in await assignees(request):
        raise RequestRefused("nobody", "nobody who handles tickets is called so")
    by = request[keys.USER].name
    await request.app[PARTS].tickets.change(ticket.tracking_number, Assign(to), by=by, revision=revision)
    return to


async def _promise(request: web.Request, ticket: FullTicket, fields: Fields, revision: int | None) -> str:
    day = _day(fields.get("day", ""))
    by = request[keys.USER].name
    await request.app[PARTS].tickets.change(ticket.tracking_number, PromiseDay(day), by=by, revision=revision)
    return day.isoformat() if day else ""


def _day(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        day = dates.parse_date(text)
    except (ValueError, OverflowError):
        raise RequestRefused("date", "that is no date") from None
    if not 1971 <= day.year <= 2200:
        raise RequestRefused("date", "that is no date")
    return day


async def _word(request: web.Request, ticket: FullTicket, fields: Fields, revision: int | None) -> str:
    step, by = TellCallers(fields.get("text", "")), request[keys.USER].name
    await request.app[PARTS].tickets.change(ticket.tracking_number, step, by=by, revision=revision)
    return ""


async def _note(request: web.Request, ticket: FullTicket, fields: Fields, revision: int | None) -> str:
    # Whatever others changed meanwhile: a note takes nothing away.
    step, by = Remark(fields.get("text", "")), request[keys.USER].name
    await request.app[PARTS].tickets.change(ticket.tracking_number, step, by=by)
    return ""


async def _handle(request: web.Request, ticket: FullTicket, fields: Fields, revision: int | None) -> str:
    what = fields.get("to", "")
    if what not in {one.value for one in Handling}:
        raise RequestRefused("form", "that is no step of a complaint")
    await request.app[PARTS].complaints.handle(
        ticket.tracking_number,
        Handling(what),
        fields.get("done", ""),
        by=request[keys.USER].name,
        revision=revision,
        satisfaction=fields.get("satisfaction", "") if what == Handling.CLOSE.value else "",
    )
    return what


async def _escalate(request: web.Request, ticket: FullTicket, fields: Fields, revision: int | None) -> str:
    parts, now = request.app[PARTS], request.app[keys.CLOCK]()
    complaint = await parts.complaints.complaint(ticket.tracking_number)
    if complaint is None:
        raise RequestRefused("form", "this is no complaint")
    level = ticket_page.reached(complaint, parts, now) + 1
    if level > len(parts.rules.levels):
        raise RequestRefused("top", "nobody is left to be told")
    number, by = ticket.tracking_number, request[keys.USER].name
    await parts.complaints.take_up(number, level, by=by, revision=revision)
    return str(level)


async def _reason(request: web.Request, ticket: FullTicket, fields: Fields, revision: int | None) -> str:
    number, by = ticket.tracking_number, request[keys.USER].name
    if await request.app[PARTS].complaints.complaint(number) is None:
        raise RequestRefused("form", "this is no complaint")
    await request.app[PARTS].complaints.give_reason(number, fields.get("reason", ""), by=by, revision=revision)
    return ""


_DOERS: Mapping[str, Doer] = {
    "status": _status,
    "assign": _assign,
    "promise": _promise,
    "word": _word,
    "notes": _note,
    "complaint": _handle,
    "escalate": _escalate,
    "reason": _reason,
}

ROUTES = [web.post(f"{ticket_page.ADDRESS}/{{step:{'|'.join(_DOERS)}}}", do)]
