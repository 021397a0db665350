"""`/calls/{call_id}/tickets`: a call is linked to a ticket, or a ticket is opened from it.

A ticket that is opened here has its number in the way of those that callers open: they hear it in the menu at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from aiohttp import web

from pbx_bridge.store.requests import NewComplaint, NewTicket, Opened
from pbx_bridge.values import tracking
from pbx_bridge.values.dates import end_of_day
from pbx_bridge.values.hostile import clean
from pbx_bridge.web import keys, problems
from pbx_bridge.web.call import own, page
from pbx_bridge.web.call.forms import Refused
from pbx_bridge.web.call.ports import PARTS
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.tickets.ports import PARTS as TICKET_PARTS

KINDS = ("request", "complaint")
LONGEST_SUBJECT = 200
_TOKEN = re.compile(r"[0-9a-f]{16}")
_LONGEST_FIELD = 300


@needs(Permission.HANDLE)
async def link(request: web.Request) -> web.StreamResponse:
    """POST /calls/{call_id}/tickets: `number` as a person types it."""
    row = await own.find(request)
    if row is None:
        return problems.unknown_call(request)
    typed = await _typed(request, "number")
    number = tracking.parse(typed["number"])
    call_id, name = row.call.call_id, request[keys.USER].name
    if number is None:
        return await page.render(request, row, Refused(form="link", error="ticket.no_number", typed=typed))
    if not await request.app[PARTS].notes.link(call_id, number, name):
        return await page.render(request, row, Refused(form="link", error="ticket.unknown", typed=typed))
    await _tell(request, "linked_ticket", call_id, number)
    raise web.HTTPSeeOther(f"/calls/{call_id}#tickets")


@needs(Permission.HANDLE)
async def unlink(request: web.Request) -> web.StreamResponse:
    """POST /calls/{call_id}/tickets/{number}/remove."""
    row = await own.find(request)
    if row is None:
        return problems.unknown_call(request)
    call_id, name = row.call.call_id, request[keys.USER].name
    number = tracking.TrackingNumber(request.match_info["number"])
    if await request.app[PARTS].notes.unlink(call_id, number, name):
        await _tell(request, "unlinked_ticket", call_id, number)
    raise web.HTTPSeeOther(f"/calls/{call_id}#tickets")


@needs(Permission.HANDLE)
async def create(request: web.Request) -> web.StreamResponse:
    """POST /calls/{call_id}/tickets/new: `subject`, `kind`, `customer` (a code), and the form's own `token`."""
    row = await own.find(request)
    if row is None:
        return problems.unknown_call(request)
    typed = await _typed(request, "subject", "kind", "customer", "token")
    error = error_of(typed)
    origin = f"page:{row.call.call_id}:{typed['token']}"  # a token of one page opens nothing at another
    opened = None if error else await open_ticket(request, origin, typed)
    if opened is None:
        return await page.render(request, row, Refused(form="new", error=error or "ticket.customer", typed=typed))
    call_id, number = row.call.call_id, opened.tracking_number
    await request.app[PARTS].notes.link(call_id, number, request[keys.USER].name)
    await _tell(request, "opened_ticket", call_id, f"{number} {typed['kind']}")
    raise web.HTTPSeeOther(f"/calls/{call_id}#tickets")


async def _typed(request: web.Request, *names: str) -> Mapping[str, str]:
    form = await request.post()
    return {name: str(form.get(name, ""))[:_LONGEST_FIELD] for name in names}


def error_of(typed: Mapping[str, str]) -> str:
    """What is wrong with `subject`, `kind` and `token` as they were sent: the key of its words, or empty."""
    if not clean(typed["subject"]):
        return "ticket.subject_empty"
    if len(typed["subject"]) > LONGEST_SUBJECT:
        return "ticket.subject_long"
    # What only a form edited by hand can get wrong.
    return "" if typed["kind"] in KINDS and _TOKEN.fullmatch(typed["token"]) else "ticket.form"


async def open_ticket(request: web.Request, origin: str, typed: Mapping[str, str]) -> Opened | None:
    """The ticket; the same origin twice opens one. None: there is no such customer. Raises StoreError."""
    customer = await request.app[PARTS].customers.customer_by_code(typed["customer"])
    if customer is None:
        return None
    new = NewTicket(
        origin=origin,
        customer_code=customer.code,
        subject=clean(typed["subject"], LONGEST_SUBJECT),
        by=request[keys.USER].name,
    )
    requests = request.app[PARTS].requests
    if typed["kind"] == "request":
        return await requests.open_ticket(new)
    now, zone = request.app[keys.CLOCK](), request.app[keys.ZONE]
    rules = request.app[TICKET_PARTS].rules
    day = now.astimezone(zone).date() + timedelta(days=rules.answer_days)
    return await requests.file_complaint(
        NewComplaint(
            ticket=new,
            reason="",
            acknowledge_by=now + rules.acknowledge_within,
            answer_by=end_of_day(day, zone),
            answer_on=day,
        )
    )


async def _tell(request: web.Request, what: str, call_id: str, detail: str) -> None:
    await request.app[keys.AUDIT].note(request[keys.USER], what, call_id, detail, request.remote or "")


ROUTES = [
    web.post(f"{own.ADDRESS}/tickets", link),
    web.post(f"{own.ADDRESS}/tickets/new", create),
    web.post(f"{own.ADDRESS}/tickets/{{number:[0-9]{{6,12}}}}/remove", unlink),
]
