"""Puts the contracts into the site."""

from __future__ import annotations

from aiohttp import web

from pbx_bridge.web.contracts import list_page, one_page
from pbx_bridge.web.contracts.ports import PARTS, ContractParts

ROUTES = [*list_page.ROUTES, *one_page.ROUTES]


def install(app: web.Application, parts: ContractParts) -> None:
    """Give the pages what they need, and their routes."""
    app[PARTS] = parts
    app.add_routes(ROUTES)
