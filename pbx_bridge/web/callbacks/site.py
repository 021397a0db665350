"""Puts callbacks and follow-ups into the site, and the reminder of them on the desk."""

from __future__ import annotations

from aiohttp import web

from pbx_bridge.web.callbacks import calendar, due, list_page, one_page
from pbx_bridge.web.callbacks.ports import PARTS, CallbackParts
from pbx_bridge.web.desk import blocks

ROUTES = [*list_page.ROUTES, *calendar.ROUTES, *due.ROUTES, *one_page.ROUTES]


def install(app: web.Application, parts: CallbackParts) -> None:
    """Give the pages what they need, and their routes."""
    app[PARTS] = parts
    app.add_routes(ROUTES)
    blocks.add(app, blocks.Block(name="callbacks", place="side", template="callbacks/_due.html", give=due.told))
