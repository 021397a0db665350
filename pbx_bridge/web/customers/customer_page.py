"""`/customers/{code}`: who they are, how to reach them, what they may ask of us, what happened, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from pbx_bridge.store.contracts_rules import standing
from pbx_bridge.store.customers import KeptCustomer
from pbx_bridge.store.customers_story import Happening, Story, StoryKind
from pbx_bridge.store.lines import line_of
from pbx_bridge.web import keys, pages, words
from pbx_bridge.web.addresses import customer_address
from pbx_bridge.web.call import own
from pbx_bridge.web.call.ports import PARTS as CALL_PARTS
from pbx_bridge.web.contracts.ports import PARTS as CONTRACTS
from pbx_bridge.web.customers import seen
from pbx_bridge.web.customers.ports import PARTS
from pbx_bridge.web.history.rows import Row, row_of
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.tickets.promises import promises_of
from pbx_bridge.web.viewer import Viewer

PAGE = 30
LATELY, WRONG_SHOWN = timedelta(days=90), 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A happening as it is shown. `row` and `opens` are of a call: how it went, and whether its page is theirs."""

    one: Happening
    row: Row | None = None
    opens: bool = False


@needs(Permission.SEE_CUSTOMERS)
async def show(request: web.Request) -> web.StreamResponse:
    """GET /customers/{code}: `kind` and `before` are of the story."""
    customer = await seen.find(request)
    who, parts = pages.viewer(request), request.app[PARTS]
    kind = _kind(request.query.get("kind", ""))
    mine = seen.calls_shown(request)
    before = request.query.get("before", "")[:100]
    story = await parts.stories.page(customer.code, kind=kind, before=before, limit=PAGE, mine=mine)
    context = {
        **await _head(request, customer, who),
        "troubles": await parts.stories.troubles(customer.code, who.now - LATELY, WRONG_SHOWN, mine=mine),
        "promises": await promises_of(request, customer.code),
        "told": [await _told(request, one, who) for one in story.happenings],
        "story": story,
        "kinds": _tabs(customer.code, kind, who),
        "older": _older(customer.code, kind, story),
        "newest": customer_address(customer.code, _query(kind)) if before else "",
        "narrowed": mine is not None,
    }
    return pages.page(request, "customers/customer.html", context)


async def _head(request: web.Request, customer: KeptCustomer, who: Viewer) -> Mapping[str, Any]:
    """What stands above the story."""
    parts, code = request.app[PARTS], customer.code
    today = who.show.local(who.now).date()
    contract = await parts.contracts.contract(code, today)
    lines = [line for line in await parts.phone_book.of(who.user) if line.code == code]
    shared = {}
    for number, others in (await parts.book.shared(customer)).by_phone.items():
        shared[number] = [other for other in others if await seen.may_see(request, other[0])]
    return {
        "code": code,
        "sheet": customer.sheet,
        "has_pin": customer.has_pin,
        "shared": shared,
        "contract": contract,
        "stands": standing(contract, today, request.app[CONTRACTS].months),
        "unfinished": await request.app[CALL_PARTS].context.unfinished(code),
        "agents": await request.app[keys.AGENTS].names(),
        "favourite": next((line.id for line in lines if not line.number), ""),
        "merges": await parts.merges.of(code),
        "address": customer_address(code),
        "what": request.query.get("did", ""),
        "known": words.known,
    }


async def _told(request: web.Request, one: Happening, who: Viewer) -> Told:
    if one.call is None:
        return Told(one=one)
    mine = own.mine_of(request)
    row = row_of(line_of(one.call), who, await request.app[keys.AGENTS].names())
    return Told(one=one, row=row, opens=mine is None or mine(one.call.call))


def _kind(text: str) -> StoryKind | None:
    return StoryKind(text) if text in tuple(StoryKind) else None


def _query(kind: StoryKind | None, **more: str) -> str:
    told = {**({"kind": kind.value} if kind else {}), **more}
    return f"?{urlencode(told)}" if told else ""


def _tabs(code: str, here: StoryKind | None, who: Viewer) -> list[tuple[str, str, bool]]:
    every = [(customer_address(code, "#story"), who.t("customers.story.all"), here is None)]
    return every + [
        (customer_address(code, f"{_query(kind)}#story"), who.t(f"customers.story.{kind}"), here is kind)
        for kind in StoryKind
    ]


def _older(code: str, kind: StoryKind | None, story: Story) -> str:
    return customer_address(code, f"{_query(kind, before=story.older)}#story") if story.older else ""


ROUTES = [web.get(seen.ADDRESS, show)]
