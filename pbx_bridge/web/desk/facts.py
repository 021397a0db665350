"""What is known of the calls on all desks: read once for every desk that shows a call, and again when it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from pbx_bridge.errors import StoreError
from pbx_bridge.store.desk_cards import Asked, CardFacts
from pbx_bridge.web.desk.blocks import Block, CardAbout, Given, asked
from pbx_bridge.web.desk.ports import Cards

_log = structlog.get_logger(__name__)

PATIENCE_S = 0.25  # then the card shows what the phone alone tells, and is completed when the rest is there
FRESH_S = 0.9  # what was read is shown on another desk without reading it anew
_MOST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a card may show besides the call itself.

    Attributes:
        facts: None: not read yet, or it cannot be.
        failed: it cannot be read now.
    """

    facts: CardFacts | None = None
    failed: bool = False
    blocks: Mapping[str, Given] = field(default_factory=dict)


_READING, _FAILED = Known(), Known(failed=True)


class Facts:
    """Reads for the desks.

    Args:
        cards: where from.
    """

    def __init__(self, cards: Cards) -> None:
        self._cards = cards
        self._tasks: dict[Asked, tuple[float, asyncio.Task[CardFacts]]] = {}

    async def of(self, asked: Asked, patience_s: float = PATIENCE_S) -> Known:
        """What is known, as far as it can be told within the time; the reading itself goes on."""
        task = self._task(asked)
        await asyncio.wait({task}, timeout=patience_s)
        if not task.done():
            return _READING
        try:
            return Known(facts=task.result())
        except StoreError as error:
            _log.warning("card_not_read", call=asked.call_id, reason=str(error))
        except Exception:  # one call that cannot be told must not take the desk's others away
            _log.exception("card_broken", call=asked.call_id)
        self._tasks.pop(asked, None)
        return _FAILED

    def forget(self, call_id: str) -> None:
        """Something of this call changed: what was read of it is old."""
        self._tasks = {asked: kept for asked, kept in self._tasks.items() if asked.call_id != call_id}

    def close(self) -> None:
        """Nobody waits any more."""
        for _, task in self._tasks.values():
            task.cancel()
        self._tasks.clear()

    def _task(self, asked: Asked) -> asyncio.Task[CardFacts]:
        now = asyncio.get_running_loop().time()
        kept = self._tasks.get(asked)
        if kept is not None and (not kept[1].done() or now - kept[0] < FRESH_S):
            return kept[1]
        if len(self._tasks) > _MOST:
            self._tasks = {one: told for one, told in self._tasks.items() if now - told[0] < FRESH_S}
        task = asyncio.create_task(self._cards.facts(asked), name="web_desk_facts")
        self._tasks[asked] = (now, task)
        return task


async def told_by(blocks: Sequence[Block], about: CardAbout) -> Mapping[str, Given]:
    """What the blocks of a card show; one that fails is left out."""
    told = {block.name: await asked(block, block.of_card(about)) for block in blocks}
    return {name: given for name, given in told.items() if given is not None}
