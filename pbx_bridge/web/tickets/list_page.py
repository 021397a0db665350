"""`/tickets`: the tickets and complaints, the newest first, by any filters together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aiohttp import web

from pbx_bridge.store.ticket_rows import OPEN, TicketKey
from pbx_bridge.store.ticket_steps import FullTicket
from pbx_bridge.values.hostile import clean
from pbx_bridge.web import keys, pages
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.tickets import filters
from pbx_bridge.web.tickets.filters import ALL, ME, NOBODY, Filters, address
from pbx_bridge.web.tickets.people import assignees, may_see
from pbx_bridge.web.tickets.ports import PARTS
from pbx_bridge.web.tickets.promises import lines
from pbx_bridge.web.viewer import Viewer

PAGE = 40


@needs(Permission.SEE_CUSTOMERS)
async def show(request: web.Request) -> web.Response:
    """GET /tickets."""
    found, who, book = filters.read(request.query), pages.viewer(request), request.app[PARTS].tickets
    after = TicketKey.parse(request.query.get("after", "")[:60])
    tickets: Sequence[FullTicket] = ()
    if not found.errors:
        near_until = book.promises.near_until(who.now)
        wanted = found.search(request[keys.USER].name, who.now, near_until, after, PAGE + 1)
        tickets = await book.search(wanted)
    context = await _context(request, found, who, tickets, more=after is not None)
    return pages.page(request, "tickets/list.html", context, status=400 if found.errors else 200)


async def _context(
    request: web.Request, found: Filters, who: Viewer, tickets: Sequence[FullTicket], *, more: bool
) -> Mapping[str, Any]:
    page = tickets[:PAGE]
    older = address({**found.asked, "after": str(TicketKey.of(page[-1]))}) if len(tickets) > PAGE else ""
    # A page is shorter where some of it is not for them; what comes after it is still there.
    shown = [one for one in page if await may_see(request, one.customer_code, one.assigned_to)]
    people = await assignees(request)
    if (told := found.typed["assigned"]) not in ("", ME, NOBODY, *people):
        people = [*people, told]
    return {
        "found": found,
        "lines": lines(shown, request.app[PARTS].tickets.promises, who),
        "tabs_": list(_tabs(found, who)),
        "chips_": list(_chips(found, who)),
        "people": people,
        # What is meant where none is picked stands first, in its own words.
        "states": [state for state in filters.STATES if state != (ALL if found.typed["q"] else OPEN)],
        "kinds": filters.KINDS,
        "promises_": filters.PROMISES,
        "older": older,
        "newest": address(found.asked) if more else "",
        "more": more,
    }


def _tabs(found: Filters, who: Viewer) -> Iterator[tuple[str, str, bool]]:
    """The lists that are asked for every day."""
    ready: Mapping[str, dict[str, str]] = {
        "open": {},
        "mine": {"assigned": ME},
        "nobody": {"assigned": NOBODY},
        "broken": {"promise": "broken"},
        "near": {"promise": "near"},
        "all": {"status": ALL},
    }
    for word, query in ready.items():
        if query != {"assigned": ME} or who.may(Permission.HANDLE):
            yield address(query), who.t(f"tickets.tab.{word}"), found.asked == query
    yield "/complaints", who.t("complaints.title"), False


def _chips(found: Filters, who: Viewer) -> Iterator[tuple[str, str]]:
    for name, text in found.asked.items():
        without = {other: value for other, value in found.asked.items() if other != name}
        yield f"{who.t(f'tickets.filter.{name}')}: {_word(name, text, who)}", address(without)


def _word(name: str, text: str, who: Viewer) -> str:
    match name:
        case "status":
            return who.t(f"tickets.status.{text}")
        case "kind":
            return who.t(f"ticket.kind_{text}")
        case "promise":
            return who.t(f"tickets.tab.{text}")
        case "assigned" if text in (ME, NOBODY):
            return who.t(f"tickets.assigned.{text}")
        case _:
            return who.show.digits(who.private(clean(text, 64)))


ROUTES = [web.get("/tickets", show)]
