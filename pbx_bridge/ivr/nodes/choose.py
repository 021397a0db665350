"""`choose`: is something known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pbx_bridge.ivr.nodes.base import Kind, NodeName

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn


class ChooseNode(Kind, frozen=True, kw_only=True, tag="choose"):
    """A way by whether something is known, e.g. `ticket.promised_on`."""

    given: Literal["customer", "ticket.promised_on"]
    known: NodeName
    missing: NodeName

    def makes_known(self) -> Mapping[str, tuple[str, ...]]:
        """See Kind."""
        return {"known": (self.given.partition(".")[0],)}

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        value: Any = turn.run.values()
        for name in self.given.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        turn.enter(self.missing if value is None else self.known)
