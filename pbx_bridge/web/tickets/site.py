"""Puts the pages of tickets and complaints into the site."""

from __future__ import annotations

from aiohttp import web

from pbx_bridge.web.tickets import card, complaints_page, do_page, list_page, message_page, new_page, ticket_page
from pbx_bridge.web.tickets.ports import PARTS, TicketParts

ROUTES = [
    *list_page.ROUTES,
    *new_page.ROUTES,
    *ticket_page.ROUTES,
    *do_page.ROUTES,
    *message_page.ROUTES,
    *complaints_page.ROUTES,
]


def install(app: web.Application, parts: TicketParts) -> None:
    """Give the pages what they need, and their routes."""
    app[PARTS] = parts
    card.install(app, parts)
    app.add_routes(ROUTES)
