"""Which customer a request is about, if whoever asks may see them. Others are not there for them: 404, never 403."""

from __future__ import annotations

from aiohttp import web
from yarl import URL

from pbx_bridge.store.call_context import Mine
from pbx_bridge.store.crm import plain_code
from pbx_bridge.store.customers import KeptCustomer
from pbx_bridge.web import keys, language, pages
from pbx_bridge.web.addresses import customer_address
from pbx_bridge.web.call import own
from pbx_bridge.web.customers.ports import PARTS
from pbx_bridge.web.permits import own_only
from pbx_bridge.web.show import Language

ADDRESS = "/customers/{code}"


def only_own(request: web.Request) -> bool:
    """Whether whoever asks sees only customers they had to do with."""
    return not request.app[PARTS].agents_see_all and own_only(request[keys.USER]) is not None


def calls_shown(request: web.Request) -> Mine | None:
    """Which calls of a customer they are told of; None: every one."""
    return own.mine_of(request) if only_own(request) else None


def turned(request: web.Request, address: str) -> str:
    """The page in the other language; `address`: where it is, as that of a form that was sent can only be sent to."""
    other = Language.EN if pages.viewer(request).show.persian else Language.FA
    here = request.rel_url if request.method == "GET" else URL(address, encoded=True)
    return str(here.update_query({language.PARAMETER: other.value}))


async def may_see(request: web.Request, code: str, agent: str | None = None) -> bool:
    """Whether they may see a customer; `agent`: that customer's own, where it is known. Raises StoreError."""
    if not only_own(request):
        return True
    parts, extension = request.app[PARTS], request[keys.USER].extension
    if not extension:
        return False
    if agent is None:
        customer = await parts.book.get(code)
        agent = customer.sheet.agent if customer else ""
    return agent == extension or await parts.stories.met(code, extension, parts.queues_of(extension))


async def find(request: web.Request, tail: str = "") -> KeptCustomer:
    """The customer of the address. `tail`: of the page, behind the code, to go on to from a code that was merged.

    Raises HTTPNotFound: there is none for them; HTTPSeeOther: they go on under another code; StoreError.
    """
    asked = request.match_info["code"]
    customer = await request.app[PARTS].book.get(asked)
    if customer is None or not await may_see(request, customer.code, customer.sheet.agent):
        raise web.HTTPNotFound
    if customer.code != plain_code(asked):
        raise web.HTTPSeeOther(customer_address(customer.code, tail))
    return customer
