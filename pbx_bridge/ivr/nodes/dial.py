"""`dial`: an agent's phone, or several at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec

from pbx_bridge.ivr.nodes.base import NodeName
from pbx_bridge.ivr.nodes.handing import Extension, HandingOver
from pbx_bridge.ivr.run import Place, Run

Number = Annotated[int, msgspec.Meta(ge=0, lt=10**15)]  # as YAML reads an extension without quotes
RingSeconds = Annotated[int, msgspec.Meta(ge=1, le=120)]


class DialNode(HandingOver, frozen=True, kw_only=True, tag="dial"):
    """Rings the phones of these extensions; the first to answer has the caller, and the call ends with that talk.

    The ways out are for a caller nobody spoke with. Forwards that agents set do not count here.
    """

    place: ClassVar[Place] = Place.DIAL

    to: Annotated[tuple[Extension | Number, ...], msgspec.Meta(min_length=1, max_length=20)]
    busy: NodeName
    no_answer: NodeName
    unavailable: NodeName
    seconds: RingSeconds = 20

    @property
    def extensions(self) -> tuple[str, ...]:
        """Whom it rings, each once."""
        return tuple(dict.fromkeys(str(one) for one in self.to))

    @property
    def target(self) -> str:
        """See HandingOver."""
        return "+".join(self.extensions)

    def settings(self, run: Run) -> Mapping[str, str]:
        """See HandingOver."""
        return {"ring": str(self.seconds)}

    def way_back(self, status: str) -> str:
        """See HandingOver. `status` is Asterisk's DIALSTATUS; not registered, or no such phone, is all the rest."""
        return {"BUSY": self.busy, "NOANSWER": self.no_answer}.get(status, self.unavailable)
