"""`/tickets/new`: a ticket or complaint is opened from the desk, and linked to the call that it is about."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import timedelta

from aiohttp import web

from pbx_bridge.store.crm import plain_code
from pbx_bridge.store.requests import NewComplaint, NewTicket, Opened
from pbx_bridge.values.dates import end_of_day
from pbx_bridge.values.hostile import clean
from pbx_bridge.web import keys, pages
from pbx_bridge.web.call import own
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.tickets.filters import KINDS
from pbx_bridge.web.tickets.ports import PARTS

LONGEST_SUBJECT = 200
_FIELDS = ("customer", "subject", "kind", "reason", "call", "token")
_TOKEN = re.compile("[0-9a-f]{16}")
_CALL = re.compile("[0-9a-f-]{36}")
_LONGEST_FIELD = 300


@needs(Permission.HANDLE)
async def show(request: web.Request) -> web.Response:
    """GET /tickets/new; `?customer=CODE` and `?call=ID` are known already, `?kind=complaint` is picked."""
    typed = {name: clean(request.query.get(name, ""), _LONGEST_FIELD) for name in _FIELDS}
    return await _render(request, typed | {"token": secrets.token_hex(8)})


@needs(Permission.HANDLE)
async def create(request: web.Request) -> web.StreamResponse:
    """POST /tickets/new; the same form sent twice opens one."""
    form = await request.post()
    typed = {name: clean(str(form.get(name, "")), _LONGEST_FIELD) for name in _FIELDS}
    error = _error(typed)
    opened = None if error else await _open(request, typed)
    if opened is None:
        return await _render(request, typed, error or "ticket.customer")
    number, user = opened.tracking_number, request[keys.USER]
    if await _may_see(request, typed["call"]):
        await request.app[PARTS].links.link(typed["call"], number, user.name)
    detail = f"{number} {typed['kind']}"
    await request.app[keys.AUDIT].note(user, "opened_ticket", number, detail, request.remote or "")
    raise web.HTTPSeeOther(f"/tickets/{number}")


async def _may_see(request: web.Request, call_id: str) -> bool:
    """Whether there is such a call for them."""
    row = await request.app[keys.CALLS].get(call_id) if _CALL.fullmatch(call_id) else None
    mine = own.mine_of(request)
    return row is not None and (mine is None or mine(row.call))


def _error(typed: Mapping[str, str]) -> str:
    if not typed["subject"]:
        return "ticket.subject_empty"
    if len(typed["subject"]) > LONGEST_SUBJECT:
        return "ticket.subject_long"
    # What only a form edited by hand can get wrong.
    return "" if typed["kind"] in KINDS and _TOKEN.fullmatch(typed["token"]) else "ticket.form"


async def _open(request: web.Request, typed: Mapping[str, str]) -> Opened | None:
    """The ticket; None: there is no such customer."""
    parts, user = request.app[PARTS], request[keys.USER].name
    customer = await parts.customers.customer_by_code(plain_code(typed["customer"]))
    if customer is None:
        return None
    # The form's token, and whose it is: a token of one person opens nothing of another's.
    origin = f"desk:{user}:{typed['token']}"
    new = NewTicket(origin=origin, customer_code=customer.code, subject=typed["subject"], by=user)
    if typed["kind"] == "request":
        return await parts.opening.open_ticket(new)
    now, zone, rules = request.app[keys.CLOCK](), request.app[keys.ZONE], parts.rules
    day = now.astimezone(zone).date() + timedelta(days=rules.answer_days)
    return await parts.opening.file_complaint(
        NewComplaint(
            ticket=new,
            reason=typed["reason"],
            acknowledge_by=now + rules.acknowledge_within,
            answer_by=end_of_day(day, zone),
            answer_on=day,
        )
    )


async def _render(request: web.Request, typed: Mapping[str, str], error: str = "") -> web.Response:
    parts = request.app[PARTS]
    customer = await parts.customers.customer_by_code(plain_code(typed["customer"])) if typed["customer"] else None
    context = {
        "typed": typed,
        "error": error,
        "customer": customer,
        "kinds": KINDS,
        "reasons": parts.rules.reasons,
        "longest_subject": LONGEST_SUBJECT,
    }
    return pages.page(request, "tickets/new.html", context, status=400 if error else 200)


ROUTES = [web.get("/tickets/new", show), web.post("/tickets/new", create)]
