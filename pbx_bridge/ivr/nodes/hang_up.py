"""`hang_up`: the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pbx_bridge.ivr.nodes.base import Kind

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn


class HangUpNode(Kind, frozen=True, kw_only=True, tag="hang_up"):
    """The end."""

    leaves_menus: ClassVar[bool] = True

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        turn.hang_up("flow")
