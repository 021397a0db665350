"""What the agent's desk shows in a card: the caller's promises that are near or broken, to be spoken of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from pbx_bridge.calls.promises import Stands
from pbx_bridge.store.ticket_steps import FullTicket
from pbx_bridge.web.desk import blocks
from pbx_bridge.web.desk.blocks import Block, CardAbout
from pbx_bridge.web.tickets.ports import TicketParts
from pbx_bridge.web.tickets.promises import Line, lines
from pbx_bridge.web.viewer import Viewer

_MOST = 3
_PRESSING = (Stands.BROKEN, Stands.NEAR)


def install(app: web.Application, parts: TicketParts) -> None:
    """Put it on the desk."""

    async def of_card(about: CardAbout) -> Mapping[str, Any]:
        found: list[FullTicket] = []
        for code in about.codes:
            found += await parts.tickets.open_of(code)
        return {"pressing": lambda who: _pressing(found, parts, who)}

    blocks.add(app, Block(name="promises", place="card", template="tickets/_card.html", of_card=of_card))


def _pressing(tickets: Sequence[FullTicket], parts: TicketParts, who: Viewer) -> Sequence[Line]:
    told = lines(tickets, parts.tickets.promises, who)
    return [line for line in told if line.worst is not None and line.worst.stands in _PRESSING][:_MOST]
