"""What other parts of the house put on the desk: a template of their own, and what it is given.

    blocks.add(app, Block(name="pause", place="state", template="dial/_state.html", give=what_it_needs))

`place` says where: `state` is the line at the top, `side` stands beside the last calls (callbacks that are due),
`card` is in the card of each call, `wrap` in the form that is filled in when it ends. What a page's block shows lives
by its own means (an hx-get of its own, say); a card's block is painted anew with its card.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog
from aiohttp import web

from pbx_bridge.errors import StoreError
from pbx_bridge.web.desk.model import Hand

_log = structlog.get_logger(__name__)

Given = Mapping[str, Any]


async def _nothing(_: object) -> Given:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class CardAbout:
    """Of which call a card's block is asked. `codes`: the customers it may be with; `user`: the agent's account."""

    hand: Hand
    number: str
    codes: tuple[str, ...]
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block.

    Attributes:
        template: given `told` (what `give` or `of_card` returned), `v`, `t`, `show`; a card's also `hand`.
        give: of a `state` or `side` block, by request. Raises StoreError.
        of_card: of a `card` or `wrap` block. Raises StoreError.
    """

    name: str
    place: Literal["state", "side", "card", "wrap"]
    template: str
    give: Callable[[web.Request], Awaitable[Given]] = field(default=_nothing)
    of_card: Callable[[CardAbout], Awaitable[Given]] = field(default=_nothing)


BLOCKS: web.AppKey[list[Block]] = web.AppKey("desk_blocks")


def add(app: web.Application, block: Block) -> None:
    """Put a block on the desk; before or after the desk itself is installed, in this order on the page."""
    app.setdefault(BLOCKS, []).append(block)


def of_card(blocks: Sequence[Block]) -> Sequence[Block]:
    """Those that belong to one call."""
    return [block for block in blocks if block.place in ("card", "wrap")]


async def of_page(request: web.Request) -> Sequence[tuple[Block, Given]]:
    """Those of the page, with what they show. One that cannot be read is left out: cards come without it."""
    blocks = [block for block in request.app.get(BLOCKS, []) if block.place in ("state", "side")]
    return [(block, told) for block in blocks if (told := await asked(block, block.give(request))) is not None]


async def asked(block: Block, give: Awaitable[Given]) -> Given | None:
    """What a block shows; None: it failed, which must not take the desk away."""
    try:
        return await give
    except StoreError as error:
        _log.warning("desk_block_not_read", block=block.name, reason=str(error))
    except Exception:
        _log.exception("desk_block_broken", block=block.name)
    return None
