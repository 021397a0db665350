"""`/contracts/{code}/{number}`: one contract, what was used in its term, and the renewal: notes, steps, won, lost."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from urllib.parse import urlencode

from aiohttp import web

from pbx_bridge.store.contracts import ContractLine
from pbx_bridge.store.contracts_renewal import LONGEST, LONGEST_NUMBER, NewEntry, Refused
from pbx_bridge.store.contracts_rules import Entry, Kind, next_number, renewal_of, undone
from pbx_bridge.values import dates
from pbx_bridge.web import keys, pages
from pbx_bridge.web.contracts.list_page import tabs, today_of, use_of
from pbx_bridge.web.contracts.ports import PARTS
from pbx_bridge.web.contracts.rows import address_of, row_of, span, word
from pbx_bridge.web.customers import seen
from pbx_bridge.web.desk.page import tell_of_callbacks
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.tickets.people import assignees

ADDRESS = "/contracts/{code}/{number:.+}"
_FIELDS = ("do", "token", "text", "day", "clock", "phone", "owner", "ends_on", "number", "level", "reason", "entry")
_TOKEN = re.compile(r"[0-9a-f]{16}")
_CLOCK = "09:00"
_YEAR = 12  # Jalali months that a renewal is for, unless told
_PREVIEW = 200


class _Wrong(Exception):
    """What was typed cannot be; the message is the key of its words."""


@needs(Permission.SEE_CUSTOMERS)
async def show(request: web.Request) -> web.StreamResponse:
    """GET /contracts/{code}/{number}."""
    return await _render(request, await _find(request))


@needs(Permission.EDIT_CUSTOMERS)
async def do(request: web.Request) -> web.StreamResponse:
    """POST /contracts/{code}/{number}: `do` is note, step, won, lost or undo; `token` is the form's own."""
    line = await _find(request)
    form = await request.post()
    typed = {name: str(form.get(name, ""))[: LONGEST + 1] for name in _FIELDS}
    code, number = line.contract.customer_code, line.contract.number
    try:
        new = await _new(request, line, typed)
    except _Wrong as wrong:
        return await _render(request, line, typed, str(wrong))
    told = await request.app[PARTS].book.write(code, number, new)
    if isinstance(told, Refused):
        return await _render(request, line, typed, f"contract.refused_{told}")
    detail = " ".join(one for one in (told.reason, told.renewed, told.text) if one)[:_PREVIEW]
    about = f"contract:{code}:{number}"
    await request.app[keys.AUDIT].note(
        request[keys.USER], f"contract_{told.kind}", about, detail, request.remote or ""
    )
    tell_of_callbacks(request.app, new.owner)
    raise web.HTTPSeeOther(f"{address_of(code, number)}#renewal")


async def _find(request: web.Request) -> ContractLine:
    """The contract of the address. Raises HTTPNotFound, StoreError."""
    told = request.match_info
    line = await request.app[PARTS].book.get(told["code"], told["number"])
    if line is None or not await seen.may_see(request, line.contract.customer_code):
        raise web.HTTPNotFound
    return line


async def _new(request: web.Request, line: ContractLine, typed: Mapping[str, str]) -> NewEntry:
    """What the form asks for. Raises _Wrong."""
    if typed["do"] not in tuple(Kind) or not _TOKEN.fullmatch(typed["token"]):
        raise _Wrong("ticket.form")
    kind, user = Kind(typed["do"]), request[keys.USER].name
    if len(typed["text"]) > LONGEST:
        raise _Wrong("contract.long")
    new = NewEntry(origin=typed["token"], kind=kind, user=user, text=typed["text"])
    match kind:
        case Kind.STEP:
            if typed["owner"] not in await assignees(request):
                raise _Wrong("contract.no_owner")
            phone = await _phone(request, line, typed["phone"])
            return replace(new, due=_due(request, typed), phone=phone, owner=typed["owner"])
        case Kind.WON:
            ends_on = _day(typed["ends_on"])
            return replace(new, renewed_to=ends_on, renewed=typed["number"], level=typed["level"])
        case Kind.LOST:
            if typed["reason"] not in request.app[PARTS].reasons:
                raise _Wrong("contract.refused_no_reason")
            return replace(new, reason=typed["reason"])
        case Kind.UNDO:
            return replace(new, undoes=typed["entry"])
        case Kind.NOTE:
            return new


def _day(text: str) -> date:
    try:
        return dates.parse_date(text)
    except (ValueError, OverflowError):
        raise _Wrong("error.date") from None


def _due(request: web.Request, typed: Mapping[str, str]) -> datetime:
    """When; aware. Raises _Wrong: no such time, or it is past."""
    try:
        due = dates.parse_datetime(
            f"{typed['day'].strip()} {typed['clock'].strip() or _CLOCK}", request.app[keys.ZONE]
        )
    except (ValueError, OverflowError):
        raise _Wrong("error.date") from None
    if due < request.app[keys.CLOCK]():
        raise _Wrong("contract.past")
    return due


async def _phone(request: web.Request, line: ContractLine, key: str) -> str:
    contacts = await request.app[PARTS].book.contacts(line.contract.customer_code)
    return next((number for _, number in contacts if key_of(number) == key), "")


def key_of(number: str) -> str:
    """A number's name in a form: whoever sees no whole numbers finds none there."""
    return hashlib.sha256(number.encode()).hexdigest()[:12]


async def _render(
    request: web.Request, line: ContractLine, typed: Mapping[str, str] | None = None, error: str = ""
) -> web.Response:
    parts, who, contract = request.app[PARTS], pages.viewer(request), line.contract
    code, number = contract.customer_code, contract.number
    entries = await parts.book.entries(code, number)
    row = row_of(line, who, today_of(request), parts.months)
    contacts = await parts.book.contacts(code)
    context = {
        "row": row,
        "line": line,
        "contract": contract,
        "use": await use_of(request, line),
        "calls": _calls_of(line),
        "dials": await parts.dials.about(f"contract:{code}:{number}"),
        "contacts": contacts,
        "phones": [(key_of(phone), name, phone) for name, phone in contacts],
        "entries": _shown(entries),
        "renewal": renewal_of(entries, contract.ends_on),
        "tabs": tabs(who, ""),
        "span": span,
        "word": word,
        "owners": await assignees(request) if who.may(Permission.EDIT_CUSTOMERS) else (),
        "reasons": parts.reasons,
        "suggested": next_number(contract, {number}),
        "until": who.show.typed_day(dates.add_jalali_months(contract.ends_on, _YEAR)),
        "typed": typed or {},
        "error": error,
        "token": secrets.token_hex(8),
        "longest": LONGEST,
        "longest_number": LONGEST_NUMBER,
    }
    return pages.page(request, "contracts/one.html", context, status=400 if error else 200)


def _calls_of(line: ContractLine) -> str:
    """The address of the calls of the term."""
    contract = line.contract
    days = {"from": contract.starts_on.isoformat(), "to": contract.ends_on.isoformat()}
    return f"/calls?{urlencode({'customer': contract.customer_code, **days})}"


def _shown(entries: Sequence[Entry]) -> list[tuple[Entry, bool, Entry | None]]:
    """The latest first: each, whether it holds no more, and what it undoes."""
    gone, by_id = undone(entries), {entry.id: entry for entry in entries}
    return [(entry, entry.id in gone, by_id.get(entry.undoes)) for entry in reversed(entries)]


ROUTES = [web.get(ADDRESS, show), web.post(ADDRESS, do)]
