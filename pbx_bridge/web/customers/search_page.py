"""`/customers`: found while somebody types, by name, code or number."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from pbx_bridge.store.customers_found import FoundCustomers, Hit
from pbx_bridge.values.hostile import clean
from pbx_bridge.web import pages
from pbx_bridge.web.customers.ports import PARTS
from pbx_bridge.web.customers.seen import may_see, only_own
from pbx_bridge.web.permits import Permission, needs

SHOWN = 20
_OF_ALL = 100  # looked at for those whom somebody may see
_LONGEST = 80


@needs(Permission.SEE_CUSTOMERS)
async def show(request: web.Request) -> web.StreamResponse:
    """GET /customers: `q` is what has been typed so far."""
    text = clean(request.query.get("q", ""), _LONGEST)
    found = await found_for(request, text) if text else FoundCustomers()
    context = {
        "q": text,
        "found": found,
        "narrowed": only_own(request),
        "write_down": f"/customers/new?{urlencode({_field(text): text})}",
    }
    return pages.page(request, "customers/search.html", context)


def _field(text: str) -> str:
    """What of a new customer was typed."""
    is_name = any(char.isalpha() for char in text) or not any(char.isdigit() for char in text)
    return "name" if is_name else "phone"


async def found_for(request: web.Request, text: str, limit: int = SHOWN) -> FoundCustomers:
    """What a search finds of the customers whom whoever asks may see. Raises StoreError."""
    narrowed, whole = only_own(request), not pages.viewer(request).may(Permission.SEE_NUMBERS)
    found = await request.app[PARTS].finder.find(text, _OF_ALL if narrowed else limit, whole_numbers=whole)
    if not narrowed:
        return found
    theirs: list[Hit] = [hit for hit in found.hits if await may_see(request, hit.code)]
    return FoundCustomers(hits=tuple(theirs[:limit]), more=found.more or len(theirs) > limit)


ROUTES = [web.get("/customers", show)]
