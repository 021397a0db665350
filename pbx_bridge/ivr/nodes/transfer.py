"""`transfer`: on to an extension of the house, or to a number outside."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pbx_bridge.ivr.nodes.base import NodeName
from pbx_bridge.ivr.nodes.handing import HandingOver
from pbx_bridge.ivr.run import Place

# Quoted in the file: YAML would read 0211 as an octal number. Never taken from a caller: outside calls cost money.
PhoneNumber = Annotated[str, msgspec.Meta(pattern=r"^\+?[0-9]{1,20}$")]


class TransferNode(HandingOver, frozen=True, kw_only=True, tag="transfer"):
    """Gives the call away as if somebody dialled `to` for the caller; whoever answers has it for good."""

    place: ClassVar[Place] = Place.TRANSFER

    to: PhoneNumber
    failed: NodeName

    @property
    def target(self) -> str:
        """See HandingOver."""
        return self.to

    def way_back(self, status: str) -> str:
        """See HandingOver. Nobody answered, or the dialplan has no such way."""
        return self.failed
