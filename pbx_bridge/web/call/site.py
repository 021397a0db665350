"""Puts the page of one call into the site."""

from __future__ import annotations

from aiohttp import web

from pbx_bridge.web.call import facts, notes, page, recordings, tickets
from pbx_bridge.web.call.ports import PARTS, CallParts

ROUTES = [*page.ROUTES, *recordings.ROUTES, *notes.ROUTES, *tickets.ROUTES, *facts.ROUTES]


def install(app: web.Application, parts: CallParts) -> None:
    """Give the pages what they need, and their routes."""
    app[PARTS], app[recordings.SITTINGS] = parts, recordings.Sittings()
    app.add_routes(ROUTES)
