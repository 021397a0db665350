"""`dial`: an agent's phone, or several at once; the customer's own agent first, if that is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec

from pbx_bridge.ivr.nodes.base import NodeName
from pbx_bridge.ivr.nodes.handing import SPOKE_WITH_PERSON, Extension, HandingToPerson
from pbx_bridge.ivr.run import Place, Run

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn

Number = Annotated[int, msgspec.Meta(ge=0, lt=10**15)]  # as YAML reads an extension without quotes
RingSeconds = Annotated[int, msgspec.Meta(ge=1, le=120)]

_EXTENSION = re.compile(r"[0-9]{1,15}")


class DialNode(HandingToPerson, frozen=True, kw_only=True, tag="dial"):
    """Rings the phones of these extensions; the first to answer has the caller.

    With `own_agent` the phone of a known customer's own agent is rung first and alone, then those of `to`, if any.
    The ways out are for a caller nobody spoke with. Forwards that agents set do not count here.
    """

    place: ClassVar[Place] = Place.DIAL

    to: Annotated[tuple[Extension | Number, ...], msgspec.Meta(max_length=20)] = ()
    busy: NodeName
    no_answer: NodeName
    unavailable: NodeName
    seconds: RingSeconds = 20
    own_agent: bool = False

    def __post_init__(self) -> None:
        """Refuse a node that can never ring anybody."""
        if not (self.to or self.own_agent):
            raise ValueError("it rings nobody: name extensions in to, or set own_agent")

    @property
    def extensions(self) -> tuple[str, ...]:
        """Whom it rings, each once."""
        return tuple(dict.fromkeys(str(one) for one in self.to))

    @property
    def target(self) -> str:
        """See HandingOver. Empty where it rings nobody but the customer's own agent."""
        return "+".join(self.extensions)

    def target_for(self, run: Run) -> str:
        """See HandingOver. `run.tries` here: whether the own agent was tried; they are not rung twice."""
        own = self._own(run)
        if own and not run.tries:
            return own
        return "+".join(one for one in self.extensions if one != own)

    def settings(self, run: Run) -> Mapping[str, str]:
        """See HandingOver."""
        return {"ring": str(self.seconds)}

    def on_enter(self, turn: Turn) -> None:
        """See Kind. Without anybody to ring nothing is said."""
        if self.target_for(turn.run):
            super().on_enter(turn)
        else:
            turn.enter(self.unavailable)

    def on_return(self, turn: Turn, status: str) -> None:
        """See Kind."""
        if status not in SPOKE_WITH_PERSON and self._own(turn.run) and not turn.run.tries:
            turn.set(tries=1)
            if self.target_for(turn.run):
                self.hand_over(turn)
                return
        super().on_return(turn, status)

    def way_back(self, status: str) -> str:
        """See HandingOver. `status` is Asterisk's DIALSTATUS; not registered, or no such phone, is all the rest."""
        return {"BUSY": self.busy, "NOANSWER": self.no_answer}.get(status, self.unavailable)

    def _own(self, run: Run) -> str:
        """The extension of the customer's own agent; empty if that is not asked for, or there is none."""
        own = run.customer.agent if self.own_agent and run.customer is not None else ""
        return own if _EXTENSION.fullmatch(own) else ""
