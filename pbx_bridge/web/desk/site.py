"""Puts the desk into the site."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from pbx_bridge.tasks import beside
from pbx_bridge.web import keys
from pbx_bridge.web.board.feed import LiveFeed
from pbx_bridge.web.board.page import BOARD
from pbx_bridge.web.call import ports as call_ports
from pbx_bridge.web.contracts.ports import PARTS as CONTRACTS
from pbx_bridge.web.desk import acts, page
from pbx_bridge.web.desk.blocks import BLOCKS
from pbx_bridge.web.desk.desk import Means
from pbx_bridge.web.desk.facts import Facts
from pbx_bridge.web.desk.hub import Hub
from pbx_bridge.web.desk.last import LastBook
from pbx_bridge.web.desk.pieces import Painter
from pbx_bridge.web.desk.ports import PARTS, DeskParts

ROUTES = [*page.ROUTES, *acts.ROUTES]


def install(app: web.Application, parts: DeskParts, feed: LiveFeed) -> None:
    """Make the desks; after the board, with which they share what is on record, one call's page and contracts."""
    blocks = app.setdefault(BLOCKS, [])
    means = Means(
        parts=parts,
        facts=Facts(parts.cards),
        last=LastBook(app[keys.CALLS], app[call_ports.PARTS].context),
        blocks=blocks,
        painter=Painter(blocks, parts.reasons, app[CONTRACTS].months),
        clock=app[keys.CLOCK],
    )
    app[PARTS] = parts
    app[page.HUB] = Hub(means, app[keys.CALLS], feed, app[BOARD].record, app[keys.HEALTH])
    app.add_routes(ROUTES)
    app.cleanup_ctx.append(_follow)
    app.on_shutdown.append(_end)


async def _follow(app: web.Application) -> AsyncIterator[None]:
    hub = app[page.HUB]
    async with beside(hub.follow(), name="web_desks"), beside(hub.listen(), name="web_desks_record"):
        yield
    hub.close()
    await hub.ended()


async def _end(app: web.Application) -> None:
    app[page.HUB].close()
