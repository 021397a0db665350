"""`/customers/new` and `/customers/{code}/edit`: written down, changed, taken out.

Of two who change the same customer the second is told what the first did; what they typed stays in the form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from pbx_bridge.store import CallLine
from pbx_bridge.store.customers import KeptCustomer, Sheet
from pbx_bridge.store.lines import line_of
from pbx_bridge.values.hostile import clean
from pbx_bridge.web import keys, pages, words
from pbx_bridge.web.addresses import customer_address
from pbx_bridge.web.call.own import mine_of
from pbx_bridge.web.customers import form as forms
from pbx_bridge.web.customers import seen
from pbx_bridge.web.customers.form import Form
from pbx_bridge.web.customers.ports import PARTS
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.viewer import Viewer

_FIELDS = ("name", "language", "tier", "agent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What somebody else changed of a customer: `field` is one of the form's, or a number."""

    field: str
    was: str
    now: str


@needs(Permission.EDIT_CUSTOMERS)
async def new(request: web.Request) -> web.StreamResponse:
    """GET /customers/new: `phone`, `name` and `call` fill in what is known of an unknown caller."""
    _check_sees_numbers(request)
    typed = clean(request.query.get("phone", ""), 60)
    name, call = clean(request.query.get("name", ""), forms.LONGEST_NAME), await _call(request)
    if call is not None:
        typed, name = typed or call.caller, name or clean(call.name, forms.LONGEST_NAME)
    lines = (forms.PersonLine(name="", phone=pages.viewer(request).show.phone(typed)),) if typed else ()
    return await _new(request, Form(name=name, lines=lines, agent=_own_agent(request)))


@needs(Permission.EDIT_CUSTOMERS)
async def create(request: web.Request) -> web.StreamResponse:
    """POST /customers/new: the form, and the `free` code it was given."""
    _check_sees_numbers(request)
    told = await _fields(request)
    form, sheet = forms.read(told, request.app[keys.REGION])
    if form.wrong:
        return await _new(request, form)
    if seen.only_own(request) and not sheet.agent:  # they would not see whom they wrote down
        sheet = _with_agent(sheet, request[keys.USER].extension)
    code = form.code or clean(told.get("free", [""])[0], forms.LONGEST_CODE)
    book = request.app[PARTS].book
    made = await book.create(code, sheet)
    there = await book.get(made.code) if made.why == "taken" else None
    if made.why and not (there is not None and there.sheet == sheet and not form.code):  # sent twice, made once
        return await _new(request, replace(form, errors={"code": f"customers.error.{made.why}"}))
    if not made.why:
        await _tell(request, "customer_made", made.code, sheet.name)
    raise web.HTTPSeeOther(customer_address(made.code, "?did=made"))


@needs(Permission.EDIT_CUSTOMERS)
async def edit(request: web.Request) -> web.StreamResponse:
    """GET /customers/{code}/edit."""
    _check_sees_numbers(request)
    customer = await seen.find(request, "/edit")
    form = forms.form_of(customer.code, customer.sheet, _written(customer.sheet, pages.viewer(request)))
    return await _edit(request, customer, form)


@needs(Permission.EDIT_CUSTOMERS)
async def save(request: web.Request) -> web.StreamResponse:
    """POST /customers/{code}/edit: the form, and the customer as it was when the form was shown (`was`)."""
    _check_sees_numbers(request)
    customer = await seen.find(request, "/edit")
    told = await _fields(request)
    form, sheet = forms.read(told, request.app[keys.REGION])
    was = forms.seen(told.get("was", [""])[0])
    if form.wrong or was is None:
        return await _edit(request, customer, form, was=was)
    saved = await request.app[PARTS].book.save(customer.code, was, sheet)
    if saved.now is None:
        raise web.HTTPNotFound
    if not saved.done and saved.now.sheet != sheet:
        return await _edit(request, saved.now, form, changes=changes(was, saved.now.sheet, pages.viewer(request)))
    if saved.done and was != sheet:
        detail = ", ".join(one.field for one in changes(was, sheet, pages.viewer(request)))
        await _tell(request, "customer_changed", customer.code, detail)
    raise web.HTTPSeeOther(customer_address(customer.code, "?did=saved"))


