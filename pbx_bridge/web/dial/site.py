"""Puts telephony into the site, and each agent's phone on their desk."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from pbx_bridge.web import keys
from pbx_bridge.web.desk import blocks
from pbx_bridge.web.dial import api, page, phone_page, stream
from pbx_bridge.web.dial.hub import PhoneHub
from pbx_bridge.web.dial.ports import PARTS, DialParts
from pbx_bridge.web.dial.state import HUB, state_for

ROUTES = [*phone_page.ROUTES, *stream.ROUTES, *page.ROUTES, *api.ROUTES]


def install(app: web.Application, parts: DialParts) -> None:
    """Give the pages what they need, and their routes."""
    app[PARTS], app[HUB] = parts, PhoneHub(parts, app[keys.AGENTS], app[keys.CLOCK])
    blocks.add(app, blocks.Block(name="phone", place="state", template="dial/_state.html", give=_phone))
    app.add_routes(ROUTES)
    app.on_shutdown.append(_end)


async def _phone(request: web.Request) -> dict[str, Any]:
    return {"phone": await state_for(request)}


async def _end(app: web.Application) -> None:
    app[HUB].close()
