"""`voicemail`: a message for a mailbox."""

from __future__ import annotations

from typing import ClassVar

from pbx_bridge.ivr.nodes.base import NodeName
from pbx_bridge.ivr.nodes.handing import Extension, HandingOver
from pbx_bridge.ivr.run import Place


class VoicemailNode(HandingOver, frozen=True, kw_only=True, tag="voicemail"):
    """Records a message after a tone. `next` is for whoever is still there then: they ended it with a key."""

    place: ClassVar[Place] = Place.VOICEMAIL

    mailbox: Extension
    next: NodeName
    unavailable: NodeName

    @property
    def target(self) -> str:
        """See HandingOver."""
        return self.mailbox

    def way_back(self, status: str) -> str:
        """See HandingOver. `status` is Asterisk's VMSTATUS, or INVALID of our dialplan: no such box."""
        return self.unavailable if status in ("INVALID", "") else self.next
