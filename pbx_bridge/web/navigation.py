"""Where a person may go from any page: the page sets this site has, of those the ones their role may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from pbx_bridge.web import permits

# In the order of a lead's day. The address of a set's first page, and the word for it.
_SETS = (
    ("/", "nav.status"),
    ("/desk", "nav.desk"),
    ("/calls", "nav.calls"),
    ("/customers", "nav.customers"),
    ("/tickets", "nav.tickets"),
    ("/board", "nav.board"),
    ("/callbacks", "nav.callbacks"),
    ("/contracts", "nav.contracts"),
    ("/reports", "nav.reports"),
    ("/moments", "nav.moments"),
    ("/flow", "nav.flow"),
    ("/admin", "nav.admin"),
    ("/account", "nav.account"),
)

# Everybody may ask for `/` and is sent on from there; the link is for those who stay.
_INSTEAD = {"/": permits.Permission.SEE_STATUS}

ACCOUNT = "/account"
_SELDOM = frozenset({"/moments", "/flow", "/admin"})  # behind "more" for those who may see so much that a row is full
_ROW = 9

_NEEDS: web.AppKey[Mapping[str, permits.Permission | None]] = web.AppKey("navigation_needs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One entry. `word` is a key; `here`: the page shown is of this set; `more`: it stands with the seldom ones."""

    address: str
    word: str
    here: bool
    more: bool = False


def install(app: web.Application) -> None:
    """Note what each page set needs, once every route is there: what has no route gets no link."""
    handlers = {
        route.resource.canonical: route.handler
        for route in app.router.routes()
        if route.method == "GET" and route.resource is not None
    }
    app[_NEEDS] = {
        address: _INSTEAD.get(address, permits.needed(handlers[address]))
        for address, _ in _SETS
        if address in handlers
    }


def links(app: web.Application, path: str, account: permits.Account | None) -> Sequence[Link]:
    """The entries for somebody who looks at `path`; none before sign-in."""
    if account is None:
        return ()
    needs = app.get(_NEEDS, {})
    open_to = [(address, word) for address, word in _SETS if address in needs and _may(account, needs[address])]
    full = sum(address != ACCOUNT for address, _ in open_to) > _ROW
    return [
        Link(address=address, word=word, here=_is_of(path, address), more=full and address in _SELDOM)
        for address, word in open_to
    ]


def home(found: Sequence[Link]) -> str:
    """The first page of somebody's: the status page, or where else they may go."""
    return found[0].address if found else "/"


def _may(account: permits.Account, needed: permits.Permission | None) -> bool:
    return needed is None or permits.may(account.role, needed)


def _is_of(path: str, address: str) -> bool:
    return path == address or (address != "/" and path.startswith(f"{address}/"))
