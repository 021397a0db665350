"""What the desk needs of the rest of the system. The store has it; `memory` has it for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from pbx_bridge.store.callbacks import Handed
from pbx_bridge.store.desk_cards import Asked, CardFacts
from pbx_bridge.store.wrap_ups import NewWrapUp, Stand, WrapUp, Written

REASONS = ("question", "fault", "order", "payment", "complaint", "other")


class Cards(Protocol):
    """What is known of a call that rings."""

    async def facts(self, asked: Asked) -> CardFacts:
        """All of it. Raises StoreError."""


class WrapUps(Protocol):
    """What agents tell of their calls; what each method returns: store/wrap_ups.py. Each may raise StoreError."""

    async def begin(self, new: NewWrapUp) -> WrapUp:
        """The agent has this call in hand."""

    async def catch_up(self, user: str, extension: str) -> int:
        """Begin those of calls that no desk was there for; how many."""

    async def to_do(self, user: str) -> Sequence[WrapUp]:
        """The calls of which they have not told yet."""

    async def of_call(self, call_id: str) -> Sequence[WrapUp]:
        """What every agent told of a call."""

    async def of_calls(self, call_ids: Sequence[str]) -> Mapping[str, Sequence[WrapUp]]:
        """The same of some calls, by call id."""

    async def write(self, call_id: str, user: str, note: str, turn: int) -> Written | None:
        """The note as it stands now."""

    async def left(self, call_id: str, user: str) -> WrapUp | None:
        """The call has left their hands."""

    async def choose(self, call_id: str, user: str, customer_code: str) -> WrapUp | None:
        """Of several customers it is with this one."""

    async def tell(self, call_id: str, user: str, *, reason: str, next_step: str, stand: Stand) -> WrapUp | None:
        """What it was about and what comes next."""


class HandedOver(Protocol):
    """Callbacks that others gave an agent. Both may raise StoreError."""

    async def handed(self, user: str) -> Sequence[Handed]:
        """Those that they have not taken notice of."""

    async def seen(self, name: str, user: str) -> bool:
        """They have, of this one; whether it was theirs."""


class NothingHanded:
    """Of a site without callbacks."""

    async def handed(self, user: str) -> Sequence[Handed]:
        """See HandedOver."""
        return ()

    async def seen(self, name: str, user: str) -> bool:
        """See HandedOver."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskParts:
    """What the desk is made of. `reasons`: of a call, to choose from: a word of ours, or as the company calls it."""

    cards: Cards
    wrap_ups: WrapUps
    handed: HandedOver = field(default_factory=NothingHanded)
    reasons: tuple[str, ...] = REASONS


PARTS = web.AppKey("desk_parts", DeskParts)
