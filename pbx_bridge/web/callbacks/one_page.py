"""`/callbacks/{id}`: one callback, what was tried, and what is done with it; `/callbacks/new`: a follow-up."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from pbx_bridge.store.callbacks import LONGEST, CallbackLine, NewFollowUp
from pbx_bridge.store.callbacks_rules import CLOSED_AS
from pbx_bridge.values import dates, digits, phone
from pbx_bridge.values.hostile import clean
from pbx_bridge.web import keys, pages
from pbx_bridge.web.callbacks import own
from pbx_bridge.web.callbacks.list_page import rows_for, tabs
from pbx_bridge.web.callbacks.ports import PARTS, CallbackParts
from pbx_bridge.web.callbacks.rows import about_link
from pbx_bridge.web.desk.page import tell_of_callbacks
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.tickets.people import assignees

_NEW = ("number", "customer", "about", "day", "clock", "owner", "why", "token")
_DO = ("do", "day", "clock", "why", "owner", "result", "note")
_TOKEN = re.compile(r"[0-9a-f]{16}")
_EXTENSION = re.compile(r"[0-9]{2,15}")
_ABOUT = re.compile(r"(customer|ticket|contract):.{1,110}")
_CLOCK = "09:00"
_PREVIEW = 200


class _Wrong(Exception):
    """What was typed cannot be; the message is the key of its words."""


@needs(Permission.HANDLE)
async def show(request: web.Request) -> web.StreamResponse:
    """GET /callbacks/{id}."""
    return await _render(request, await own.find(request))


@needs(Permission.HANDLE)
async def do(request: web.Request) -> web.StreamResponse:
    """POST /callbacks/{id}: `do` is take, free, put_off, give, close or open."""
    line = await own.find(request)
    form = await request.post()
    typed = {name: str(form.get(name, ""))[: LONGEST + 1] for name in _DO}
    act = _ACTS.get(typed["do"])
    try:
        if act is None:
            raise _Wrong("ticket.form")
        detail = await act(_Sent(request=request, line=line, typed=typed))
    except _Wrong as wrong:
        return await _render(request, line, typed, str(wrong))
    await _tell(request, f"callback_{typed['do']}", line.id, detail)
    tell_of_callbacks(request.app, line.owner, typed["owner"])
    # Given away, it may not be theirs to see any more.
    given = typed["do"] == "give" and own.chosen(request) != "all"
    raise web.HTTPSeeOther("/callbacks" if given else f"/callbacks/{line.id}")


@needs(Permission.HANDLE)
async def new(request: web.Request) -> web.StreamResponse:
    """GET /callbacks/new: may be given `number`, `customer` and `about`."""
    typed = {name: clean(request.query.get(name, ""), 120) for name in ("number", "customer", "about")}
    return await _form(request, typed)


@needs(Permission.HANDLE)
async def create(request: web.Request) -> web.StreamResponse:
    """POST /callbacks/new: number or customer, day, clock, owner, why; `token` is the form's own."""
    form = await request.post()
    typed = {name: str(form.get(name, ""))[: LONGEST + 1] for name in _NEW}
    try:
        follow_up = await _follow_up(request, typed)
    except _Wrong as wrong:
        return await _form(request, typed, str(wrong))
    name = await request.app[PARTS].book.follow_up(follow_up)
    await _tell(request, "callback_made", name, follow_up.why)
    tell_of_callbacks(request.app, follow_up.owner)
    raise web.HTTPSeeOther(f"/callbacks/{name}" if name else "/callbacks")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """A form of one's page, and who sent it."""

    request: web.Request
    line: CallbackLine
    typed: Mapping[str, str]

    @property
    def parts(self) -> CallbackParts:
        return self.request.app[PARTS]

    @property
    def user(self) -> str:
        return self.request[keys.USER].name


# Each does one thing; what it returns is noted of it. Each raises _Wrong, StoreError.


async def _take(sent: _Sent) -> str:
    other = await sent.parts.book.take(sent.line.id, sent.user, sent.parts.lock)
    if other:
        raise _Wrong("callback.over" if other == "?" else "callback.taken")
    return ""


async def _free(sent: _Sent) -> str:
    return _so(await sent.parts.book.free(sent.line.id, sent.user))


async def _put_off(sent: _Sent) -> str:
    when = _moment(sent.request, sent.typed)
    was = await sent.parts.book.put_off(sent.line.id, sent.user, when, sent.typed["why"])
    return _so(was, f"{when:%Y-%m-%d %H:%M}")


async def _give(sent: _Sent) -> str:
    owner = sent.typed["owner"]
    if owner and owner not in await assignees(sent.request):
        raise _Wrong("contract.no_owner")
    return _so(await sent.parts.book.give(sent.line.id, sent.user, owner), owner)


async def _close(sent: _Sent) -> str:
    result, note = sent.typed["result"], sent.typed["note"]
    if result not in CLOSED_AS:
        raise _Wrong("callback.no_result")
    by = sent.request[keys.USER].extension or sent.user
    return _so(await sent.parts.book.close(sent.line.id, sent.user, by, result, note), f"{result} {note}")