@needs(Permission.EDIT_CUSTOMERS)
async def delete(request: web.Request) -> web.StreamResponse:
    """POST /customers/{code}/delete."""
    _check_sees_numbers(request)
    customer = await seen.find(request)
    why_not = await request.app[PARTS].book.delete(customer.code)
    if why_not == "unknown":
        raise web.HTTPNotFound
    if why_not:
        form = forms.form_of(customer.code, customer.sheet, _written(customer.sheet, pages.viewer(request)))
        return await _edit(request, customer, form, stays=why_not)
    await _tell(request, "customer_deleted", customer.code, customer.sheet.name)
    raise web.HTTPSeeOther("/customers")


def _check_sees_numbers(request: web.Request) -> None:
    """The form has them whole. Raises HTTPForbidden for those from whom the settings hide them."""
    if not pages.viewer(request).may(Permission.SEE_NUMBERS):
        raise web.HTTPForbidden


def changes(was: Sheet, now: Sheet, who: Viewer) -> list[Changed]:
    """What differs between two states of a customer."""
    found = [
        Changed(field=name, was=getattr(was, name), now=getattr(now, name))
        for name in _FIELDS
        if getattr(was, name) != getattr(now, name)
    ]
    before = {one.phone_e164: one.name or " " for one in was.people}
    after = {one.phone_e164: one.name or " " for one in now.people}
    return found + [
        Changed(field=who.phone(number), was=before.get(number, ""), now=after.get(number, ""))
        for number in sorted({*before, *after})
        if before.get(number) != after.get(number)
    ]


async def _new(request: web.Request, form: Form) -> web.Response:
    call = clean(request.query.get("call", ""), 40)
    context = {
        **await _context(request, form, "/customers/new"),
        "free": await request.app[PARTS].book.free_code(),
        "call": call if await _call(request) is not None else "",
        "code": "",
        "action": "/customers/new",
        "was": "",
    }
    return pages.page(request, "customers/edit.html", context, status=400 if form.wrong else 200)


async def _edit(
    request: web.Request,
    customer: KeptCustomer,
    form: Form,
    *,
    was: Sheet | None = None,
    changes: Sequence[Changed] = (),
    stays: str = "",
) -> web.Response:
    address = customer_address(customer.code, "/edit")
    context = {
        **await _context(request, form, address),
        "code": customer.code,
        "action": address,
        # What they are shown now, they have seen.
        "was": forms.as_seen(was or customer.sheet),
        "changes": changes,
        "stays": stays,
        "address": customer_address(customer.code),
    }
    status = 409 if changes or stays else 400 if form.wrong else 200
    return pages.page(request, "customers/edit.html", context, status=status)


async def _context(request: web.Request, form: Form, address: str) -> Mapping[str, Any]:
    agents = await request.app[keys.AGENTS].names()
    return {
        "turn": seen.turned(request, address),
        "form": form,
        "blank": forms.BLANK,
        "languages": forms.LANGUAGES,
        "agents": agents,
        "changes": (),
        "stays": "",
        "longest_name": forms.LONGEST_NAME,
        "known": words.known,
    }


async def _fields(request: web.Request) -> Mapping[str, list[str]]:
    form = await request.post()
    told: dict[str, list[str]] = {}
    for name, value in form.items():
        if isinstance(value, str):
            told.setdefault(name, []).append(value)
    return told


async def _call(request: web.Request) -> CallLine | None:
    """The call of the address as a line, if they may see it."""
    row = await request.app[keys.CALLS].get(request.query.get("call", "")[:40])
    mine = mine_of(request)
    if row is None or (mine is not None and not mine(row.call)):
        return None
    return line_of(row)


def _own_agent(request: web.Request) -> str:
    return request[keys.USER].extension if seen.only_own(request) else ""


def _with_agent(sheet: Sheet, extension: str) -> Sheet:
    return Sheet(name=sheet.name, language=sheet.language, tier=sheet.tier, agent=extension, people=sheet.people)


def _written(sheet: Sheet, who: Viewer) -> Mapping[str, str]:
    return {one.phone_e164: who.show.phone(one.phone_e164) for one in sheet.people}


async def _tell(request: web.Request, what: str, code: str, detail: str) -> None:
    await request.app[keys.AUDIT].note(request[keys.USER], what, code, detail[:200], request.remote or "")


ROUTES = [
    web.get("/customers/new", new),
    web.post("/customers/new", create),
    web.get(f"{seen.ADDRESS}/edit", edit),
    web.post(f"{seen.ADDRESS}/edit", save),
    web.post(f"{seen.ADDRESS}/delete", delete),
]
