"""What a request asks of the history: its filters, the customers they name, and whose calls its account may see."""

from __future__ import annotations

from dataclasses import dataclass, replace

from aiohttp import web

from pbx_bridge.store.wanted import Wanted
from pbx_bridge.web import keys, pages, permits
from pbx_bridge.web.history import filters
from pbx_bridge.web.history.filters import Filters

_CUSTOMERS = 8  # walked side by side; a name that fits more customers says too little


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A search, and what the store is asked for it."""

    search: Filters
    wanted: Wanted


async def asked(request: web.Request) -> Asked:
    """The search of a request. Raises StoreError."""
    who = pages.viewer(request)
    search = filters.read(request.query, request.app[keys.ZONE], who.now, persian=who.show.persian)
    customers: tuple[str, ...] | None = None
    for text in search.named:
        found = await request.app[keys.CALLS].customers_named(text, _CUSTOMERS + 1)
        if len(found) > _CUSTOMERS:
            name = "customer" if text == search.typed["customer"] else "number"
            search = replace(search, errors={**search.errors, name: "error.customers"})
        codes = tuple(code for code, _ in found)
        customers = codes if customers is None else tuple(code for code in customers if code in codes)
    own = permits.own_only(request[keys.USER])
    return Asked(search=search, wanted=search.wanted(customers, own))
