"""`/phone-book`: whom somebody calls again and again, and the numbers of their last calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from pbx_bridge.calls.call import Direction
from pbx_bridge.store import CallLine
from pbx_bridge.store.wanted import Wanted
from pbx_bridge.values import digits, phone
from pbx_bridge.values.hostile import clean
from pbx_bridge.web import guard, keys, pages
from pbx_bridge.web.customers import seen
from pbx_bridge.web.customers.ports import PARTS
from pbx_bridge.web.permits import Permission, needs

_RECENT, _LOOKED_AT = 20, 100  # numbers shown, calls looked at
_LONGEST_EXTENSION, _LONGEST = 6, 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """A number of one of somebody's last calls. `name`: as the call tells it."""

    number: str
    name: str
    code: str
    direction: Direction
    call_id: str
    at: datetime


@needs(Permission.SEE_CUSTOMERS)
async def show(request: web.Request) -> web.StreamResponse:
    """GET /phone-book."""
    return await _page(request)


@needs(Permission.SEE_CUSTOMERS)
async def add(request: web.Request) -> web.StreamResponse:
    """POST /phone-book: a customer's `code`, or a `number`, with a `name`; then `back` to the page it came from."""
    form = await request.post()
    told = {name: clean(str(form.get(name, "")), _LONGEST) for name in ("code", "number", "name", "back")}
    error, code, number = "", "", ""
    if told["code"]:
        customer = await request.app[PARTS].book.get(told["code"])
        if customer is None or not await seen.may_see(request, customer.code, customer.sheet.agent):
            raise web.HTTPNotFound
        code = customer.code
    else:
        number = number_of(told["number"], request.app[keys.REGION])
        error = "" if number else "book.error.number"
    if not error and not await request.app[PARTS].phone_book.add(
        request[keys.USER].name, code=code, number=number, name=told["name"]
    ):
        error = "book.error.full"
    if error:
        return await _page(request, error, told["number"], told["name"])
    raise web.HTTPSeeOther(_back(told["back"]))


@needs(Permission.SEE_CUSTOMERS)
async def remove(request: web.Request) -> web.StreamResponse:
    """POST /phone-book/{line}/remove: and `back`."""
    back = str((await request.post()).get("back", ""))
    await request.app[PARTS].phone_book.remove(request[keys.USER].name, request.match_info["line"])
    raise web.HTTPSeeOther(_back(back))


def number_of(text: str, region: str) -> str:
    """What is kept of a number as typed: E.164, or an extension of ours; empty: it is neither."""
    number = phone.to_e164(text, region)
    if number is not None:
        return number
    plain = digits.to_ascii(text).strip()
    is_extension = plain.isascii() and plain.isdigit() and 2 <= len(plain) <= _LONGEST_EXTENSION
    return plain if is_extension else ""


def recent(lines: Sequence[CallLine], extension: str, region: str) -> list[Recent]:
    """The other side of these calls, each number once, with its last call."""
    found: dict[str, Recent] = {}
    for line in lines:
        inbound = line.direction is Direction.INBOUND
        number = line.caller if inbound or line.caller != extension else line.called
        key = phone.to_e164(number, region) or number
        if number and number != extension and key not in found:
            found[key] = Recent(
                number=key,
                name=line.name if inbound else "",
                code=line.customer_code,
                direction=line.direction,
                call_id=line.call_id,
                at=line.started_at,
            )
    return list(found.values())[:_RECENT]


async def _page(request: web.Request, error: str = "", number: str = "", name: str = "") -> web.Response:
    parts, account = request.app[PARTS], request[keys.USER]
    lines: Sequence[CallLine] = ()
    if account.extension:
        wanted = Wanted(own=account.extension)
        lines = (await request.app[keys.CALLS].search(wanted, limit=_LOOKED_AT)).lines
    kept = await parts.phone_book.of(account.name)
    last = recent(lines, account.extension, request.app[keys.REGION])
    context = {
        "lines": [line for line in kept if not line.code or await seen.may_see(request, line.code)],
        "recent": last,
        "kept_numbers": {line.number for line in kept},
        "has_phone": bool(account.extension),
        "agents": await request.app[keys.AGENTS].names(),
        "error": error,
        "number": number,
        "name": name,
        "turn": seen.turned(request, "/phone-book"),
    }
    return pages.page(request, "customers/book.html", context, status=400 if error else 200)


def _back(text: str) -> str:
    """A page of customers, or the phone book."""
    back = guard.safe_next(text)
    return back if back.startswith("/customers") else "/phone-book"


ROUTES = [
    web.get("/phone-book", show),
    web.post("/phone-book", add),
    web.post("/phone-book/{line:[0-9a-f]{16}}/remove", remove),
]
