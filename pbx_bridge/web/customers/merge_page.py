"""`/customers/{code}/merge`: two customers who are one are made one, and two again if that was wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from pbx_bridge.store.customer_merges import MergeRefused
from pbx_bridge.store.customers import KeptCustomer
from pbx_bridge.store.customers_found import FoundCustomers
from pbx_bridge.values.hostile import clean
from pbx_bridge.web import keys, pages, words
from pbx_bridge.web.addresses import customer_address
from pbx_bridge.web.customers import seen
from pbx_bridge.web.customers.ports import PARTS
from pbx_bridge.web.customers.search_page import found_for
from pbx_bridge.web.permits import Permission, needs

_LONGEST = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two, and what would move if the other stayed: rows by table."""

    customer: KeptCustomer
    moving: Mapping[str, int]


@needs(Permission.MERGE_CUSTOMERS)
async def choose(request: web.Request) -> web.StreamResponse:
    """GET /customers/{code}/merge: `q` looks for the other one, `with` names them."""
    return await _page(request, await seen.find(request, "/merge"), request.query.get("with", ""))


@needs(Permission.MERGE_CUSTOMERS)
async def merge(request: web.Request) -> web.StreamResponse:
    """POST /customers/{code}/merge: the customer of the address stays, that of `gone` becomes a part of it."""
    customer = await seen.find(request, "/merge")
    gone = clean(str((await request.post()).get("gone", "")), _LONGEST)
    there = await request.app[PARTS].book.get(gone)
    if there is not None and there.code == customer.code and there.code != gone:  # sent twice, done once
        raise web.HTTPSeeOther(customer_address(customer.code, "?did=merged#merges"))
    try:
        done = await request.app[PARTS].merges.merge(gone, customer.code, request[keys.USER].name)
    except MergeRefused as refused:
        return await _page(request, customer, gone, refused.why)
    await _tell(request, "customers_merged", customer.code, gone)
    raise web.HTTPSeeOther(customer_address(done.kept_code, "?did=merged#merges"))


@needs(Permission.MERGE_CUSTOMERS)
async def undo(request: web.Request) -> web.StreamResponse:
    """POST /customers/{code}/merges/{merge}/undo: back to the customer who had stayed, who says what came of it."""
    customer = await seen.find(request)
    try:
        done = await request.app[PARTS].merges.undo(request.match_info["merge"], request[keys.USER].name)
    except MergeRefused as refused:
        raise web.HTTPSeeOther(customer_address(customer.code, f"?did={refused.why}#merges")) from refused
    await _tell(request, "merge_undone", done.kept_code, done.gone_code)
    raise web.HTTPSeeOther(customer_address(done.kept_code, "?did=undone#merges"))


async def _page(request: web.Request, customer: KeptCustomer, other_code: str, error: str = "") -> web.Response:
    parts = request.app[PARTS]
    text = clean(request.query.get("q", ""), _LONGEST)
    other = await parts.book.get(clean(other_code, _LONGEST)) if other_code else None
    if other is not None and other.code == customer.code:
        other = None
        error = error or "same"
    elif other is None and other_code:
        error = error or "unknown"
    shared = (await parts.book.shared(customer)).by_phone
    context = {
        "turn": seen.turned(request, customer_address(customer.code, "/merge")),
        "code": customer.code,
        "address": customer_address(customer.code),
        "sides": [await _side(request, one) for one in (customer, other)] if other is not None else [],
        "name": customer.sheet.name,
        "alike": list(dict.fromkeys(one for others in shared.values() for one in others)),
        "q": text,
        "found": await found_for(request, text) if text else FoundCustomers(),
        "error": error,
        "agents": await request.app[keys.AGENTS].names(),
        "known": words.known,
    }
    return pages.page(request, "customers/merge.html", context, status=409 if error else 200)


async def _side(request: web.Request, customer: KeptCustomer) -> Side:
    return Side(customer=customer, moving=await request.app[PARTS].merges.moving(customer.code))


async def _tell(request: web.Request, what: str, code: str, detail: str) -> None:
    await request.app[keys.AUDIT].note(request[keys.USER], what, code, detail, request.remote or "")


ROUTES = [
    web.get(f"{seen.ADDRESS}/merge", choose),
    web.post(f"{seen.ADDRESS}/merge", merge),
    web.post(f"{seen.ADDRESS}/merges/{{merge:[0-9a-f]{{16}}}}/undo", undo),
]
