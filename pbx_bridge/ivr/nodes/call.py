"""`call` and `return`: another flow inside of this one.

A call is written out when the flow is read (see ivr/reading/calls.py): the other flow's nodes take its place, its
first node under the call's own name, the others as `call/node`. So whatever runs, checks, draws or resumes a
flow meets plain nodes only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec

from pbx_bridge.ivr.nodes.base import Kind, NodeName

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn

WayName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="a name of small letters")]
FlowFileName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^([a-z][a-z0-9_]{0,39}|[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}\.yaml)$",
        description="the name of a shipped flow, or of a .yaml file beside this one",
    ),
]
ArgumentName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Argument = str | int | float | bool
NEXT = "next"


class CallNode(Kind, frozen=True, kw_only=True, tag="call"):
    """Goes through another flow.

    Attributes:
        flow: which one. arguments: what it calls `$name`, in place of its own defaults.
        next: where a plain `return` leads. ways: where each other `return` leads, by its `way`.
    """

    flow: FlowFileName
    next: NodeName | None = None
    ways: dict[WayName, NodeName] = msgspec.field(default_factory=dict)
    arguments: dict[ArgumentName, Argument] = msgspec.field(default_factory=dict)


class ReturnNode(Kind, frozen=True, kw_only=True, tag="return"):
    """Back to the flow that called this one, by one of its ways. In a flow that nobody called it is the end."""

    leaves_menus: ClassVar[bool] = True

    way: WayName = NEXT

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        turn.hang_up("flow")
