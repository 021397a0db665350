"""Puts the pages of customers into the site."""

from __future__ import annotations

from aiohttp import web

from pbx_bridge.web.customers import book_page, customer_page, edit_page, merge_page, search_page
from pbx_bridge.web.customers.ports import PARTS, CustomerParts

# What has an address of its own before what stands for any code.
ROUTES = [
    *search_page.ROUTES,
    *edit_page.ROUTES,
    *merge_page.ROUTES,
    *customer_page.ROUTES,
    *book_page.ROUTES,
]


def install(app: web.Application, parts: CustomerParts) -> None:
    """Give the pages what they need, and their routes."""
    app[PARTS] = parts
    app.add_routes(ROUTES)