async def _open(sent: _Sent) -> str:
    return _so(await sent.parts.book.open_again(sent.line.id, sent.user, sent.request.app[keys.CLOCK]()))


_ACTS: Mapping[str, Callable[[_Sent], Awaitable[str]]] = {
    "take": _take,
    "free": _free,
    "put_off": _put_off,
    "give": _give,
    "close": _close,
    "open": _open,
}


def _so(was: bool, detail: str = "") -> str:
    """What is noted; whoever was too late is told so. Raises _Wrong."""
    if not was:
        raise _Wrong("callback.too_late")
    return detail


def _moment(request: web.Request, typed: Mapping[str, str]) -> datetime:
    """Day and time of day, aware. Raises _Wrong: none, or it is past."""
    text = f"{typed['day'].strip()} {typed['clock'].strip() or _CLOCK}"
    try:
        when = dates.parse_datetime(text, request.app[keys.ZONE])
    except (ValueError, OverflowError):
        raise _Wrong("error.date") from None
    if when < request.app[keys.CLOCK]():
        raise _Wrong("contract.past")
    return when


async def _follow_up(request: web.Request, typed: Mapping[str, str]) -> NewFollowUp:
    """What the form asks for. Raises _Wrong."""
    if not _TOKEN.fullmatch(typed["token"]):
        raise _Wrong("ticket.form")
    if not clean(typed["why"]):
        raise _Wrong("callback.no_why")
    number, code = await _person(request, typed)
    if typed["owner"] and typed["owner"] not in await assignees(request):
        raise _Wrong("contract.no_owner")
    user = request[keys.USER].name
    return NewFollowUp(
        origin=f"{user}:{typed['token']}",
        number=number,
        wanted_at=_moment(request, typed),
        why=typed["why"],
        by=user,
        owner=typed["owner"],
        customer_code=code,
        about=typed["about"] if _ABOUT.fullmatch(typed["about"]) else "",
    )


async def _person(request: web.Request, typed: Mapping[str, str]) -> tuple[str, str]:
    """The number to call, and the customer's code; empty if none is told. Raises _Wrong."""
    customers, code, number = request.app[PARTS].customers, "", typed["number"]
    if typed["customer"].strip():
        customer = await customers.customer_by_code(typed["customer"])
        if customer is None:
            raise _Wrong("ticket.customer")
        code = customer.code
        number = number or next(iter(await customers.phones_of(code)), "")
    plain = "".join(digits.to_ascii(number).split())
    known = phone.to_e164(plain, request.app[keys.REGION])
    if known is None and not _EXTENSION.fullmatch(plain):
        raise _Wrong("callback.no_number")
    return known or plain, code


async def _render(
    request: web.Request, line: CallbackLine, typed: Mapping[str, str] | None = None, error: str = ""
) -> web.Response:
    parts, who = request.app[PARTS], pages.viewer(request)
    [row] = await rows_for(request, [line])
    context: dict[str, Any] = {
        "row": row,
        "line": line,
        "tries": await parts.book.tries(line.id),
        "changes": list(reversed(await parts.book.changes(line.id))),
        "tabs": tabs(who, "", own.chosen(request)),
        "owners": await assignees(request),
        "results": CLOSED_AS,
        "agents": await request.app[keys.AGENTS].names(),
        "tomorrow": who.show.typed_day(who.show.local(who.now).date() + timedelta(days=1)),
        "lock": int(parts.lock.total_seconds()) // 60,
        "typed": typed or {},
        "error": error,
        "longest": LONGEST,
    }
    return pages.page(request, "callbacks/one.html", context, status=400 if error else 200)


async def _form(request: web.Request, typed: Mapping[str, str], error: str = "") -> web.Response:
    who = pages.viewer(request)
    token = typed.get("token", "")
    context: dict[str, Any] = {
        "typed": typed,
        "error": error,
        "about": about_link(typed.get("about", ""), who),
        "tabs": tabs(who, "new", own.chosen(request)),
        "owners": await assignees(request),
        "tomorrow": who.show.typed_day(who.show.local(who.now).date() + timedelta(days=1)),
        "token": token if _TOKEN.fullmatch(token) else secrets.token_hex(8),
        "longest": LONGEST,
    }
    return pages.page(request, "callbacks/new.html", context, status=400 if error else 200)


async def _tell(request: web.Request, what: str, name: str, detail: str) -> None:
    told = detail if len(detail) <= _PREVIEW else f"{detail[:_PREVIEW]}…"
    await request.app[keys.AUDIT].note(request[keys.USER], what, f"callback:{name}", told, request.remote or "")


ROUTES = [
    web.get("/callbacks/new", new),
    web.post("/callbacks/new", create),
    web.get(own.ADDRESS, show),
    web.post(own.ADDRESS, do),
]
