"""A desk as pieces of HTML by id: what differs from the last time is sent, the rest stays on the screen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from pbx_bridge.store.callbacks import Handed
from pbx_bridge.store.contracts_rules import standing
from pbx_bridge.store.desk_cards import CardFacts
from pbx_bridge.store.wrap_ups import Stand, WrapUp
from pbx_bridge.web.board.troubles import Trouble
from pbx_bridge.web.desk.blocks import Block
from pbx_bridge.web.desk.facts import Known
from pbx_bridge.web.desk.last import LastCalls
from pbx_bridge.web.desk.model import Hand, Stage
from pbx_bridge.web.rendering import render
from pbx_bridge.web.transcript import Line, told
from pbx_bridge.web.viewer import CallView, Viewer, call_view

_HEARD = 8  # lines of the menu that are shown at once
_SIDES = ("menu", "caller")
_ORDER = {Stage.RING: 0, Stage.CALLING: 1, Stage.TALK: 2, Stage.HOLD: 3, Stage.ENDED: 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One call on the desk: at the phone (`hand`), to be told of (`wrap`), or both. `today`: of its contract."""

    hand: Hand | None
    wrap: WrapUp | None
    known: Known
    today: date

    @property
    def call_id(self) -> str:
        """See Hand."""
        return self.hand.call_id if self.hand else self.wrap.call_id if self.wrap else ""

    @property
    def stage(self) -> Stage:
        """See Hand; of what left the phone: ENDED."""
        return self.hand.stage if self.hand else Stage.ENDED

    @property
    def put_off(self) -> bool:
        """Whether it is to be told of later."""
        return self.hand is None and self.wrap is not None and self.wrap.stand is Stand.LATER


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """All that is to be seen. `handed`: callbacks that others gave the agent; `names`: agents by extension."""

    items: tuple[Item, ...]
    last: LastCalls
    handed: tuple[Handed, ...]
    troubles: tuple[Trouble, ...]
    names: Mapping[str, str]


Kept = Mapping[str, tuple[object, str]]
"""Pieces by id: what each was painted of, and its HTML."""


class Painter:
    """Renders pieces.

    Args:
        blocks: of other parts of the house; those of a card.
        reasons: of a call, to choose from.
        months: so many before its end a contract is ending; see ContractParts.
    """

    def __init__(self, blocks: Sequence[Block], reasons: Sequence[str], months: int) -> None:
        self._blocks, self._reasons, self._months = blocks, reasons, months

    def pieces(self, sight: Sight, who: Viewer, before: Kept) -> Kept:
        """Every piece by its id, in the order of the page, with what it was painted of.

        What was painted `before` of the same is not painted again: when a phone rings, only its card is.
        """
        last = sight.last
        found: dict[str, tuple[object, Callable[[], str]]] = {}
        found["d-notice"] = (sight.troubles, lambda: self._render("_notice", who, troubles=sight.troubles))
        for item in sorted(sight.items, key=_order):
            found[f"d-{item.call_id}"] = ((item, sight.names), partial(self._call, item, sight, who))
        found["d-handed"] = (sight.handed, lambda: self._render("_handed", who, handed=sight.handed))
        found["d-lost"] = (last, lambda: self._render("_lost", who, last=last))
        found["d-last"] = (last, lambda: self._render("_last", who, last=last, calls=_views(last, who)))
        return {name: _kept(before.get(name), thing, paint) for name, (thing, paint) in found.items()}

    def _call(self, item: Item, sight: Sight, who: Viewer) -> str:
        return self._render("_call", who, **self._of(item, sight, who))

    def _of(self, item: Item, sight: Sight, who: Viewer) -> dict[str, Any]:
        facts = item.known.facts
        heard = _heard(facts, who) if facts else []
        return {
            "item": item,
            "hand": item.hand,
            "wrap": item.wrap,
            "facts": facts,
            "failed": item.known.failed,
            "order": "-".join(map(str, _order(item))),
            "number": (facts.number if facts else "") or _number(item),
            "heard": heard[-_HEARD:],
            "heard_before": heard[:-_HEARD],
            "last": [call_view(line, who) for line in facts.calls] if facts else [],
            "standing_of": lambda contract: standing(contract, item.today, self._months),
            "days_left": lambda contract: (contract.ends_on - item.today).days,
            "names": sight.names,
            "reasons": self._reasons,
            "token": token_of(item, who.user),
            "blocks": [(block, item.known.blocks[block.name]) for block in self._blocks if _is_there(block, item)],
        }

    def _render(self, name: str, who: Viewer, **given: Any) -> str:
        given |= {"v": who, "t": who.t, "show": who.show, "from_ms": _milliseconds}
        return render(who.language, f"desk/{name}.html", given)


def _kept(before: tuple[object, str] | None, thing: object, paint: Callable[[], str]) -> tuple[object, str]:
    return before if before is not None and before[0] == thing else (thing, paint())


def _views(last: LastCalls, who: Viewer) -> list[CallView]:
    return [call_view(line, who) for line in last.calls]


def token_of(item: Item, user: str) -> str:
    """What tells a form that is sent twice from two forms: it is another once a ticket was opened."""
    count = sum(len(party.cases) for party in item.known.facts.parties) if item.known.facts else 0
    return hashlib.sha256(f"{item.call_id}\n{user}\n{count}".encode("utf-8", "replace")).hexdigest()[:16]


def _heard(facts: CardFacts, who: Viewer) -> list[Line]:
    """What the caller was told and keyed, and what came of it."""
    begun = min((step.at for step in facts.steps), default=who.now)
    return [line for line in told(facts.steps, begun, who) if line.side in _SIDES or line.tone != "plain"]


def _order(item: Item) -> tuple[int, int]:
    """Who rings first, then who talks, then what is to be told of, the newest first; what was put off last."""
    began = item.hand.began_at if item.hand else item.wrap.began_at if item.wrap else None
    return _ORDER[item.stage] + item.put_off, 10**15 - (_milliseconds(began) if began else 0)


def _number(item: Item) -> str:
    return item.hand.number if item.hand else item.wrap.number if item.wrap else ""


def _is_there(block: Block, item: Item) -> bool:
    return block.name in item.known.blocks


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
